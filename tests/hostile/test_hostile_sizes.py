"""Inputs of a megabyte cost at most a hundred megabytes, end, and raise nothing but our errors (see `sizes.py`)."""

from __future__ import annotations

import json
import subprocess
import sys
from pathlib import Path

import pytest
from sizes import READERS

MOST = 100


@pytest.mark.parametrize("reader", READERS)
def test_a_megabyte_of_anything_is_read_or_refused_within_bounds(reader: str) -> None:
    words = [sys.executable, str(Path(__file__).with_name("sizes.py")), reader]
    told = subprocess.run(words, capture_output=True, text=True, check=True).stdout.splitlines()
    assert len(told) == len(READERS[reader][1])
    for cost in map(json.loads, told):
        assert cost["ended"], cost
        assert not cost["outcome"].startswith("fault"), cost
        assert cost["megabytes"] < MOST, cost
