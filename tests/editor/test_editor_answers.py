"""Hover, targets, uses, renaming, outline and fixes, on the files of a small project."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent

import pytest
from editor_world import World

from perdure.definition import inspect
from perdure.editor.answers import Edit, Refusal, Symbol
from perdure.editor.fixes import fixes
from perdure.editor.outline import outline
from perdure.editor.text import Text
from perdure.editor.uses import apply, rename, step_at, uses


@pytest.mark.parametrize(
    ("name", "at", "says"),
    [
        ("buy.yaml", "activity: shop.p^rice", "In euro."),
        ("buy.yaml", "activity: shop.p^rice", "- `sku`: string — which thing"),
        ("buy.yaml", "activity: shop.^old", "*Deprecated:* use shop.price"),
        ("buy.yaml", "s^ku: \"", "**sku**: string — which thing"),
        ("buy.yaml", "{{ steps.pr^ice.amount }}\"}", "**steps.price**: activity: shop.price"),
        ("buy.yaml", "{{ steps.price.am^ount }}\"}", "**steps.price.amount**\n\n`number`"),
        ("buy.yaml", "{{ inp^ut.sku", "the run's input"),
        ("buy.yaml", "use: mails.t^old", "Tell somebody."),
        ("buy.yaml", "workflow: sur^vey", "Ask how it was."),
        ("buy.yaml", "workflow: sur^vey", "- `email`: string (optional) — whom to ask"),
        ("buy.yaml", "com^pensate", "the step that undoes this one"),
        ("buy.yaml", "fore^ach", "once per item of a list"),
        ("buy.yaml", "{to: pr^ice}", "step **price**"),
        ("buy.test.yaml", "step: pr^ice", "step **price**: activity: shop.price"),
        ("buy.test.yaml", "moc^ks", "how calls end"),
    ],
)  # fmt: skip
def test_hover_tells_what_is_known(world: World, name: str, at: str, says: str) -> None:
    assert says in (world.hovered(name, at) or "")


@pytest.mark.parametrize(
    ("text", "says"),
    [
        ("steps: [{wait: 1h3^0m}]", "1h30m; from now that is 2026-09-21 15:43:20 UTC"),
        ("schedule: {cron: '0 9 * * ^mon', timezone: Europe/Berlin}", "- Mon 2026-09-28 09:00 +0200"),
        ("schedule: {cron: '30 2 * * ^*', timezone: Nowhere}", None),
        ("schedule: {cron: '0 0 31 2 ^*'}", "never fires"),
        ("steps: [{wait: {until: '2027-01-^04T09:00', timezone: Europe/Berlin}}]", "Monday, 2027-01-04 08:00:00 UTC"),
        ("steps: [{if: input.a | def^ault(1), wait: 1s}]", "The other value where the path cannot be read"),
        ("steps: [{if: no^w() > '', wait: 1s}]", "The current time"),
        ("steps: [{wait: 1s}]  # perdure: ignore[WF^405] x", "**WF405** unreachable"),
        ("steps: [{wait: 1s}]  # ju^st a comment", None),
        ("steps: [{if: nothing.a^t == 1, wait: 1s}]", None),
        ("^", None),
    ],
)
def test_hover_tells_times_functions_and_rules(world: World, text: str, says: str | None) -> None:
    (world.root / "new.yaml").write_text(text.replace("^", ""))
    told = world.hovered("new.yaml", text)
    assert told is None if says is None else says in (told or "")


@pytest.mark.parametrize(
    ("name", "at", "leads"),
    [
        ("buy.yaml", "{{ steps.pr^ice.amount }}\"}", ["buy.yaml:6 price"]),
        ("buy.yaml", "{{ input.s^ku", ["buy.yaml:4 sku"]),
        ("buy.yaml", "vars.to^tal }}\"}", ["buy.yaml:3 total", "buy.yaml:10 total"]),
        ("buy.yaml", "{{ per^son }}", ["buy.yaml:13 person"]),
        ("buy.yaml", "mails: ./ma^ils.yaml", ["mails.yaml:1 "]),
        ("buy.yaml", "use: mails.to^ld", ["mails.yaml:2 told"]),
        ("buy.yaml", "wh^o: ", ["mails.yaml:4 who"]),
        ("buy.yaml", "workflow: sur^vey", ["survey.yaml:1 workflow"]),
        ("buy.yaml", "ema^il: ", ["survey.yaml:5 email"]),
        ("buy.yaml", "activity: shop.pr^ice", ["activities.py:7"]),
        ("buy.yaml", "activity: shop.o^ld", []),
        ("buy.yaml", "{to: pri^ce}", ["buy.yaml:6 price"]),
        ("mails.yaml", "{{ input.wh^o", ["mails.yaml:4 who"]),
        ("buy.test.yaml", "./bu^y.yaml", ["buy.yaml:1 "]),
        ("buy.test.yaml", "step: pri^ce", ["buy.yaml:6 price"]),
        ("buy.test.yaml", "[price, as^ked]", ["buy.yaml:18 asked"]),
        ("buy.test.yaml", "steps: {pri^ce", ["buy.yaml:6 price"]),
    ],
)  # fmt: skip
def test_names_lead_to_where_they_are_written(world: World, name: str, at: str, leads: list[str]) -> None:
    assert world.targets(name, at) == leads


EVERY_USE = [
    "buy.test.yaml:5 price", "buy.test.yaml:7 price", "buy.test.yaml:8 price",
    "buy.yaml:10 price", "buy.yaml:21 price", "buy.yaml:22 price", "buy.yaml:6 price",
]  # fmt: skip


@pytest.mark.parametrize(
    "at", ["id: pr^ice", '{{ steps.pr^ice.amount }}"}', "{to: p^rice}", "{{ steps.p^rice.amount +"]
)
def test_a_step_is_found_wherever_it_is_used(world: World, at: str) -> None:
    text, index = world.place("buy.yaml", at)
    meant = step_at(world.analysis(text), index)
    assert meant is not None
    assert sorted(world.shown(one.target) for one in uses(meant)) == EVERY_USE


def renamed(world: World, text: str, at: str, new: str) -> str | Refusal:
    found = step_at(world.analysis(text), text.index(at.replace("^", "")) + at.index("^"))
    assert found is not None
    edits = rename(found, new)
    if isinstance(edits, Refusal):
        return edits
    return apply(text, [edit for edit in edits if edit.file.name == "buy.yaml"])


def test_renaming_changes_every_use_and_the_definition_still_holds(world: World) -> None:
    text = world.text("buy.yaml")
    changed = renamed(world, text, "id: pr^ice", "net-price")
    assert isinstance(changed, str)
    assert changed.count("net-price") == 4
    assert "\"{{ steps['net-price'].amount + vars.total }}\"" in changed
    (world.root / "changed.yaml").write_text(changed)
    assert [found for found in inspect(world.root / "changed.yaml").diagnostics if found.severity == "error"] == []


@pytest.mark.parametrize(
    ("new", "why"),
    [("asked", 'there is a step "asked" already'), ("a b", '"a b" is no id'), ("", '"" is no id'), ("1", "is no id")],
)
def test_a_renaming_that_would_break_something_is_refused(world: World, new: str, why: str) -> None:
    refused = renamed(world, world.text("buy.yaml"), "id: pr^ice", new)
    assert isinstance(refused, Refusal)
    assert why in refused.reason


def test_nothing_is_renamed_in_a_file_that_cannot_be_read(world: World) -> None:
    refused = renamed(world, world.text("buy.yaml") + "x: [\n", "id: pr^ice", "cost")
    assert isinstance(refused, Refusal)
    assert "cannot be read" in refused.reason


def test_an_id_of_a_fragment_is_renamed_in_the_fragment_alone(world: World) -> None:
    text = """workflow: a
