"""Names and ids that are written otherwise than most: capitals, or several separators in one; what the head of a
definition leaves out.
"""

from __future__ import annotations

import re
from typing import Final

from perdure.definition.checks.findings import Findings
from perdure.definition.checks.spaces import Space
from perdure.definition.diagnostics import quoted

_PLAIN: Final = re.compile(r"_?[a-z0-9]+((_[a-z0-9]+)*|(-[a-z0-9]+)*)")
_HEAD: Final = (
    ("description", "WF905", "nothing says what this workflow is for"),
    ("version", "WF906", "this version has no label"),
)
_HINT: Final = "write it in lower case, words joined by - or by _"


def check_naming(space: Space, findings: Findings) -> None:
    """The workflow's name and the ids of a space."""
    name = space.keys.get("workflow") if space.name is None else space.name
    if isinstance(name, str) and not all(_PLAIN.fullmatch(part) for part in name.split(".")):
        path, key = (("workflow",), False) if space.name is None else (space.prefix, True)
        findings.add("WF903", f"{quoted(name)} is not in lower case", space.file, path, _HINT, key=key)
    if space.name is None:
        _check_head(space, findings)
    for id, bearers in space.ids.items():
        if not _PLAIN.fullmatch(id):
            findings.add("WF903", f"{quoted(id)} is not in lower case", space.file, (*bearers[0].path, "id"), _HINT)


def _check_head(space: Space, findings: Findings) -> None:
    """What the document should say of itself."""
    for key, code, message in _HEAD:
        if not space.keys.get(key):
            findings.add(code, message, space.file, ("workflow",), f"add `{key}:`", key=True)
