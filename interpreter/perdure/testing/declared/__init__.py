"""Tests of definitions, written in YAML: read, run on the virtual-time host, and reported."""

from perdure.testing.declared.reading import Case, Suite, is_tests, read_suite
from perdure.testing.declared.running import Result, run_case

__all__ = ["Case", "Result", "Suite", "is_tests", "read_suite", "run_case"]
