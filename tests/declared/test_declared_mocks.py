"""Mocks, and what calls without one do: what a test says of a call is what the run gets."""

from __future__ import annotations

import pytest
from declared_world import told

from perdure import ActivityError, activity

CALLS = """
workflow: it
steps:
  - id: each
    foreach: input.items
    concurrency: 2
    on_error: collect
    steps:
      - id: one
        activity: shop.pack
        with: {item: "{{ item }}"}
        retry: {attempts: 2, delay: 1s, backoff: constant, jitter: 0}
"""


def case(mocks: str, expect: str, items: str = "[1]") -> str:
    return f"  - name: it\n    input: {{items: {items}}}\n    mocks: {mocks}\n    expect: {expect}\n"


@pytest.mark.parametrize(
    ("mocks", "expect"),
    [
        ("[{activity: shop.pack, return: {ok: 1}}]", "{output: [{ok: true, value: {ok: 1}}]}"),
        ("[{step: one, return: 1}]", "{output: [{value: 1}], elapsed: 0s}"),
        ("[{step: one, return: 1, after: 5s}]", "{output: [{value: 1}], elapsed: 5s}"),
        ("[{step: each/one, return: 1}]", "{output: [{value: 1}]}"),
        ('[{step: "each[0]/one", return: 1}]', "{output: [{value: 1}]}"),
        ("[{activity: shop.pack, return: 1}, {step: one, return: 2}]", "{output: [{value: 2}]}"),
        ("[{activity: shop.pack, return: 1}, {activity: shop.pack, return: 2}]", "{output: [{value: 1}]}"),
        ("[{step: one, raise: shop.Full}]", "{output: [{ok: false, error: {type: shop.Full}}], elapsed: 1s}"),
        ("[{step: one, raise: {type: shop.Full, message: full, details: [3], retryable: false}}]",
         "{output: [{error: {message: full, details: [3]}}], steps: {one: {attempts: 1}}}"),
        ("[{step: one, sequence: [{raise: shop.Full}, {return: 2, after: 1s}]}]",
         "{output: [{value: 2}], steps: {one: {attempts: 2}}, elapsed: 2s}"),
        ("[{step: one, return: 1, queued: 1h}]", "{output: [{value: 1}], elapsed: 1h}"),
    ],
)  # fmt: skip
def test_a_mock_says_how_a_call_ends(check, mocks, expect):
    assert told(check(case(mocks, expect), definition=CALLS, head="")) == []


@pytest.mark.parametrize(
    ("mocks", "expect"),
    [
        ('[{step: "each[1]/one", return: b}, {step: one, return: a}]',
         "{output: [{value: a}, {value: b}, {value: a}]}"),
        ("[{step: one, with: {item: {between: [2, 3]}}, return: b}, {step: one, return: a}]",
         "{output: [{value: a}, {value: b}, {value: b}]}"),
        ("[{step: one, sequence: [{times: 2, return: a}, {return: b}]}]",
         "{output: [{value: a}, {value: a}, {value: b}]}"),
        ("[{step: one, return: a, after: 1s}]", "{elapsed: 2s}"),
    ],
)  # fmt: skip
def test_a_mock_takes_the_calls_it_names(check, mocks, expect):
    assert told(check(case(mocks, expect, "[1, 2, 3]"), definition=CALLS, head="")) == []


def test_a_mock_that_hangs_ends_when_it_is_cancelled(check):
    definition = "workflow: it\nsteps: [{id: a, activity: shop.pack, timeout: 1m}]\n"
    cases = "  - {name: it, mocks: [{step: a, hang: true}], expect: {error: Timeout, elapsed: 1m}}"
    assert told(check(cases, definition=definition, head="")) == []


LIMITED = """
workflow: it
steps:
  - id: one
    activity: shop.pack
    timeout: {queue: 5m, heartbeat: 30s}
    catch: [{steps: [{publish: "{{ error.message }}"}]}]
"""


