-- Open questions are listed oldest first; without this all of them were sorted to show the first hundred.

CREATE INDEX asks_by_opening ON asks (opened_at, run, frame);
