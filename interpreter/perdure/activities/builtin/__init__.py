"""Activities every registry has, for authors without code: `log`, `noop`, `http.request`."""

from perdure.activities.builtin.http import Http
from perdure.activities.builtin.log import log
from perdure.activities.builtin.noop import noop

__all__ = ["Http", "log", "noop"]
