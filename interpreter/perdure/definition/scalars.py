"""What a plain YAML scalar means: the core schema of YAML 1.2 (chapter 10.3), less what JSON cannot hold.

Says also which scalars other tools, reading YAML 1.1, take for something else. Knows no positions.
"""

from __future__ import annotations

import math
import re
from typing import Final

from perdure.values import JSON, WIDEST

CONSTANTS: Final[dict[str, JSON]] = {
    "": None, "~": None, "null": None, "Null": None, "NULL": None,
    "true": True, "True": True, "TRUE": True,
    "false": False, "False": False, "FALSE": False,
}  # fmt: skip

NUMBER_STARTS: Final = frozenset("-+.0123456789")
"""The characters a number can start with; every other scalar is a text or a constant."""

AMBIGUOUS_STARTS: Final = NUMBER_STARTS | frozenset("~nNtTfFyYoO")
"""A plain scalar that starts with none of these is a text, to YAML 1.1 and 1.2 alike."""

_DECIMAL: Final = re.compile(r"[-+]?[0-9]+")
_OCTAL: Final = re.compile(r"0o[0-7]+")
_HEXADECIMAL: Final = re.compile(r"0x[0-9a-fA-F]+")
_FLOAT: Final = re.compile(r"[-+]?(?:\.[0-9]+|[0-9]+(?:\.[0-9]*)?)(?:[eE][-+]?[0-9]+)?")
_INFINITE: Final = re.compile(r"[-+]?\.(?:inf|Inf|INF)|\.(?:nan|NaN|NAN)")

# YAML 1.1 (yaml.org/type/{bool,int,float}.html), only what 1.2 reads as something else.
_OLD_BOOLEAN: Final = re.compile(r"yes|Yes|YES|no|No|NO|on|On|ON|off|Off|OFF")
_OLD_NUMBER: Final = re.compile(
    r"[-+]?0b[01_]+"
    r"|[-+]?0[0-9_]+"
    r"|[-+]?0x[0-9a-fA-F]*_[0-9a-fA-F_]*"
    r"|[-+]?[1-9][0-9]*_[0-9_]*"
    r"|[-+]?[0-9][0-9_]*(?::[0-5]?[0-9])+(?:\.[0-9_]*)?"
)

_LONGEST_NUMBER: Final = 1_300
"""Characters; more digits than `WIDEST` bits need, fewer than Python refuses to convert."""


def resolve(text: str) -> JSON:
    """The value of a plain scalar; ValueError for a number that JSON cannot hold."""
    if text in CONSTANTS:
        return CONSTANTS[text]
    if text[0] not in NUMBER_STARTS:
        return text
    if len(text) > _LONGEST_NUMBER:
        if _DECIMAL.fullmatch(text) or _HEXADECIMAL.fullmatch(text) or _OCTAL.fullmatch(text):
            raise ValueError(f"an integer of more than {WIDEST} bits")
        return text
    if _DECIMAL.fullmatch(text):
        return _bounded(int(text))
    if _FLOAT.fullmatch(text):
        return _finite(float(text))
    if _HEXADECIMAL.fullmatch(text):
        return _bounded(int(text[2:], 16))
    if _OCTAL.fullmatch(text):
        return _bounded(int(text[2:], 8))
    if _INFINITE.fullmatch(text):
        raise ValueError(f"{text} is not a number JSON can hold")
    return text


def ambiguity(text: str) -> str | None:
    """What YAML 1.1 makes of a plain scalar that YAML 1.2 reads differently, or None where they agree."""
    if _OLD_BOOLEAN.fullmatch(text):
        return "true" if text.lower() in ("yes", "on") else "false"
    if text[:1] in NUMBER_STARTS and len(text) <= 40 and _OLD_NUMBER.fullmatch(text):
        return _old_number(text)
    return None


def _old_number(text: str) -> str | None:
    sign, digits = ("-" if text[0] == "-" else ""), text.lstrip("+-").replace("_", "")
    if ":" in digits:
        places = [float(part or 0) for part in digits.split(":")]
        total = sum(place * 60**power for power, place in enumerate(reversed(places)))
        return f"{sign}{total:.12g}"
    if digits.startswith("0b"):
        return sign + str(int(digits[2:] or "0", 2))
    if digits.startswith("0x"):
        return sign + str(int(digits[2:] or "0", 16))
    if digits.startswith("0") and len(digits) > 1:
        octal = set(digits) <= set("01234567")
        return sign + (str(int(digits, 8)) if octal else "a text")
    return sign + digits if "_" in text else None


def _bounded(number: int) -> int:
    if number.bit_length() > WIDEST:
        raise ValueError(f"an integer of more than {WIDEST} bits")
    return number


def _finite(number: float) -> float:
    if not math.isfinite(number):
        raise ValueError("a number too large for JSON")
    return number
