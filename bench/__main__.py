"""One command measures everything: each workload beside the floor, in turn, medians over several runs.

    python -m bench [--runs 5] [--only W1,W2] [--parked 1000,100000] [--durability full|normal] [--directory DIR]
                    [--dbos PYTHON] [-o json]

Every measurement is a process of its own on a new file, so that nothing is warm by accident.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import platform
import shutil
import sqlite3
import subprocess
import sys
import tempfile
from pathlib import Path
from statistics import median

import perdure

FLOORS = {"W1": (1, 100, 1), "W2": (500, 10, 100), "W3": (200, 1, 200)}
"""Runs, steps of each, and runs in flight with which the floor does the same work."""
LOOPS = {"W1": (100, 1), "W2": (5000, 100), "W3": (200, 200)}
"""Rows, and rows a commit, of the plain loop."""
DBOS = ("W1", "W2")
ONCE = ("W4", "W5", "memory", "resume", "startup")
"""Measured once, whatever the number of runs: each takes medians of its own, or fills a disk."""


def main() -> None:
    options = arguments()
    if options.one:
        print(json.dumps(measure(options.one, Path(options.directory), options)))
        return
    figures: dict[str, dict[str, list[float]]] = {}
    names = options.only.split(",")
    for turn in range(options.runs):
        for name in names:
            if turn and name in ONCE:
                continue
            for kind in kinds(name, options.dbos):
                for figure, value in in_process(kind, options).items():
                    figures.setdefault(kind, {}).setdefault(figure, []).append(value)
                    print(".", end="", file=sys.stderr, flush=True)
    print(file=sys.stderr)
    report(figures, options)


def kinds(name: str, dbos: str | None) -> list[str]:
    """A workload and what is measured in turn with it."""
    beside = ["floor", "loop"] if name in FLOORS else []
    if dbos is not None and name in DBOS:
        beside += ["dbos", "dbos-shipped"]
    return [name, *(f"{name}/{other}" for other in beside)]


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(prog="python -m bench", description=__doc__)
    parser.add_argument("--runs", type=int, default=5)
    parser.add_argument("--only", default="W1,W2,W3,W4,W5,memory,resume,startup")
    parser.add_argument("--parked", default="1000,100000", help="how many runs wait in W4, one number after the other")
    parser.add_argument("--durability", choices=("full", "normal"), default="full")
    parser.add_argument("--directory", default=None, help="where the files are made; their disk decides")
    parser.add_argument("--dbos", metavar="PYTHON", help="an interpreter with `dbos`; measures W1 and W2 on it too")
    parser.add_argument("-o", "--output", choices=("table", "json"), default="table")
    parser.add_argument("--one", help=argparse.SUPPRESS)
    return parser.parse_args()


def in_process(kind: str, options: argparse.Namespace) -> dict[str, float]:
    directory = tempfile.mkdtemp(prefix="perdure-bench-", dir=options.directory)
    name, _, what = kind.partition("/")
    try:
        if what.startswith("dbos"):
            return dbos_figures(options.dbos, name, Path(directory) / "dbos.db", "shipped" if "-" in what else "wal")
        command = [
            sys.executable,
            "-m",
            "bench",
            "--one",
            kind,
            "--durability",
            options.durability,
            "--parked",
            options.parked,
        ]
        done = subprocess.run([*command, "--directory", directory], capture_output=True, text=True)
        if done.returncode:
            sys.exit(f"{kind} failed:\n{done.stderr}")
        return dict(json.loads(done.stdout.splitlines()[-1]))
    finally:
        shutil.rmtree(directory)


def dbos_figures(python: str, name: str, path: Path, how: str) -> dict[str, float]:
    script = str(Path(__file__).parent / "dbos_peer.py")
    done = subprocess.run([python, script, name, str(path), how], capture_output=True, text=True)
    if done.returncode:
        sys.exit(f"{name} on DBOS failed:\n{done.stderr}")
    return dict(json.loads(done.stdout.splitlines()[-1])["figures"])


def measure(kind: str, directory: Path, options: argparse.Namespace) -> dict[str, float]:
    from bench import floor, scale, startup, workloads

    path, synchronous = directory / "runs.db", options.durability.upper()
    name, _, what = kind.partition("/")
    if what == "floor":
        return floor.grouped(path, synchronous, *FLOORS[name])
    if what == "loop":
        return floor.loop(path, synchronous, *LOOPS[name])
    if name == "startup":
        return startup.starting(directory)
    if name == "W4":
        return asyncio.run(scale.waiting(path, synchronous, tuple(int(count) for count in options.parked.split(","))))
    if name in ("W5", "memory"):
        return asyncio.run({"W5": scale.recovering, "memory": scale.in_flight}[name](path, synchronous))
    return asyncio.run(workloads.WORKLOADS[name](path, synchronous))  # type: ignore[arg-type]


def report(figures: dict[str, dict[str, list[float]]], options: argparse.Namespace) -> None:
    machine = {
        "python": platform.python_version(),
        "sqlite": sqlite3.sqlite_version,
        "perdure": perdure.__version__,
        "system": platform.platform(),
        "durability": f"WAL, synchronous={options.durability.upper()}",
        "runs": options.runs,
    }
    rows = {
        kind: {name: {"median": median(v), "min": min(v), "max": max(v)} for name, v in values.items()}
        for kind, values in figures.items()
    }
    ratios = {
        f"{kind} to {floor}": rows[kind]["steps_per_second"]["median"] / rows[other]["steps_per_second"]["median"]
        for kind in FLOORS
        for floor in ("floor", "loop", "dbos", "dbos-shipped")
        if kind in rows and (other := f"{kind}/{floor}") in rows
    }
    if options.output == "json":
        print(json.dumps({"format_version": 1, "machine": machine, "figures": rows, "ratios": ratios}, indent=2))
        return
    print(", ".join(f"{name} {value}" for name, value in machine.items()))
    for kind, values in rows.items():
        for name, spread in values.items():
            low, high = spread["min"], spread["max"]
            print(f"{kind:10} {name:34} {spread['median']:12,.1f}   ({low:,.1f} to {high:,.1f})")
    for name, ratio in ratios.items():
        print(f"{name:35} {ratio:6.2f}")


if __name__ == "__main__":
    main()
