"""Activities: what authors write in Python, and how a host finds and calls it."""

from perdure.activities.attempt import ActivityCancelled, Context, context
from perdure.activities.configuration import ConfigurationError, configured_activities
from perdure.activities.declaration import DeclarationError, activity
from perdure.activities.failure import ActivityFailure
from perdure.activities.loading import LoadError
from perdure.activities.registry import ActivityDescription, Registry
from perdure.errors import ActivityError

__all__ = [
    "ActivityCancelled",
    "ActivityDescription",
    "ActivityError",
    "ActivityFailure",
    "ConfigurationError",
    "Context",
    "DeclarationError",
    "LoadError",
    "Registry",
    "activity",
    "configured_activities",
    "context",
]
