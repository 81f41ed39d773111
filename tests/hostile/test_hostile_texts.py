"""Small languages of ours, given any text: queries, cron expressions, durations, times, addresses of stores."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any
from zoneinfo import ZoneInfo

import pytest
from fuzzing import bounded, told
from hypothesis import given
from hypothesis import strategies as st

from perdure import cron
from perdure.engine import query
from perdure.errors import InvalidQuery, StoreError
from perdure.stores import open_store
from perdure.values import parse_duration, parse_time

NOW = 1_700_000_000_000_000


def words(*pieces: str) -> st.SearchStrategy[str]:
    """Texts of these pieces, and any texts."""
    soup = st.lists(st.sampled_from([*pieces, " ", "", "\x00", "é", "\ud800", "\n"]), max_size=14)
    return soup.map("".join) | soup.map(" ".join) | st.text(max_size=40)


QUERIES = words(
    "id", "workflow", "status", "labels.", "labels.a", "started", "parent", "=", "!=", "<", ">=", "in", "(", ")", ",",
    "and", "or", "not", "'x'", "''", '"', "'", "null", "-1d", "failed", "2026-01-01", "9" * 400, "-" + "9" * 30 + "d",
)  # fmt: skip
CRONS = words(
    "*", "*/0", "*/5", "0", "59", "60", "1-5", "5-1", "1,2", "L", "l5", "mon", "MON#2", "1#5", "jan", "?", "W", "H",
    "R", "@daily", "@reboot", "31", "2", "29", "*/99999999999", "1-", "-1", ",", "#", "/",
)  # fmt: skip
FIELD = st.sampled_from(["*", "*/7", "0", "1", "5", "31", "2", "29", "L", "1#5", "5-7", "feb", "mon-fri", "0,30"])
FIELDS = st.lists(FIELD, min_size=5, max_size=5).map(" ".join)
TIMES = words(
    "1", "h", "m", "s", "us", ".", "-", "P", "T", "1D", "PT", "9" * 300, "w", "e", "+01:00", "2026-01-01", "Z", ":"
)
STORES = words(
    "sqlite://[",
    "sqlite://",
    "/",
    "memory://",
    ".db",
    "?",
    "durability=",
    "full",
    "#",
    "%00",
    "%zz",
    "[",
    "postgresql://",
    ":",
)


@bounded(400)
@given(QUERIES)
def test_any_query_is_read_or_refused_with_its_place(text: str) -> None:
    try:
        query.parse(text, NOW)
    except InvalidQuery as problem:
        told(problem)


@bounded(300)
@given(CRONS | FIELDS)
def test_any_cron_expression_fires_later_never_or_is_refused(text: str) -> None:
    try:
        parsed = cron.parse(text)
    except ValueError as problem:
        told(problem)
        return
    at = cron.next_after(parsed, NOW, ZoneInfo("Europe/Berlin"))
    assert at is None or at > NOW
    assert cron.fires(parsed) or at is None


@bounded(300)
@given(TIMES)
@pytest.mark.parametrize("parse", [parse_duration, parse_time])
def test_any_duration_or_time_is_whole_or_refused(parse: Callable[[Any], int], text: str) -> None:
    try:
        assert isinstance(parse(text), int)
    except ValueError as problem:
        told(problem)


@bounded(200)
@given(STORES)
def test_any_address_of_a_store_is_one_or_refused(text: str) -> None:
    try:
        open_store(text)
    except StoreError as problem:
        told(problem)
