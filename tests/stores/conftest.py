"""Assertions of the shared suite are explained like those of a test file."""

import pytest

PARTS = (
    "commits",
    "inbox",
    "ownership",
    "messages",
    "succession",
    "upkeep",
    "conditions",
    "slots",
    "tasks",
    "schedules",
)
for part in ("", *(f"_{part}" for part in PARTS)):
    pytest.register_assert_rewrite(f"perdure.testing.store_suite{part}")
