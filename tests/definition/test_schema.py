"""The generated JSON Schema: fresh, valid, and of one mind with the shape check."""

from __future__ import annotations

import copy
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from hypothesis import given, settings
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from perdure.definition.grammar import ByType, Items, Leaf, Record, Shape, Table, Tagged
from perdure.definition.language import DEFINITION, STEP
from perdure.definition.marks import Marks
from perdure.definition.reader import read
from perdure.definition.schema import text, workflow_schema
from perdure.definition.shape import check_shape
from perdure.definition.source import Source

ROOT = Path(__file__).parents[2]
VALIDATOR = Draft202012Validator(workflow_schema())

WHOLE = """\
workflow: everything
version: "2.1"
description: every key of the language that is supported
input: {type: object, required: [xs], properties: {xs: {type: array}}}
output_schema: {type: object}
output: {n: "{{ vars.n }}"}
vars: {n: 0}
defaults: {"payments.*": {retry: {attempts: 3}, timeout: {attempt: 5s}}, "*": {timeout: 1h, queue: slow, priority: 1}}
timeout: 30d
retry: {attempts: 2}
concurrency: {key: "{{ input.id }}", limit: 2, on_conflict: cancel_running}
queries: {count: "state.n", first: "{{ state.items[0] }}"}
labels: {customer: "{{ input.id }}", vip: true, n: 3}
schedule:
  - {id: daily, cron: "0 9 * * mon-fri", timezone: Europe/Berlin, jitter: 5m, overlap: buffer_one, catch_up: 6h,
     start: 2026-03-01, end: "2027-03-01T00:00:00Z", input: {xs: ["{{ schedule.time }}"]}}
  - {id: often, every: 30s, overlap: skip}
  - {id: paid, event: paid, match: message.amount > 3, input: "{{ message }}"}
imports: {mail: ./mail.yaml}
fragments:
  pack: {description: d, input: {type: object}, steps: [{activity: a}], output: "{{ steps.x }}"}
catch: [{errors: [Timeout, "payments.*"], if: "true", as: problem, compensate: true, steps: [{wait: 0}]}]
finally: [{activity: clean}]
steps:
  - id: call
    activity: payments.charge
    with: {card: "{{ input.card }}", amounts: [1, 2.5, null]}
    if: input.ok
    timeout: {attempt: 1m, total: 5m, queue: 10s, heartbeat: 5s}
    retry: {attempts: 3, backoff: exponential, delay: 1s, factor: 2, max_delay: 1m, jitter: 0.5, within: 1h,
      on: ["*"], except: [Timeout]}
    catch: [{}]
    finally: []
    compensate: {activity: payments.refund}
    output: "{{ steps.call.id }}"
    lock: {key: "card-{{ input.card }}", limit: 2}
    cache: {key: [charge, "{{ input.card }}"], ttl: 1h}
    summary: charge
    description: charges
    queue: "{{ input.region }}/pay"
    priority: -3
  - steps: [{wait: 1h30m}]
    timeout: "{{ input.patience }}"
  - branch: [{when: input.a, steps: []}, {else: true, steps: [{wait: 3d}]}]
  - branch: [{when: true, steps: []}, {else: [{wait: 3d}]}]
  - branch: {on: input.a, cases: {200: [{wait: 0}], "true": {steps: []}}, else: []}
  - parallel: {branches: {a: [{wait: 1s}], b: {if: input.b, steps: []}}, join: 1, rest: finish,
      on_error: collect, tolerate: "10%"}
  - {foreach: input.xs, as: x, concurrency: "{{ input.n }}", join: any, rest: cancel, on_error: fail, tolerate: 1,
     steps: [{use: pack, with: {x: "{{ x }}"}}]}
  - {foreach: [1, 2], steps: []}
  - {repeat: {while: vars.n < 3, max: 5}, steps: [{set: {n: "{{ vars.n + 1 }}"}}]}
  - {repeat: {until: "vars.n > 3"}, steps: []}
  - wait: {for: 3d}
  - wait: {until: "2026-03-01T09:00", timezone: Europe/Berlin}
  - wait: {signal: paid, timeout: 3d, default: null, transient: true}
  - wait: {any: [{signal: a, name: b}, {after: 3d, name: late}, {until: "2026-03-01T09:00:00Z", name: then}]}
  - wait: {all: [{signal: a}, {signal: b, transient: true}]}
  - select: [{signal: a, steps: []}, {after: 1d, steps: []}, {until: "{{ input.t }}", steps: []}]
  - select: {arms: [{signal: a, steps: []}], timeout: 3d, default: {a: 1}, transient: false}
  - ask: {prompt: ok?, form: {type: object}, of: [ana, ben], timeout: 3d, default: no answer, reminders: [1d, 2d]}
  - ask: {prompt: ok?, choices: [1, 2], of: "{{ input.who }}", reminders: 1d}
  - fail: {type: shop.Closed, message: "closed {{ today() }}", details: [1]}
  - receive:
      state: {items: [], open: true}
      on:
        - {update: add, input: {type: object}, accept: state.open, steps: [{wait: 0}], set: {items: []}, reply: ok}
        - {signal: close, set: {open: "{{ message }}"}, stop: true}
        - {signal: look, async: true}
      until: "not state.open"
      timeout: 1h
      default: null
  - receive: {state: "{{ input.state }}", on: [{signal: a}]}
  - wait: {event: paid, match: "message.id == input.id"}
  - wait: {any: [{event: paid, name: first, match: true}, {event: lost}]}
  - select: [{event: paid, match: "message.id == input.id", steps: []}]
  - publish: {items: "{{ vars.n }}"}
  - send: {to: "order-{{ input.id }}", signal: paid, data: {amount: 3}}
  - emit: {event: paid, data: [1]}
  - cancel: other-run
  - cancel: {run: "{{ input.run }}", reason: not needed}
  - {workflow: shop.pack, with: {x: 1}, detach: true, on_parent_close: abandon}
  - rollback: {to: call}
  - rollback: all
  - use: mail.send
  - {if: input.again, restart: {input: {xs: []}}}
  - {if: input.more, restart: {input: "{{ input.next }}"}}
  - return: {a: [1]}
"""


