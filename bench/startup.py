"""How long commands take from the call to the end: `perdure --help`, and `perdure validate` of 500 steps."""

from __future__ import annotations

import os
import resource
import subprocess
import sys
import time
from pathlib import Path
from statistics import median

TIMES = 10
ENVIRONMENT = {name: value for name, value in os.environ.items() if name != "PYTHONDONTWRITEBYTECODE"}
"""What is installed has its bytecode beside it."""
STEP = """\
  - id: s{n}
    if: "input.amount > {n}"
    activity: http.request
    with: {{url: "https://example.com/{{{{ input.customer }}}}/{n}", method: GET}}
"""
HEAD = "workflow: big\ninput:\n  properties: {amount: {type: integer}, customer: {type: string}}\nsteps:\n"


def starting(directory: Path) -> dict[str, float]:
    """Medians of ten calls: milliseconds by the clock, and of the processor."""
    file = directory / "big.yaml"
    file.write_text(HEAD + "".join(STEP.format(n=n) for n in range(500)))
    figures = {}
    for name, arguments in (("help", ["--help"]), ("validate", ["validate", str(file)])):
        _call(arguments)  # compiles what has not been
        took = [_call(arguments) for _ in range(TIMES)]
        figures[f"{name}_ms"] = median(wall for wall, _ in took)
        figures[f"{name}_cpu_ms"] = median(cpu for _, cpu in took)
    return figures


def _call(arguments: list[str]) -> tuple[float, float]:
    command = [sys.executable, "-c", "from perdure.cli import main; main()", *arguments]
    began, before = time.perf_counter(), resource.getrusage(resource.RUSAGE_CHILDREN)
    subprocess.run(command, check=True, capture_output=True, env=ENVIRONMENT)
    wall, after = time.perf_counter() - began, resource.getrusage(resource.RUSAGE_CHILDREN)
    return wall * 1e3, (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime) * 1e3
