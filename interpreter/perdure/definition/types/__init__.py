"""Types through expressions: what a value may be before anything runs, and expressions that can only fail."""

from perdure.definition.types.describe import called, describe
from perdure.definition.types.faults import Fault, Seen
from perdure.definition.types.inference import Effort, Inference
from perdure.definition.types.lattice import ANY, NEVER, Type
from perdure.definition.types.names import Ground, Known, Member, Names
from perdure.definition.types.schemas import from_schema

__all__ = [
    "ANY",
    "NEVER",
    "Effort",
    "Fault",
    "Ground",
    "Inference",
    "Known",
    "Member",
    "Names",
    "Seen",
    "Type",
    "called",
    "describe",
    "from_schema",
]
