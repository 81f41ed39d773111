"""What begins next: priority, arrival, limits of queues and rates, under a time that tests tell."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perdure.activities.rates import Rate, parse_rate
from perdure.engine.lanes import Lanes
from perdure.engine.queues import served
from perdure.errors import PerdureError
from perdure.values import HOUR, MINUTE, SECOND


def taken(lanes: Lanes[str], now: int = 0) -> list[str]:
    found = []
    while (item := lanes.take(now)) is not None:
        found.append(item)
    return found


def test_higher_priority_goes_first_and_then_the_older() -> None:
    lanes = Lanes[str](10)
    for item, priority in (("a", 0), ("b", 5), ("c", -1), ("d", 5), ("e", 0)):
        lanes.put(item, None, priority)
    assert taken(lanes) == ["b", "d", "a", "e", "c"]


def test_priority_counts_across_queues() -> None:
    lanes = Lanes[str](10, {"x": 5, "y": 5})
    lanes.put("a", "x", 1)
    lanes.put("b", "y", 2)
    lanes.put("c", "x", 3)
    assert taken(lanes) == ["c", "b", "a"]


def test_no_more_begin_than_the_limit_in_all() -> None:
    lanes = Lanes[str](2)
    for item in "abc":
        lanes.put(item, None, 0)
    assert taken(lanes) == ["a", "b"]
    lanes.leave("a")
    assert taken(lanes) == ["c"]


def test_a_full_queue_does_not_hold_up_another() -> None:
    lanes = Lanes[str](10, {"x": 1, "default": 2})
    for item in ("x1", "x2"):
        lanes.put(item, "x", 9)
    for item in ("d1", "d2", "d3"):
        lanes.put(item, None, 0)
    assert taken(lanes) == ["x1", "d1", "d2"]
    lanes.leave("x1")
    assert taken(lanes) == ["x2"]
    lanes.leave("d2")
    assert taken(lanes) == ["d3"]


def test_what_is_dropped_does_not_begin_and_takes_no_room() -> None:
    lanes = Lanes[str](10, {"x": 3})
    for number in range(1000):
        lanes.put(f"{number}", "x", number)
    for number in range(1, 1000):
        lanes.drop(f"{number}")
    lanes.drop("never there")
    assert lanes.room() == {"x": 2}
    assert taken(lanes) == ["0"]
    assert lanes.room() == {"x": 2}
    lanes.leave("0")
    lanes.leave("0")
    assert lanes.room() == {"x": 3}


def test_a_queue_is_served_by_name_and_all_are_without_names() -> None:
    assert Lanes[str](1).serves("anything")
    some = Lanes[str](1, {"x": 1})
    assert some.serves("x")
    assert not some.serves(None)
    assert not some.serves("default")
    assert Lanes[str](1, {"default": 1}).serves(None)


def test_room_is_what_could_begin_besides_what_waits() -> None:
    lanes = Lanes[str](3)
    assert lanes.room() == {"*": 3}
    lanes.put("a", "x", 0)
    assert lanes.room() == {"*": 2}
    lanes.take(0)
    assert lanes.room() == {"*": 2}
    for item in "bc":
        lanes.put(item, "x", 0)
    assert lanes.room() == {}
    limited = Lanes[str](3, {"x": 5, "y": 1})
    limited.put("a", "y", 0)
    assert limited.room() == {"x": 2}


def test_a_rate_holds_in_any_window_of_its_length() -> None:
    lanes = Lanes[str](100)
    rate = Rate(2, 10 * SECOND)
    for number in range(6):
        lanes.put(f"{number}", None, 0, "mail.send", rate)
    assert taken(lanes, 0) == ["0", "1"]
    assert lanes.ready_at() == 10 * SECOND
    assert taken(lanes, 10 * SECOND - 1) == []
    assert taken(lanes, 14 * SECOND) == ["2", "3"]
    assert taken(lanes, 20 * SECOND) == []
    assert lanes.ready_at() == 24 * SECOND
    assert taken(lanes, 24 * SECOND) == ["4", "5"]
    assert lanes.ready_at() is None


def test_a_rate_holds_over_all_queues_and_does_not_hold_up_others() -> None:
    lanes = Lanes[str](100, {"x": 10, "y": 10})
    rate = Rate(1, MINUTE)
    lanes.put("a", "x", 0, "m", rate)
    lanes.put("b", "y", 9, "m", rate)
    lanes.put("c", "x", -5, "other", Rate(1, MINUTE))
    lanes.put("d", "x", -9)
    assert taken(lanes) == ["b", "c", "d"]
    assert taken(lanes, MINUTE) == ["a"]


def test_a_rate_counts_starts_and_not_what_runs() -> None:
    lanes = Lanes[str](100)
    for number in range(2):
        lanes.put(f"{number}", None, 0, "m", Rate(1, MINUTE))
    assert taken(lanes) == ["0"]
    lanes.leave("0")
    assert taken(lanes, MINUTE - 1) == []
    assert taken(lanes, MINUTE) == ["1"]


def test_nothing_is_ready_by_time_alone_while_the_worker_is_full() -> None:
    lanes = Lanes[str](1)
    for number in range(2):
        lanes.put(f"{number}", None, 0, "m", Rate(1, MINUTE))
    assert taken(lanes) == ["0"]
    assert lanes.ready_at() is None
    lanes.leave("0")
    assert lanes.ready_at() == MINUTE


@settings(deadline=None)
@given(
    st.lists(st.tuples(st.integers(-3, 3), st.sampled_from("xyz"), st.sampled_from(["", "r", "s"])), max_size=40),
    st.integers(1, 5),
)
def test_all_that_waits_begins_some_day_and_no_limit_is_ever_passed(
    items: list[tuple[int, str, str]], limit: int
) -> None:
    queues = {"x": 1, "y": 2, "z": 9}
    rates = {"r": Rate(2, 7), "s": Rate(1, 3)}
    lanes = Lanes[int](limit, queues)
    for number, (priority, queue, rated) in enumerate(items):
        lanes.put(number, queue, priority, rated or None, rates.get(rated))
    now, begun, running = 0, list[tuple[int, int]](), list[int]()
    while len(begun) < len(items):
        while (item := lanes.take(now)) is not None:
            begun.append((now, item))
            running.append(item)
        assert len(running) <= limit
        assert all(sum(items[one][1] == queue for one in running) <= most for queue, most in queues.items())
        if running:
            lanes.leave(running.pop(0))
        else:
            moment = lanes.ready_at()
            assert moment is not None
            assert moment > now
            now = moment
    assert sorted(item for _, item in begun) == list(range(len(items)))
    for name, rate in rates.items():
        starts = [at for at, item in begun if items[item][2] == name]
        assert all(later - first >= rate.span for first, later in zip(starts, starts[rate.starts :], strict=False))


@pytest.mark.parametrize(("text", "starts", "span"), [
    ("10/s", 10, SECOND), ("100/m", 100, MINUTE), ("5/10s", 5, 10 * SECOND), (" 1 / h ", 1, HOUR),
    ("3/0.5s", 3, SECOND // 2), ("1/250ms", 1, SECOND // 4), ("1000/d", 1000, 24 * HOUR),
])  # fmt: skip
def test_rates_are_written_as_starts_and_span(text: str, starts: int, span: int) -> None:
    assert parse_rate(text) == Rate(starts, span)


@pytest.mark.parametrize("text", ["", "10", "/s", "10/", "0/s", "-1/s", "1.5/s", "10/0s", "10/w", "200000/s", 5, None])
def test_what_is_no_rate_is_refused(text: object) -> None:
    with pytest.raises(ValueError, match="rate"):
        parse_rate(text)


def test_queues_are_names_or_limits() -> None:
    assert served(None, 7) is None
    assert served(["a", "b/c-1"], 7) == {"a": 7, "b/c-1": 7}
    assert served({"a": 2}, 7) == {"a": 2}


@pytest.mark.parametrize(
    "queues", ["mail", 5, [], {}, ["two words"], [""], [3], {"a": 0}, {"a": True}, {"a": "1"}, {"*": 1}]
)
def test_what_are_no_queues_is_refused(queues: object) -> None:
    with pytest.raises(PerdureError, match="queues"):
        served(queues, 7)  # type: ignore[arg-type]


@pytest.mark.parametrize("text", ["10/s", "100/m", "5/10s", "7/d", "3/250ms", "2/ms"])
def test_a_rate_is_written_as_it_was_read(text: str) -> None:
    assert str(parse_rate(text)) == text
