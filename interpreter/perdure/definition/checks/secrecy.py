"""What a definition gives away or lets in: secrets in its text or its results, templates in commands, TLS switched off.

Goes by names and by the known forms of keys and tokens; what a template gives is unknown.
"""

from __future__ import annotations

import re
from collections.abc import Iterator, Mapping
from typing import Final

from perdure.definition.checks.findings import Findings
from perdure.definition.checks.spaces import Placed, Space
from perdure.definition.diagnostics import quoted
from perdure.definition.models import Path
from perdure.definition.source import Source
from perdure.values import JSON

_GIVING: Final = frozenset(("with", "vars", "set", "data", "state", "publish", "return", "restart"))
"""Keys whose values are the author's own, by names of their choice."""
_NAME: Final = re.compile(
    r"(?!(?:has|is|no|needs)_)(?:.*_)?(?:password|passwd|passphrase|client_secret"
    r"|(?:api|secret|private|access|signing|encryption)_?key|(?:auth|access|refresh|bearer|api)_token)"
)
_KNOWN: Final = re.compile(
    r"\bAKIA[0-9A-Z]{16}\b|\bgh[pousr]_[A-Za-z0-9]{36}|\bgithub_pat_\w{22}|\bglpat-[\w-]{20}"
    r"|\bxox[abprs]-[\w-]{10}"
    r"|\b[sr]k_live_\w{16}|\bAIza[\w-]{35}|-----BEGIN [A-Z ]*PRIVATE KEY-----"
    r"|(?<![\w-])eyJ[\w-]{10,}\.eyJ[\w-]{10,}\.[\w-]+"
    r"|\w://[^\s/:@{}]+:[^\s/:@{}]+@"
)
"""Keys of AWS, GitHub, GitLab, Slack, Stripe and Google, PEM, JWT, and passwords in URLs."""
_MARKS: Final = ("AKIA", "gh", "github_pat_", "glpat-", "xox", "_live_", "AIza", "-----BEGIN ", "eyJ", "@")
"""Each form of `_KNOWN` holds one of these."""
_AUTHORIZATION: Final = re.compile(r"(?i)(?:basic|bearer|token)\s+[^\s{]+$")
_CAMEL: Final = re.compile(r"(?<=[a-z0-9])(?=[A-Z])")
_HOLE: Final = re.compile(r"\{\{-?\s*[A-Za-z_][\w.]*\.(\w+)\s*(?:\|\s*default\b[^}]*)?-?\}\}")

_STATEMENTS: Final = frozenset(("sql", "query", "statement"))
_SQL: Final = re.compile(
    r"(?is)\s*(?:select\b.*\bfrom\b|insert\s+into\b|update\s.*\bset\b|delete\s+from\b|merge\s+into\b"
    r"|with\b.*\bselect\b|(?:create|drop|alter|truncate)\s+(?:table|view|index|schema|database)\b)"
)
_COMMANDS: Final = frozenset(("command", "cmd", "script", "shell", "bash"))
_SHELLS: Final = frozenset(("shell", "bash", "sh", "ssh", "exec", "subprocess", "cmd", "powershell"))

_VERIFYING: Final = frozenset(("verify", "verify_ssl", "ssl_verify", "verify_tls", "tls_verify", "check_certificate"))
_TRUSTING: Final = frozenset(("insecure", "insecure_skip_verify", "skip_tls_verify", "skip_verify", "no_verify"))
_CHOSEN_HOST: Final = re.compile(r"(?i)https?://[^/?#{]*\{\{")
_PLAIN: Final = re.compile(r"(?i)http://(?!localhost\b|127\.|\[::1\]|\{)[^/:]*\.")

_SHOWN: Final = (("output",), ("labels",), ("summary",), ("publish",), ("return",), ("emit", "data"))


def check_texts(sources: Mapping[str, Source], findings: Findings) -> None:
    """Secrets in the text of the definition and its imports, anywhere in it."""
    for file, source in sources.items():
        texts = list(_texts(source.value))
        whole = "\n".join(text for _, text, _ in texts)
        marks = [mark for mark in _MARKS if mark in whole]
        for path, text, given in texts:
            if "{{" not in text and given and _is_secret(path, text):
                message = f"the value of {quoted(path[-1])} is written out"
            elif any(mark in text for mark in marks) and _KNOWN.search(text):
                message = "this looks like a key, a token or a password"
            else:
                continue
            findings.add("WF701", message, file, path, "use `{{ secrets.name }}` as an argument")


