"""Durations on the command line: `90s`, `5m`, `1h30m`."""

from __future__ import annotations

from typing import Any

import click

from perdure.values import SECOND, parse_duration


class Duration(click.ParamType[float]):
    """Seconds as a float; a bare number counts as seconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> float:
        if isinstance(value, int | float):
            return float(value)
        try:
            return parse_duration(f"{value}s" if str(value).replace(".", "", 1).isdigit() else value) / SECOND
        except ValueError as problem:
            self.fail(str(problem), param, ctx)
