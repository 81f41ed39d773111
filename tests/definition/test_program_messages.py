"""What messages, events, children and queries are compiled to."""

from __future__ import annotations

from perdure.definition import load
from perdure.program import Program
from perdure.program.nodes import CancelRun, Child, Emit, MessageHandler, Receive, Restart, Retry, Select, Send, Wait

TEXT = """
workflow: t
retry: {attempts: 2}
queries: {n: state.n, who: "{{ run.id }}"}
steps:
  - id: cart
    receive:
      state: {n: 0}
      on:
        - update: add
          input: {type: integer}
          accept: message > 0
          steps: [{id: check, activity: shop.check, compensate: {activity: shop.uncheck}}]
          set: {n: "{{ state.n + message }}"}
          reply: "{{ state.n }}"
        - {signal: add, async: true, steps: [{id: log, activity: log}]}
        - {signal: done, stop: true, steps: []}
      until: state.n > 9
      timeout: 5m
      default: late
  - {id: w, wait: {any: [{event: paid, match: message.ok}, {event: lost, name: gone}, {signal: stop}]}}
  - {id: s, select: [{event: paid, match: message.ok, steps: []}]}
  - {id: tell, send: {to: a, signal: b}}
  - {id: cry, emit: {event: e, data: 1}}
  - {id: stop, cancel: {run: a, reason: b}}
  - {id: halt, cancel: a}
  - {id: pack, workflow: shop.pack, detach: true, on_parent_close: abandon}
  - {id: ship, workflow: shop.ship, with: {x: 1}}
  - workflow: shop.pack
  - restart: {input: {n: 1}}
"""


def program() -> Program:
    return load(TEXT).program


def test_a_receive_is_compiled_with_its_handlers():
    node = program().nodes["cart"]
    assert isinstance(node, Receive)
    told = [(h.name, h.update, h.schema, h.body, h.place, h.stop, h.concurrent) for h in node.handlers]
    assert told == [
        ("add", True, {"type": "integer"}, "cart#handler-0", "cart/add", False, False),
        ("add", False, None, "cart#handler-1", "cart/add", False, True),
        ("done", False, None, None, "", True, False),
    ]
    add: MessageHandler = node.handlers[0]
    assert add.accept is not None
    assert add.accept.text == "message > 0"
    assert add.values is not None
    assert add.reply is not None
    assert node.until is not None
    assert (node.until.text, node.patience.timeout is None, node.patience.default is None) == (
        "state.n > 9",
        False,
        False,
    )


def test_steps_in_handlers_stand_under_the_name_of_the_message_and_may_run_more_than_once():
    made = program()
    inside = {address for address in made.kinds if address.startswith("cart/")}
    assert inside == {"cart/add/check", "cart/add/check/compensate", "cart/add/log"}
    assert inside <= made.shared
    assert "cart" not in made.shared


def test_a_receive_without_an_id_puts_the_name_of_the_message_alone():
    text = "workflow: t\nsteps: [{receive: {on: [{signal: a, steps: [{id: x, activity: b}]}]}}]\n"
    made = load(text).program
    assert set(made.kinds) == {"", "receive", "a/x"}
    node = made.nodes["receive"]
    assert isinstance(node, Receive)
    assert node.handlers[0].place == "a"


def test_triggers_know_their_events():
    made = program()
    wait, select = made.nodes["w"], made.nodes["s"]
    assert isinstance(wait, Wait)
    assert isinstance(select, Select)
    told = [(t.name, t.event, t.signal, t.match and t.match.text) for t in (*wait.triggers, *select.triggers)]
    assert told == [
        ("paid", "paid", None, "message.ok"),
        ("gone", "lost", None, None),
        ("stop", None, "stop", None),
        ("0", "paid", None, "message.ok"),
    ]


def test_what_is_said_to_other_runs_is_compiled():
    nodes = program().nodes
    tell, cry, stop, halt = (nodes[name] for name in ("tell", "cry", "stop", "halt"))
    assert isinstance(tell, Send)
    assert isinstance(cry, Emit)
    assert isinstance(stop, CancelRun)
    assert isinstance(halt, CancelRun)
    assert (tell.signal, cry.event, stop.reason is None, halt.reason is None) == ("b", "e", False, True)
    assert isinstance(nodes["restart"], Restart)


def test_children_are_compiled_and_named_once():
    made = program()
    pack, ship = made.nodes["pack"], made.nodes["ship"]
    assert isinstance(pack, Child)
    assert isinstance(ship, Child)
    assert [(c.workflow, c.detach, c.closing) for c in (pack, ship)] == [
        ("shop.pack", True, "abandon"),
        ("shop.ship", False, "cancel"),
    ]
    assert made.nodes["shop.pack"].step == "shop.pack"
    assert made.children == ("shop.pack", "shop.ship")


def test_queries_are_expressions_by_name():
    assert {name: query.text for name, query in program().queries.items()} == {"n": "state.n", "who": "{{ run.id }}"}
    assert load("workflow: t\nsteps: [{activity: a}]\n").program.queries == {}


def test_only_the_retry_of_the_whole_run_is_whole():
    text = "workflow: t\nretry: {attempts: 2}\nsteps: [{id: a, activity: b, retry: {attempts: 2}}]\n"
    made = load(text).program
    whole, own = made.nodes["#retry"], made.nodes["a#retry"]
    assert isinstance(whole, Retry)
    assert isinstance(own, Retry)
    assert [(r.whole, r.block, r.inner) for r in (whole, own)] == [(True, True, ("a",)), (False, False, ("a",))]
