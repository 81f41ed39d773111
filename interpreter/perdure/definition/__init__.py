"""The front end: from YAML to a checked definition and its program."""

from perdure.definition.diagnostics import Diagnostic
from perdure.definition.load import Definition, Inspection, inspect, load, load_bundle

__all__ = ["Definition", "Diagnostic", "Inspection", "inspect", "load", "load_bundle"]
