"""The front end: from YAML to a checked definition and its program."""

from perdure.definition.diagnostics import Diagnostic
from perdure.definition.load import Definition, Inspection, examine, inspect, inspect_bundle, load, load_bundle
from perdure.definition.models import Document, Step, StepList

__all__ = [
    "Definition", "Diagnostic", "Document", "Inspection", "Step", "StepList", "examine",
    "inspect", "inspect_bundle", "load", "load_bundle",
]  # fmt: skip
