"""The embedded engine: hosts the machine on a store, in this process."""

from perdure.engine.engine import Engine, open  # noqa: A004
from perdure.engine.records import Ask, RunInfo
from perdure.engine.run import Run

__all__ = ["Ask", "Engine", "Run", "RunInfo", "open"]
