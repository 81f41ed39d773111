"""Testing without a clock, a store or a network: the virtual-time host and its fake activities."""

from perdure.testing.activities import Call, End, Reply
from perdure.testing.harness import Harness

__all__ = ["Call", "End", "Harness", "Reply"]
