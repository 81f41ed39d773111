"""Tests as YAML text: short values on one line, texts in quotes where YAML 1.1 and 1.2 read them differently."""

from __future__ import annotations

import re
from typing import Any, Final

import yaml

from perdure.values import JSON

_PLAIN: Final = re.compile(r"[A-Za-z_/][A-Za-z0-9_./-]*( [A-Za-z0-9_./-]+)*|\./[A-Za-z0-9_./-]+|(\d+(d|h|m|s|ms|us))+")
_WORDS: Final = frozenset(("true", "false", "null", "yes", "no", "on", "off", "y", "n", "inf", "nan"))


def as_yaml(document: JSON) -> str:
    """A file of tests as text."""
    return yaml.dump(document, Dumper=_Dumper, sort_keys=False, allow_unicode=True, width=110, default_flow_style=None)


class _Dumper(yaml.SafeDumper):
    """Nothing is shared by alias."""

    def ignore_aliases(self, data: Any) -> bool:
        return True


def _text(dumper: yaml.SafeDumper, text: str) -> yaml.ScalarNode:
    plain = _PLAIN.fullmatch(text) and text.lower() not in _WORDS
    return dumper.represent_scalar("tag:yaml.org,2002:str", text, style=None if plain else '"')


_Dumper.add_representer(str, _text)
