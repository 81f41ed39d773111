"""How long `perdure explore` takes for a definition of so many steps: `python -m bench.exploring 500`.

The definition is generated: branches, groups, loops, waits, retries, catches and undos in turn, inside each other.
"""

from __future__ import annotations

import json
import sys
import time
from collections.abc import Iterator
from itertools import count
from typing import Any

from perdure.definition import load
from perdure.exploration import explore

Step = dict[str, Any]


def made(wanted: int) -> str:
    """The text of a definition of at least so many steps."""
    numbers = count(1)
    steps: list[Step] = []
    while (written := json.dumps(steps).count('"id"')) < wanted:
        steps.append(_step(next(numbers), numbers, 2))
    return json.dumps({"workflow": f"steps-{written}", "steps": steps})


def _step(number: int, numbers: Iterator[int], depth: int) -> Step:
    def inside(most: int) -> list[Step]:
        return [_step(next(numbers), numbers, depth - 1) for _ in range(most)]

    call: Step = {"activity": "work.do", "with": {"value": f"{{{{ input.k{number % 13} }}}}"}}
    step: Step = {"id": f"s{number}"}
    match number % 10 if depth else 10:
        case 0:
            return {**step, "parallel": {"branches": {"a": inside(3), "b": inside(3)}}}
        case 1:
            arms = [{"when": f"input.k{number % 13} > {number}", "steps": inside(2)}, {"else": inside(2)}]
            return {**step, "branch": arms}
        case 2:
            return {**step, "foreach": "input.items", "steps": inside(3)}
        case 3:
            return {**step, "repeat": {"until": "index > 3", "max": 5}, "steps": inside(2)}
        case 4:
            return {**step, **call, "compensate": {"activity": "work.undo"}}
        case 5:
            return {**step, **call, "if": f"input.k{number % 7} == {number}", "catch": [{"errors": ["Boom"]}]}
        case 6:
            return {**step, "wait": {"signal": f"go{number}", "timeout": "1h", "default": {"late": True}}}
        case 7:
            return {**step, "parallel": {"join": "any", "branches": {"a": inside(1), "b": inside(1)}}}
    return {**step, **call, "timeout": "10s", "retry": {"attempts": 3}}


def main() -> None:
    """Explore one definition three times and say how long the middle one took."""
    wanted = int(sys.argv[1]) if len(sys.argv) > 1 else 500
    program = load(made(wanted) + "\n").program
    taken = []
    for _ in range(3):
        began = time.process_time()
        found = explore(program)
        taken.append(time.process_time() - began)
    print(f"{found.blocks} steps and blocks, {found.counted} paths: {sorted(taken)[1]:.2f} s of CPU")


if __name__ == "__main__":
    main()