@pytest.mark.parametrize(
    ("mock", "expect"),
    [
        ("queued: 6m, return: 1", "{state: no worker was free within 5m, elapsed: 5m, never: [{activity: shop.pack}]}"),
        ("queued: 4m, return: 1", "{output: 1, elapsed: 4m}"),
        ("hang: true", "{state: no heartbeat within 30s, elapsed: 30s}"),
        ("return: 1, after: 1h", "{output: 1, elapsed: 1h}"),
        ("return: 1, after: 1h, silent: true", "{state: no heartbeat within 30s, elapsed: 30s}"),
        ("sequence: [{return: 1, after: 29s, silent: true}]", "{output: 1, elapsed: 29s}"),
        ("sequence: [{hang: true, queued: 1m}]", "{state: no heartbeat within 30s, elapsed: 90s}"),
    ],
)
def test_the_timeouts_of_queues_and_heartbeats_are_met(check, mock, expect):
    cases = case(f"[{{step: one, {mock}}}]", expect)
    assert told(check(cases, definition=LIMITED, head="")) == []


def test_one_that_hangs_and_beats_ends_when_it_is_cancelled(check):
    written = case("[{step: one, hang: true, silent: false}]", "{status: cancelled, elapsed: 1h}")
    script = "    script: [{at: 1h, cancel: true}]\n"
    assert told(check(written + script, definition=LIMITED, head="")) == []


def test_children_and_what_is_sent_have_mocks_too(check):
    definition = """
        workflow: it
        steps:
          - {id: kid, workflow: child, with: {n: 1}}
          - {id: word, send: {to: other, signal: hello}}
        """
    good = "  - {name: it, mocks: [{workflow: child, with: {n: 1}, return: 2, after: 1h}], expect: {elapsed: 1h}}"
    assert told(check(good, definition=definition, head="")) == []
    bad = "  - {name: it, mocks: [{step: kid, raise: Bad}], expect: {error: {type: ChildFailed, cause: {type: Bad}}}}"
    assert told(check(bad, definition=definition, head="")) == []
    gone = (
        "  - {name: it, mocks: [{workflow: child, return: 2}, {send: hello, raise: UnknownRun}],"
        " expect: {error: UnknownRun}}"
    )
    assert told(check(gone, definition=definition, head="")) == []


def test_mocks_of_a_case_come_before_those_of_the_file(check):
    head = "mocks: [{step: one, return: file}]"
    assert (
        told(check(case("[{step: one, return: case}]", "{output: [{value: case}]}"), definition=CALLS, head=head)) == []
    )
    assert told(check(case("[]", "{output: [{value: file}]}"), definition=CALLS, head=head)) == []


# -- without a mock


@activity("shop.pack")
def pack(item: int) -> dict[str, int]:
    """Pack an item; there is no item 13."""
    if item == 13:
        raise ActivityError("shop.None", "there is no such item", retryable=False)
    return {"packed": item}


def test_a_call_without_a_mock_fails_the_test(check):
    session = check(case("[]", "{}"), definition=CALLS, head="")
    assert told(session) == ["each[0]/one calls shop.pack, and no mock says how it ends"]


def test_a_child_without_a_mock_fails_the_test(check):
    session = check("  - name: it", definition="workflow: it\nsteps: [{id: kid, workflow: child}]\n", head="")
    assert told(session) == ["kid starts the child child, and no mock says how it ends"]


def test_activities_that_touch_nothing_need_no_mock(check):
    definition = "workflow: it\nsteps: [{activity: log, with: {message: hi}}, {activity: noop, with: {value: 3}}]\n"
    assert told(check("  - {name: it, expect: {output: 3}}", definition=definition, head="")) == []


def test_results_are_generated_from_what_activities_declare(check):
    head = "activities: {unmocked: generate}"
    good = case("[]", "{output: [{value: {}}]}")
    assert told(check(good, definition=CALLS, head=head, activities=[pack])) == []
    problems = told(check(good, definition=CALLS, head=head))
    assert problems == ["each[0]/one calls shop.pack, which is not installed: nothing says what it returns"]


