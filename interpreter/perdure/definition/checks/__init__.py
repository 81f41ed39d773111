"""The checks of a definition whose shape is right: names, expressions, control flow, activities."""

from perdure.definition.checks.check import check

__all__ = ["check"]
