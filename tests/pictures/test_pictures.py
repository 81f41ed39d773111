"""Pictures: every step once, nothing over anything else, and nothing written in a definition becomes markup."""

from __future__ import annotations

from itertools import combinations
from pathlib import Path
from xml.etree import ElementTree

import pytest

from perdure.definition import inspect
from perdure.pictures import Box, dot, mermaid, outline, svg, text
from perdure.pictures.layout import LanePlace, Place, layout, walk

FOLDER = Path(__file__).parents[2] / "definitions"
DEFINITIONS = sorted(path for path in FOLDER.glob("*.yaml") if not path.name.endswith(".test.yaml"))
SVG = "{http://www.w3.org/2000/svg}"

HOSTILE = """
workflow: hostile
steps:
  - id: ask
    ask: {prompt: '</text><script>alert(1)</script> "quoted" & [x] {y} | `z` #34;'}
  - wait: {signal: '"]; evil'}
"""
NESTED = """
workflow: nested
steps:
  - id: group
    parallel:
      branches:
        a: [{id: one, activity: a.b, compensate: {activity: c.d}}]
        b:
          if: input.x
          steps: [{id: two, wait: 3d}, {id: three, set: {n: 1}}]
    catch: [{errors: [Timeout], steps: [{id: four, fail: {type: Late}}]}]
    finally: [{id: five, emit: {event: over}}]
  - id: six
    receive:
      on: [{signal: go, steps: [{id: seven, activity: a.b}], stop: true}, {update: add}]
"""


def drawn(definition: str | Path) -> Box:
    found = inspect(definition)
    assert found.document is not None
    return outline(found.document)


@pytest.mark.parametrize("path", DEFINITIONS, ids=lambda path: path.stem)
def test_every_shipped_definition_has_every_step_in_every_picture(path: Path) -> None:
    root = drawn(path)
    names = [box.name for box in root.walk() if box.name]
    tree = ElementTree.fromstring(svg(root))
    words = [element.text for element in tree.iter(f"{SVG}text")]
    for picture in (text(root), mermaid(root), dot(root)):
        assert all(name in picture for name in names)
    assert set(names) <= set(words)


@pytest.mark.parametrize("definition", [NESTED, *DEFINITIONS], ids=lambda found: getattr(found, "stem", "nested"))
def test_what_stands_side_by_side_does_not_overlap_and_what_is_held_stands_inside(definition: str | Path) -> None:
    for place in walk(layout(drawn(definition))):
        for lane in place.lanes:
            assert inside(lane, place)
            assert all(inside(inner, lane) for inner in lane.places)
            assert not any(overlap(a, b) for a, b in combinations(lane.places, 2))
        assert not any(overlap(a, b) for a, b in combinations(place.lanes, 2))


def test_words_stand_inside_their_box() -> None:
    for place in walk(layout(drawn(NESTED))):
        assert all(len(word) * 7 < place.width for word in place.words)


def test_many_lanes_go_on_in_further_rows() -> None:
    branches = "\n".join(f"        b{n}: [{{activity: some.activity}}]" for n in range(60))
    place = layout(drawn(f"workflow: wide\nsteps:\n  - parallel:\n      branches:\n{branches}\n"))
    [group] = place.lanes[0].places
    assert place.width < 1600
    assert len({lane.y for lane in group.lanes}) > 1


def test_nothing_written_in_a_definition_becomes_markup() -> None:
    root = drawn(HOSTILE)
    tree = ElementTree.fromstring(svg(root))
    assert not list(tree.iter(f"{SVG}script"))
    assert "<script" not in mermaid(root).replace("<br/>", "")
    assert '"]; evil' not in mermaid(root)
    assert mermaid(root).count('"') % 2 == 0
    assert dot(root).replace('\\"', "").count('"') % 2 == 0


def test_text_shows_lanes_and_modifiers() -> None:
    assert text(drawn(NESTED)).splitlines() == [
        "nested: workflow",
        "├─ group: parallel",
        "│  ├─ [a]",
        "│  │  └─ one: activity a.b (undo: c.d)",
        "│  ├─ [b if input.x]",
        "│  │  ├─ two: wait 3d",
        "│  │  └─ three: set n",
        "│  ├─ [catch Timeout]",
        "│  │  └─ four: fail Late",
        "│  └─ [finally]",
        "│     └─ five: emit over",
        "└─ six: receive signal go, update add",
        "   └─ [signal go]",
        "      └─ seven: activity a.b",
    ]


def test_values_are_told_in_the_words_of_a_definition() -> None:
    steps = """
  - {id: a, wait: "{{ input.days }}"}
  - {id: b, ask: {prompt: "May {{ input.item }} go?"}}
  - {id: c, foreach: [1, {x: 2}], concurrency: 4, if: "{{ input.a and true }}", steps: [{wait: {until: "{{ item }}"}}]}
  - {id: d, return: {user: "{{ input.user }}", done: true}}
"""
    assert text(drawn(f"workflow: words\nsteps:{steps}")).splitlines()[1:] == [
        "├─ a: wait input.days",
        "├─ b: ask May {{ input.item }} go?",
        "├─ c: foreach 1, x (if input.a and true; 4 at once)",
        "│  └─ wait until item",
        "└─ d: return user, done",
    ]


def test_edges_join_what_follows_each_other() -> None:
    lines = mermaid(drawn(NESTED)).splitlines()
    boxes = [line.split('["') for line in lines if '["' in line]
    names = {words.split("<br/>")[0].rstrip('"]'): lead.split()[-1] for lead, words in boxes}
    assert f"  {names['two']} --> {names['three']}" in lines
    assert lines.count("    end") + lines.count("  end") >= 2
    assert sum(line.strip().startswith("subgraph") for line in lines) == sum(line.strip() == "end" for line in lines)


def test_deep_and_long_definitions_are_drawn() -> None:
    deep = (
        "workflow: deep\nsteps:\n"
        + "".join("  " * n + "  - steps:\n" for n in range(400))
        + "  " * 400
        + "  - wait: 1s\n"
    )
    long = "workflow: long\nsteps:\n" + "  - wait: 1s\n" * 2000
    for definition, count in ((deep, 402), (long, 2001)):
        root = drawn(definition)
        assert sum(1 for _ in root.walk()) == count
        for make in (svg, mermaid, dot, text):
            assert make(root)


def test_a_state_marks_its_step() -> None:
    root = drawn(NESTED)
    address = next(box.address for box in root.walk() if box.name == "two")
    tree = ElementTree.fromstring(svg(root, {address: "waiting"}))
    assert [e.text for e in tree.iter(f"{SVG}text") if e.get("class") == "waiting"] == ["waiting"]
    assert "two: wait 3d [waiting]" in text(root, {address: "waiting"})


def inside(inner: Place | LanePlace, outer: Place | LanePlace) -> bool:
    return (
        outer.x <= inner.x
        and outer.y <= inner.y
        and inner.x + inner.width <= outer.x + outer.width + 0.01
        and inner.y + inner.height <= outer.y + outer.height + 0.01
    )


def overlap(a: Place | LanePlace, b: Place | LanePlace) -> bool:
    return a.x < b.x + b.width and b.x < a.x + a.width and a.y < b.y + b.height and b.y < a.y + a.height
