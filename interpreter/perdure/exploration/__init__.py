"""Exploration: every path of a definition, walked block by block without running anything."""

from perdure.exploration.exploring import Exploration, explore
from perdure.exploration.findings import Finding

__all__ = ["Exploration", "Finding", "explore"]
