-- What a run has read counts for those that go on as it: their letters' ids are kept under the first one's key.

ALTER TABLE runs ADD COLUMN origin INTEGER;
CREATE INDEX runs_by_origin ON runs (origin) WHERE origin IS NOT NULL;