def test_the_schema_in_the_repository_is_fresh() -> None:
    assert (ROOT / "schemas" / "workflow.schema.json").read_text(encoding="utf-8") == text()


def test_the_schema_is_itself_valid_and_every_reference_leads_somewhere() -> None:
    schema = workflow_schema()
    Draft202012Validator.check_schema(schema)
    wanted = {ref.removeprefix("#/$defs/") for ref in references(schema) if ref.startswith("#")}
    assert wanted <= set(schema["$defs"])
    assert set(schema["$defs"]) - wanted == set()


def references(schema: Any) -> Iterator[str]:
    if isinstance(schema, dict):
        for key, value in schema.items():
            if key == "$ref" and isinstance(value, str):
                yield value
            yield from references(value)
    elif isinstance(schema, list):
        for item in schema:
            yield from references(item)


def test_shapes_of_one_name_are_one_shape() -> None:
    by_name: dict[str, Shape] = {}
    for shape in shapes():
        if isinstance(shape, Leaf | Record | Tagged):
            assert by_name.setdefault(shape.name, shape) == shape


def shapes() -> Iterator[Shape]:
    waiting: list[Shape] = [DEFINITION, STEP]
    while waiting:
        shape = waiting.pop()
        yield shape
        match shape:
            case Items():
                waiting.append(shape.item)
            case Table():
                waiting += [shape.value, *([shape.key] if shape.key else [])]
            case ByType():
                waiting += shape.shapes.values()
            case Record():
                waiting += [key.shape for key in shape.keys.values()]
            case Tagged():
                waiting += [key.shape for key in shape.shared.values()]
                for kind in shape.kinds.values():
                    waiting += [kind.value, *(key.shape for key in kind.beside.values())]


def test_both_accept_a_definition_with_every_supported_key() -> None:
    source = read(WHOLE)
    assert source.diagnostics == []
    assert check_shape(source) == []
    assert [error.message for error in VALIDATOR.iter_errors(source.value)] == []


def test_the_whole_definition_uses_every_key_of_the_table() -> None:
    used = set(keys(read(WHOLE).value))
    for shape in shapes():
        if isinstance(shape, Record):
            assert set(shape.keys) <= used
        if isinstance(shape, Tagged):
            assert {*shape.kinds, *shape.shared, *(key for kind in shape.kinds.values() for key in kind.beside)} <= used


def keys(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        yield from value
        for item in value.values():
            yield from keys(item)
    elif isinstance(value, list):
        for item in value:
            yield from keys(item)


# What JSON Schema cannot say: whether a duration, time, zone, cron expression or a schema within the schema holds.
BEYOND = {"WF507", "WF508", "WF206", "WF207", "WF214", "WF215", "WF218"}

POOL: list[Any] = [
    None, True, False, 0, 1, -1, 7, 1.5, "", " ", "a", "a b", "{{ x }}", "a {{ x }}", "3d", "tomorrow", "10%", "200%",
    "all", "any", "cancel", "2026-03-01T00:00:00Z", [], ["a"], [1], [[]], {}, {"a": 1}, {"steps": []},
    [{"wait": "3d"}], [{"activity": "a"}], {"wait": {"signal": "a"}}, {"when": "a", "steps": []}, {"type": "object"},
    {"signal": "a"}, {"after": "3d"}, {"after": "3d", "name": "late"}, {"attempt": "3s"}, {"while": "a"},
]  # fmt: skip
NAMES = sorted({*keys(read(WHOLE).value), "nonsense", "a b"})


def mutated(seed: int, times: int) -> Any:
    """The whole definition with some of its values and keys exchanged, added or taken away."""
    chance = random.Random(seed)
    value = copy.deepcopy(read(WHOLE).value)
    for _ in range(times):
        holders = [part for part in containers(value) if part]
        holder = chance.choice(holders)
        place = chance.choice(list(holder) if isinstance(holder, dict) else range(len(holder)))
        action = chance.randrange(5)
        if action == 0:
            del holder[place]
        elif action == 1:
            holder[place] = copy.deepcopy(chance.choice(POOL))
        elif isinstance(holder, list):
            holder.append(copy.deepcopy(chance.choice([*POOL, *holders])))
        elif action == 2:
            holder[chance.choice(NAMES)] = holder.pop(place)
        else:
            holder[chance.choice(NAMES)] = copy.deepcopy(chance.choice(POOL))
    return value


def containers(value: Any) -> Iterator[Any]:
    if isinstance(value, dict | list):
        yield value
        for item in value.values() if isinstance(value, dict) else value:
            yield from containers(item)


@settings(max_examples=150, deadline=None)
@given(st.integers(0, 2**32), st.integers(1, 3))
def test_schema_and_shape_check_accept_the_same_definitions(seed: int, times: int) -> None:
    value = mutated(seed, times)
    found = check_shape(Source("x", "", value, Marks("")))
    codes = {diagnostic.code for diagnostic in found if diagnostic.severity == "error"}
    if VALIDATOR.is_valid(value):
        assert codes <= BEYOND
    else:
        assert codes


def test_the_text_of_the_schema_is_json_with_the_keys_in_the_order_of_the_table() -> None:
    assert list(json.loads(text())["properties"]) == list(DEFINITION.keys)
