"""What differs between two versions of a definition, as an author would say it."""

from perdure.definition.changes.change import Change
from perdure.definition.changes.documents import changes
from perdure.definition.changes.input_schema import Verdict, judge

__all__ = ["Change", "Verdict", "changes", "judge"]