def test_real_activities_are_called_in_no_virtual_time(check):
    head = "activities: {unmocked: real}"
    expect = "{output: [{value: {packed: 1}}, {error: {type: shop.None}}], elapsed: 0s}"
    assert told(check(case("[]", expect, "[1, 13]"), definition=CALLS, head=head, activities=[pack])) == []
    mocked = case(
        '[{step: "each[1]/one", return: {packed: 0}}]',
        "{output: [{value: {packed: 1}}, {value: {packed: 0}}]}",
        "[1, 13]",
    )
    assert told(check(mocked, definition=CALLS, head=head, activities=[pack])) == []


def test_real_activities_that_are_not_installed_fail_the_step_as_they_would_in_a_worker(check):
    expect = "{output: [{error: {type: UnknownActivity}}]}"
    assert told(check(case("[]", expect), definition=CALLS, head="activities: {unmocked: real}")) == []


def test_a_mock_returns_only_what_its_activity_could(check):
    session = check(case("[{step: one, return: {packed: all}}]", "{}"), definition=CALLS, head="", activities=[pack])
    assert told(session)[0].startswith("WF630 shop.pack would not return this: packed: ")
    assert session.results == []
    later = case("[{activity: shop.pack, sequence: [{return: {packed: 1}}, {return: 2}]}]", "{}")
    session = check(later, definition=CALLS, head="", activities=[pack])
    [diagnostic] = session.suites[0].diagnostics
    assert (diagnostic.code, diagnostic.place.line, diagnostic.place.column) == ("WF630", 6, 76)


def test_a_call_with_arguments_that_do_not_fit_fails_as_in_a_worker(check):
    session = check(
        case("[{step: one, return: {packed: 1}}]", "{output: [{error: {type: InvalidInput}}]}", "[one]"),
        definition=CALLS, head="", activities=[pack],
    )  # fmt: skip
    assert told(session) == []


SECRET = """
workflow: it
steps:
  - {id: a, activity: shop.sign, with: {key: "Bearer {{ secrets.shop_key }}"}}
"""


@activity("shop.sign")
def sign(key: str) -> str:
    return f"signed with {key}"


def test_a_secret_reads_as_its_name(check):
    case = (
        "  - {name: it, mocks: [{step: a, with: {key: Bearer secrets.shop_key}, return: ok}],"
        " expect: {output: ok, calls: [{step: a, with: {key: Bearer secrets.shop_key}}]}}"
    )
    assert told(check(case, definition=SECRET, head="")) == []


def test_a_real_activity_gets_the_secret_and_the_test_never_sees_it(check, monkeypatch):
    monkeypatch.setenv("PERDURE_SECRET_SHOP_KEY", "hunter22")
    head = "activities: {unmocked: real}"
    good = "  - {name: it, expect: {output: 'signed with Bearer ***'}}"
    assert told(check(good, definition=SECRET, head=head, activities=[sign])) == []
    monkeypatch.delenv("PERDURE_SECRET_SHOP_KEY")
    missing = "  - {name: it, expect: {error: SecretUnavailable}}"
    assert told(check(missing, definition=SECRET, head=head, activities=[sign])) == []


def test_locks_are_free_and_caches_are_empty_at_first(check):
    definition = """
        workflow: it
        steps:
          - id: each
            foreach: [1, 1, 2]
            lock: {key: all}
            steps:
              - {id: one, activity: shop.pack, cache: {key: "{{ item }}"}, with: {item: "{{ item }}"}}
        """
    expect = "{output: [5, 5, 5], calls: [{step: one, times: 2}]}"
    case = f"  - {{name: it, mocks: [{{step: one, return: 5}}], expect: {expect}}}"
    assert told(check(case, definition=definition, head="")) == []