fragments:
  f: {steps: [{id: x, wait: 1s}, {set: {a: '{{ steps.x }}'}}]}
steps:
  - id: x
    use: f
output: '{{ steps.x }}'
"""
    changed = renamed(world, text, "[{id: ^x", "y")
    assert changed == text.replace("[{id: x", "[{id: y").replace("a: '{{ steps.x", "a: '{{ steps.y")


def test_the_outline_shows_steps_inside_each_other(world: World) -> None:
    def shown(symbols: list[Symbol]) -> list[object]:
        return [[one.name, shown(list(one.inside))] if one.inside else one.name for one in symbols]

    assert shown(outline(world.analysis(world.text("buy.yaml")))) == [
        ["vars", ["total"]],
        ["input", ["sku", "people"]],
        ["price", [["compensate", ["activity shop.old"]]]],
        "set",
        ["each", ["greeted"]],
        "asked",
        "rollback",
    ]
    assert shown(outline(world.analysis(world.text("mails.yaml"), "mails.yaml"))) == [["told", ["sent"]]]
    assert shown(outline(world.analysis(world.text("buy.test.yaml"), "buy.test.yaml"))) == ["it is bought"]


def fixed(world: World, text: str, title: str) -> str:
    path = world.root / "fixed.yaml"
    path.write_text(dedent(text))
    found = inspect(path, catalogue=world.surroundings.catalogue)
    offered = {fix.title: fix for fix in fixes(path, Text(path.read_text()), [*found.diagnostics, *found.quiet])}
    assert title in offered, sorted(offered)
    return apply(path.read_text(), list(offered[title].edits))


@pytest.mark.parametrize(
    ("line", "title", "after"),
    [
        ("- activity: shop.prize", "Change to shop.price", "- activity: shop.price"),
        ('- activity: "shop.prize"', "Change to shop.price", '- activity: "shop.price"'),
        ('- set: {a: "{{ input.skuu }}"}', "Change to sku", '- set: {a: "{{ input.sku }}"}'),
        ("- wiat: 3s", "Change to wait", "- wait: 3s"),
        ("- activity: shop.old", "Ignore WF606 here", "- activity: shop.old  # perdure: ignore[WF606] say why"),
        ("- wait: 1s # perdure: ignore[WF405] x", "Remove the comment", "- wait: 1s"),
        ("- activity: shop.old # perdure: ignore[WF405] x", "Ignore WF606 here",
         "- activity: shop.old # perdure: ignore[WF405, WF606] x"),
    ],
)  # fmt: skip
def test_a_fix_changes_what_is_wrong_and_nothing_else(world: World, line: str, title: str, after: str) -> None:
    head = (
        "workflow: a\ninput: {type: object, additionalProperties: false, properties: {sku: {type: string}}}\nsteps:\n"
    )
    assert fixed(world, f"{head}  {line}\n  - wait: 2s\n", title) == f"{head}  {after}\n  - wait: 2s\n"


def test_a_comment_that_ignores_stands_above_a_line_that_is_full(world: World) -> None:
    text = f"workflow: a\nsteps:\n  - activity: shop.old  # {'x' * 90}\n"
    assert fixed(world, text, "Ignore WF606 here").splitlines()[2] == "  # perdure: ignore[WF606] say why"


def test_positions_count_utf_16_and_lines_as_the_editor_does() -> None:
    text = Text("a🦆b\u2028c\r\nd\re")
    assert [text.position(index) for index in (0, 1, 2, 4, 6, 7, 9)] == [
        (0, 0), (0, 1), (0, 3), (0, 5), (0, 7), (1, 0), (2, 0),
    ]  # fmt: skip
    assert [text.index(*at) for at in ((0, 2), (0, 3), (0, 99), (1, 0), (2, 5), (9, 0), (-1, 0))] == [
        1,
        2,
        5,
        7,
        10,
        10,
        0,
    ]
    assert Text("🦆b", "utf-8").position(1) == (0, 4)
    assert Text("🦆b", "utf-32").position(1) == (0, 1)
    marked = Text("\ufeffab")
    assert (marked.body, marked.index(0, 1), marked.position(0)) == ("ab", 0, (0, 1))


def test_edits_of_a_text_do_not_disturb_each_other() -> None:
    file = Path("a")
    assert apply("abc", [Edit(file, 0, 1, "xx"), Edit(file, 2, 3, "")]) == "xxb"
