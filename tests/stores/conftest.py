"""Assertions of the shared suite are explained like those of a test file."""

import pytest

for part in ("", "_commits", "_inbox", "_ownership"):
    pytest.register_assert_rewrite(f"perdure.testing.store_suite{part}")