def check_secrecy(space: Space, findings: Findings) -> None:
    """What the steps of a space hand out and take in."""
    for placed in space.placed:
        _check_shown(placed, findings)
        if placed.parent is not None and placed.step.kind == "activity":
            _check_arguments(placed, findings)


def _texts(value: JSON) -> Iterator[tuple[Path, str, bool]]:
    """Every text with its path, and whether it stands where names are the author's own."""
    waiting: list[tuple[Path, JSON, bool]] = [((), value, False)]
    while waiting:
        path, part, given = waiting.pop()
        if isinstance(part, str):
            yield path, part, given
        elif isinstance(part, dict):
            waiting.extend(((*path, key), inner, given or key in _GIVING) for key, inner in part.items())
        elif isinstance(part, list):
            waiting.extend(((*path, index), inner, given) for index, inner in enumerate(part))


def _is_secret(path: Path, text: str) -> bool:
    name = _folded(path[-1])
    if name == "authorization":
        return _AUTHORIZATION.match(text) is not None
    return _NAME.fullmatch(name) is not None and len(text) > 3 and not re.search(r"\s", text)


def _check_shown(placed: Placed, findings: Findings) -> None:
    for keys in _SHOWN:
        if keys == ("output",) and (placed.parent is not None or placed.space.name is not None):
            continue
        value: JSON = placed.step.keys
        for key in keys:
            value = value.get(key) if isinstance(value, dict) else None
        for path, text, _ in _texts(value):
            hole = next((hole for hole in _HOLE.finditer(text) if _NAME.fullmatch(_folded(hole[1]))), None)
            if hole is not None:
                at = (*placed.path, *keys, *path)
                message = f"{quoted(hole[1])} is shown to everybody who may look"
                findings.add_inside("WF703", message, placed.space.file, at, hole.span())


def _check_arguments(placed: Placed, findings: Findings) -> None:
    file, activity = placed.space.file, placed.step.keys["activity"]
    shells = not _SHELLS.isdisjoint(re.split(r"[._-]", activity.lower()))
    given = placed.step.keys.get("with")
    for path, value in _leaves(given if isinstance(given, dict) else {}):
        name, at = _folded(path[-1]), (*placed.path, "with", *path)
        if (value is False and name in _VERIFYING) or (value is True and name in _TRUSTING):
            findings.add("WF704", "certificates are not verified", file, at)
        if not isinstance(value, str):
            continue
        if "{{" in value and (_is_statement(name, value) or (shells and name in _COMMANDS)):
            message = f"a template inside {quoted(name)} lets its value add a command"
            start = value.index("{{")
            end = value.find("}}", start) + 2
            hint = "give the value as a parameter of its own"
            findings.add_inside("WF702", message, file, at, (start, max(end, start + 2)), hint)
        if activity == "http.request" and name == "url" and _PLAIN.match(value):
            findings.add("WF705", "this request is not encrypted", file, at, "use https:")
        if activity == "http.request" and name == "url" and _CHOSEN_HOST.match(value):
            message = "an expression chooses the machine that is asked"
            findings.add("WF706", message, file, at, "write the host out, or choose among known ones with a branch")


def _is_statement(name: str, value: str) -> bool:
    """Whether a text is SQL: by its argument's name, or because it also reads like a statement."""
    return name == "sql" or (name in _STATEMENTS and _SQL.match(value) is not None)


def _leaves(given: Mapping[str, JSON]) -> Iterator[tuple[Path, JSON]]:
    waiting: list[tuple[Path, JSON]] = [((key,), value) for key, value in given.items()]
    while waiting:
        path, part = waiting.pop()
        if isinstance(part, dict | list):
            items = part.items() if isinstance(part, dict) else enumerate(part)
            waiting.extend(((*path, key), inner) for key, inner in items)
        else:
            yield path, part


def _folded(name: str | int) -> str:
    return _CAMEL.sub("_", str(name)).lower().replace("-", "_")
