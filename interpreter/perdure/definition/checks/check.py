"""The entry of the checks: every concern looks at every space once, and all they find comes back in order.

Spaces are the document and each fragment, so what is wrong in a fragment is told once however often it is used.
Knows no rule itself; the concerns stand in the files beside this one.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from perdure.definition.checks.activities import check_activities
from perdure.definition.checks.concurrency import check_concurrency
from perdure.definition.checks.constants import Constants
from perdure.definition.checks.control import check_control
from perdure.definition.checks.errors import check_errors
from perdure.definition.checks.findings import Findings
from perdure.definition.checks.fragments import check_fragments
from perdure.definition.checks.ids import check_ids
from perdure.definition.checks.loops import check_loops
from perdure.definition.checks.names import check_names
from perdure.definition.checks.naming import check_naming
from perdure.definition.checks.patience import Patience
from perdure.definition.checks.policies import check_policies
from perdure.definition.checks.reach import check_reach
from perdure.definition.checks.recursion import check_recursion
from perdure.definition.checks.schedules import check_schedules
from perdure.definition.checks.secrecy import check_secrecy, check_texts
from perdure.definition.checks.spaces import read_spaces
from perdure.definition.checks.typing import Typing
from perdure.definition.checks.unused import check_unused
from perdure.definition.diagnostics import Diagnostic, in_order
from perdure.definition.models import Document, Library
from perdure.definition.source import Source


def check(
    document: Document,
    sources: Mapping[str, Source],
    library: Library,
    catalogue: Mapping[str, Mapping[str, Any]] | None,
    *,
    whole: bool = True,
) -> list[Diagnostic]:
    """All that is wrong with a definition whose shape is right, each problem once, in order of place.

    `sources` are its files by their names in the library. Without a `catalogue` nothing is known about activities, and
    calls of them are not checked. Where parts were left out it is not `whole`, and nothing is said to be unused. Never
    raises for what a definition holds.
    """
    findings, constants = Findings(sources), Constants()
    spaces = read_spaces(document, library)
    patience = Patience(spaces)
    types, reads = check_names(spaces, Typing(spaces, catalogue or {}), constants, findings)
    for space in spaces.all:
        check_ids(space, findings)
        check_control(space, spaces, findings)
        check_reach(space, findings)
        check_loops(space, spaces, constants, patience, findings)
        check_concurrency(space, spaces, findings)
        patience.check(space, findings)
        check_secrecy(space, findings)
        check_naming(space, findings)
        if catalogue is not None:
            check_activities(space, catalogue, types, findings)
    check_recursion(spaces, findings)
    check_texts(sources, findings)
    check_fragments(spaces, types, findings)
    check_policies(spaces, findings)
    check_errors(spaces, catalogue or {}, findings)
    check_schedules(spaces, types, findings)
    if whole:
        check_unused(spaces, reads, findings)
    return in_order(findings.found)
