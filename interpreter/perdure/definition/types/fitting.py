"""Whether a value of one type can be where another is wanted: what no value of it fits, and null where none may be.

Sure cases only: types are supersets, so what they have in common may still not fit.
"""

from __future__ import annotations

from perdure.definition.types.describe import called, describe
from perdure.definition.types.lattice import MAPPING, NEVER, NULL, TEXT, TOLD, Type, find
from perdure.definition.types.operating import are_disjoint
from perdure.record import record


@record
class Misfit:
    """Why a value does not fit, in words that follow its name; `only_null` when nothing but null is in the way."""

    reason: str
    only_null: bool = False


def misfit(given: Type, wanted: Type) -> Misfit | None:
    """The first reason why no value of a type fits, or why null would not; None where some may."""
    if not given.kinds:
        return None
    if are_disjoint(given, wanted):
        both = given.kinds == wanted.kinds == TEXT
        one, other = (describe(wanted), describe(given)) if both else (called(wanted), called(given))
        return Misfit(f"takes {one}, not {other}")
    if given.kinds & wanted.kinds & ~TOLD == MAPPING and (inner := _misfit_inside(given, wanted)) is not None:
        return inner
    if given.kinds & TOLD and not wanted.kinds & NULL:
        return Misfit(f"takes {called(wanted)}, and this may be null", only_null=True)
    return None


def _misfit_inside(given: Type, wanted: Type) -> Misfit | None:
    """A field that no value has as it is wanted."""
    if given.fields is None or wanted.fields is None:
        return None
    for name, field in wanted.fields.named.items():
        own = given.fields.named.get(name)
        if field.required and own is None and not given.fields.rest.kinds:
            return Misfit(f'needs "{name}"')
        if own is not None and own.required:
            inner = misfit(own.type, field.type)
            if inner is not None and not inner.only_null:
                return Misfit(f'has "{name}", which {inner.reason}')
    for name, own in given.fields.named.items():
        if own.required and own.type.kinds and find(wanted, name) == NEVER:
            return Misfit(f'takes no "{name}"')
    return None
