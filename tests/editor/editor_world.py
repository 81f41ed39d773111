"""The files that the tests of the editor look at, and questions about a text with a `^` in it."""

from __future__ import annotations

from pathlib import Path
from textwrap import dedent
from typing import Any

from perdure.editor.analysis import Analysis
from perdure.editor.answers import Proposal, Target
from perdure.editor.completion import complete
from perdure.editor.hover import hover
from perdure.editor.shapes import Language
from perdure.editor.surroundings import Home, Surroundings
from perdure.editor.targets import targets
from perdure.testing.declared.language import SHAPES, TESTS

NOW = 1_790_000_000_000_000
"""2026-09-21T14:13:20Z, a Monday."""

CATALOGUE: dict[str, dict[str, Any]] = {
    "shop.price": {
        "summary": "The price of a thing.",
        "doc": "The price of a thing.\n\nIn euro.",
        "arguments": {
            "type": "object",
            "required": ["sku"],
            "additionalProperties": False,
            "properties": {
                "sku": {"type": "string", "description": "which thing"},
                "unit": {"enum": ["piece", "dozen"], "default": "piece"},
                "net": {"type": "boolean"},
            },
        },
        "result": {"type": "object", "properties": {"amount": {"type": "number"}, "currency": {"type": "string"}}},
        "deprecated": None,
    },
    "shop.old": {"summary": "", "arguments": {"properties": {}}, "result": {}, "deprecated": "use shop.price"},
}

FILES = {
    "mails.yaml": """\
        fragments:
          told:
            description: Tell somebody.
            input: {type: object, required: [who], properties: {who: {type: string}}}
            steps:
              - id: sent
                activity: shop.price
                with: {sku: "{{ input.who }}"}
        """,
    "survey.yaml": """\
        workflow: survey
        description: Ask how it was.
        input:
          type: object
          properties: {email: {type: string, description: whom to ask}}
        steps:
          - activity: shop.price
            with: {sku: a}
        """,
    "buy.yaml": """\
        workflow: buy
        imports: {mails: ./mails.yaml}
        vars: {total: 0}
        input: {type: object, properties: {sku: {type: string}, people: {type: array}}}
        steps:
          - id: price
            activity: shop.price
            with: {sku: "{{ input.sku }}"}
            compensate: {activity: shop.old}
          - set: {total: "{{ steps.price.amount }}"}
          - id: each
            foreach: input.people
            as: person
            steps:
              - id: greeted
                use: mails.told
                with: {who: "{{ person }}"}
          - id: asked
            workflow: survey
            with: {email: "{{ vars.total }}"}
          - rollback: {to: price}
        output: "{{ steps.price.amount + vars.total }}"
        """,
    "buy.test.yaml": """\
        test: ./buy.yaml
        cases:
          - name: it is bought
            mocks:
              - {step: price, return: {amount: 1}}
            expect:
              order: [price, asked]
              steps: {price: completed}
        """,
}


class World:
    """The files in a directory, with what a project knows."""

    def __init__(self, root: Path) -> None:
        self.root = root
        for name, text in FILES.items():
            (root / name).write_text(dedent(text))
        self.surroundings = Surroundings(
            CATALOGUE,
            {"shop.price": Home(root / "activities.py", 7)},
            {"survey": root / "survey.yaml"},
            tests=Language("tests", TESTS, SHAPES),
            now=NOW,
        )

    def text(self, name: str) -> str:
        return (self.root / name).read_text()

    def analysis(self, text: str, name: str = "buy.yaml") -> Analysis:
        return Analysis(self.root / name, text, self.surroundings)

    def proposals(self, text: str, name: str = "new.yaml") -> list[Proposal]:
        """What completes the text at its `^`."""
        text = dedent(text)
        return complete(self.root / name, text.replace("^", "", 1), text.index("^"), self.surroundings)

    def offered(self, text: str, name: str = "new.yaml") -> list[str]:
        return [one.label for one in self.proposals(text, name)]

    def completed(self, text: str, label: str, name: str = "new.yaml") -> str:
        """The text once the proposal of this label is taken."""
        plain = dedent(text).replace("^", "", 1)
        one = next(one for one in self.proposals(text, name) if one.label == label)
        return plain[: one.start] + one.insert + plain[one.end :]

    def hovered(self, name: str, at: str) -> str | None:
        """What is told about the place in a file that `^` marks in a piece of it."""
        text, index = self.place(name, at)
        found = hover(self.analysis(text, name), index)
        return None if found is None else found.markdown

    def targets(self, name: str, at: str) -> list[str]:
        """Where a place leads: files with the text that stands there, Python with its line."""
        text, index = self.place(name, at)
        return [self.shown(one) for one in targets(self.analysis(text, name), index)]

    def shown(self, one: Target) -> str:
        name = one.file.resolve().relative_to(self.root.resolve())
        if one.line is not None:
            return f"{name}:{one.line}"
        text = self.text(str(name))
        return f"{name}:{text.count(chr(10), 0, one.start) + 1} {text[one.start : one.end]}"

    def place(self, name: str, at: str) -> tuple[str, int]:
        text = self.text(name)
        return text, text.index(at.replace("^", "")) + at.index("^")
