"""Testing without a clock, a store or a network: the virtual-time host, its fake activities, and tests in YAML.

Names are imported on first use: pytest loads the plugin beside this file in every project that has Perdure.
"""

from __future__ import annotations

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from perdure.testing.activities import Call, End, Reply
    from perdure.testing.harness import Harness

__all__ = ["Call", "End", "Harness", "Reply"]

_PLACES = {
    "Call": "perdure.testing.activities",
    "End": "perdure.testing.activities",
    "Harness": "perdure.testing.harness",
    "Reply": "perdure.testing.activities",
}


def __getattr__(name: str) -> Any:
    home = _PLACES.get(name)
    if home is None:
        raise AttributeError(f"module 'perdure.testing' has no attribute {name!r}")
    return getattr(import_module(home), name)
