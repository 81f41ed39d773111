"""Names and ids that are written otherwise than most: capitals, or several separators in one."""

from __future__ import annotations

import re
from typing import Final

from perdure.definition.checks.findings import Findings
from perdure.definition.checks.spaces import Space
from perdure.definition.diagnostics import quoted

_PLAIN: Final = re.compile(r"_?[a-z0-9]+((_[a-z0-9]+)*|(-[a-z0-9]+)*)")
_HINT: Final = "write it in lower case, words joined by - or by _"


def check_naming(space: Space, findings: Findings) -> None:
    """The workflow's name and the ids of a space."""
    name = space.keys.get("workflow") if space.name is None else space.name
    if isinstance(name, str) and not all(_PLAIN.fullmatch(part) for part in name.split(".")):
        path, key = (("workflow",), False) if space.name is None else (space.prefix, True)
        findings.add("WF903", f"{quoted(name)} is not in lower case", space.file, path, _HINT, key=key)
    for id, bearers in space.ids.items():
        if not _PLAIN.fullmatch(id):
            findings.add("WF903", f"{quoted(id)} is not in lower case", space.file, (*bearers[0].path, "id"), _HINT)
