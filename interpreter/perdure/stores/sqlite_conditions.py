"""Conditions of lists as SQL: which statement answers one, and with what it is filled in.

A condition that holds by itself for few runs leads: its column is the only one the planner may use an index of, so that
no list reads more than it has to. Knows the columns of `runs` and nothing of connections.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from typing import Final

from perdure.stores.conditions import Compare, Condition, Every, Label, Not, Some, check
from perdure.stores.sqlite_rows import SQL, json_list

_NULLABLE: Final = ("version", "parent", "closed_at")
_LEADS: Final = ("id", "parent", "label", "status", "workflow", "completed")
"""What can lead, the fewest runs first. Nearly all runs are completed some day: then the workflow says more."""

_WIDEST: Final = 50

Parameters = dict[str, str | int | None]


def runs_page(where: Condition | None, statuses: Sequence[str] | None, page: Parameters) -> tuple[str, Parameters]:
    """The statement for a page of runs, and its parameters, those of the page among them."""
    condition = where or Every(())
    check(condition)
    if statuses is not None:
        page["statuses"] = json_list(list(statuses))
    lead = _lead(condition)
    terms = _Terms(page, lead)
    text = terms.text(condition)
    if isinstance(lead, Label):
        name = "runs_page_of_label"
        page["label_name"], page["label_value"] = lead.name, lead.value
    else:
        name = "runs_page"
    if statuses is not None and _rank(lead) < _LEADS.index("status"):
        text = f"({text} AND +runs.status IN (SELECT value FROM json_each(:statuses)))"
    elif statuses is not None:
        name, terms.lead = "runs_page_with_status", None
        text = terms.text(condition)
    return SQL[name].replace(":condition", text), page


def _lead(condition: Condition) -> Compare | Label | None:
    """The part that holds for the fewest runs, of those that have to hold."""
    found = [part for part in _required(condition) if _rank(part) < len(_LEADS)]
    return min(found, key=_rank, default=None)


def _required(condition: Condition) -> Iterator[Compare | Label]:
    match condition:
        case Every(parts):
            for part in parts:
                yield from _required(part)
        case Compare() | Label():
            yield condition


def _rank(part: Compare | Label | None) -> int:
    if part is None or part.operator != "=":
        return len(_LEADS)
    if isinstance(part, Label):
        return _LEADS.index("label")
    name = "completed" if (part.column, part.value) == ("status", "completed") else part.column
    return _LEADS.index(name) if name in _LEADS else len(_LEADS)


class _Terms:
    """Writes conditions; their values become parameters."""

    def __init__(self, parameters: Parameters, lead: Compare | Label | None) -> None:
        self._parameters = parameters
        self.lead = lead

    def text(self, condition: Condition) -> str:
        match condition:
            case Every(parts):
                return _joined([self.text(part) for part in parts], "AND", "1")
            case Some(parts):
                return _joined(self._alternatives(parts), "OR", "0")
            case Not(part):
                return f"(NOT {self.text(part)})"
            case Compare():
                return self._compare(condition)
            case Label():
                return self._label(condition)

    def _compare(self, compare: Compare) -> str:
        column = f"runs.{compare.column}" if compare is self.lead else f"+runs.{compare.column}"
        name = self._parameter(compare.value)
        if compare.column not in _NULLABLE:
            return f"({column} {compare.operator} {name})"
        if compare.operator == "!=":
            return f"({column} IS NOT {name})"
        return f"({column} IS NOT NULL AND {column} {compare.operator} {name})"

    def _label(self, label: Label) -> str:
        if label is self.lead:
            return "1"  # the statement itself looks for it
        compared = "=" if label.operator == "!=" else label.operator
        name, value = self._parameter(label.name), self._parameter(label.value)
        exists = (
            "EXISTS (SELECT 1 FROM run_labels AS label INDEXED BY run_labels_by_run "
            f"WHERE label.run = runs.key AND label.name = {name} AND label.value {compared} {value})"
        )
        return f"(NOT {exists})" if label.operator == "!=" else exists

    def _alternatives(self, parts: Sequence[Condition]) -> list[str]:
        """Many values of one column are one list."""
        values: dict[str, list[str | int]] = {}
        terms = []
        for part in parts:
            if isinstance(part, Compare) and part.operator == "=":
                values.setdefault(part.column, []).append(part.value)
            else:
                terms.append(self.text(part))
        for column, listed in values.items():
            if len(listed) == 1:
                terms.append(self._compare(Compare(column, "=", listed[0])))
                continue
            name = self._parameter(json_list(listed))
            present = f"+runs.{column} IS NOT NULL AND " if column in _NULLABLE else ""
            terms.append(f"({present}+runs.{column} IN (SELECT value FROM json_each({name})))")
        return terms

    def _parameter(self, value: str | int) -> str:
        name = f"c{len(self._parameters)}"
        self._parameters[name] = value
        return f":{name}"


def _joined(terms: Sequence[str], operator: str, empty: str) -> str:
    """SQLite bounds how deep an expression is, and takes a long row of terms for a deep one: so rows of rows."""
    while len(terms) > _WIDEST:
        rows = [terms[start : start + _WIDEST] for start in range(0, len(terms), _WIDEST)]
        terms = [_joined(row, operator, empty) for row in rows]
    if len(terms) < 2:
        return terms[0] if terms else empty
    return f"({f' {operator} '.join(terms)})"
