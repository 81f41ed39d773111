"""`perdure`: the table of commands, and the one place where their errors become messages and exit codes.

Walk on in the file of a command; `exits` has the codes, `settings` where options, environment and
configuration meet.
"""

from __future__ import annotations

import gc
import os
import sys
from collections.abc import Sequence
from typing import Any, Final, NoReturn

import click

from perdure.cli import exits
from perdure.cli.lazy import LazyGroup, Place
from perdure.cli.options import Given, given

COMMANDS: Final = {
    "init": Place("perdure.cli.init:init", "Make a project with a definition, its tests, activities and CI."),
    "run": Place("perdure.cli.run:run", "Start a workflow and follow it until it ends."),
    "validate": Place("perdure.cli.validate:validate", "Check definitions and show every problem in them."),
    "fmt": Place("perdure.cli.fmt:fmt", "Lay out definitions and tests in one style, comments kept."),
    "explore": Place("perdure.cli.explore:explore", "Walk every path of a definition and show what may go wrong."),
    "test": Place("perdure.cli.testing.test:test", "Run the tests of definitions."),
    "diff": Place("perdure.cli.diff:diff", "Show what has changed between two versions of a definition."),
    "plan": Place("perdure.cli.plan:plan", "Say what a deployment would change, and for which open runs."),
    "graph": Place("perdure.cli.graph:graph", "Draw a definition, or how a run of it stands."),
    "explain": Place("perdure.cli.explain:explain", "Say what a rule of `validate` is about."),
    "deploy": Place("perdure.cli.deploy:deploy", "Keep definitions in the store and make their schedules run."),
    "runs": Place("perdure.cli.runs.group:runs", "List runs, look into them, act on them."),
    "replay": Place("perdure.cli.replay:replay", "Say whether recorded runs are valid under a definition."),
    "asks": Place("perdure.cli.asks.group:asks", "List open questions and answer them."),
    "schedules": Place("perdure.cli.schedules.group:schedules", "List schedules, look ahead, act on them."),
    "activities": Place("perdure.cli.activities.group:activities", "Show which activities are installed; call one."),
    "store": Place("perdure.cli.store.group:store", "Look for damage in the store; back it up."),
    "worker": Place("perdure.cli.worker:worker", "Move the runs of a store until stopped."),
    "dev": Place("perdure.cli.developing.dev:dev", "Watch the project: check, test, deploy, and run a worker."),
    "lsp": Place("perdure.cli.lsp:lsp", "Serve editors: diagnostics, completion, hover, renaming, over LSP."),
    "schema": Place("perdure.cli.schema:schema", "Print the JSON Schema of definitions or tests."),
    "completion": Place("perdure.cli.completion:completion", "Print the completion script of a shell."),
}


YOUNG: Final = 20_000
"""New objects after which Python looks for cycles among the youngest. Neither what a command imports nor what runs make
leaves many; with Python's own 700 the looking takes a twentieth of the time."""
FIRST: Final = 100_000
"""The same for a command that ends soon: more than the check of a definition of 500 steps makes. A worker goes back to
`YOUNG`."""


class Root(LazyGroup):
    """The outermost group: nothing it raises reaches the user as a traceback."""

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> NoReturn:
        name = prog_name or "perdure"
        if args is None:  # this process is ours
            gc.set_threshold(FIRST, 20, 100)
        arguments = list(sys.argv[1:] if args is None else args)
        noted = extra.setdefault("obj", Given())
        self._main_shell_completion(extra, name, complete_var)
        try:
            code = self._called(name, arguments, extra)
        except BaseException as problem:
            if isinstance(problem, SystemExit | GeneratorExit):
                raise
            code = exits.explain(problem, debug=noted.debug or bool(os.environ.get("PERDURE_DEBUG")))
            if code == exits.BROKEN_PIPE or (code == exits.UNREACHABLE and isinstance(problem, OSError)):
                _swallow_output()
        if args is None:
            gc.freeze()  # Python would look for cycles in all there is once more before it ends
        sys.exit(code)

    def _called(self, name: str, arguments: list[str], extra: dict[str, Any]) -> int:
        with self.make_context(name, arguments, **extra) as ctx:
            code = self.invoke(ctx)
        if sys.stdout is not None:
            sys.stdout.flush()
        return code if isinstance(code, int) else exits.OK


def _swallow_output() -> None:
    """Output reaches nobody: what is still buffered must not fail again when the interpreter flushes it."""
    try:
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
    except (OSError, ValueError):
        sys.stdout = None


@click.group(
    "perdure",
    cls=Root,
    places=COMMANDS,
    no_args_is_help=True,
    help="""Durable workflows written as YAML: check them, run them, look after their runs.

    The store and the activities come from perdure.toml or [tool.perdure] in pyproject.toml, the environment
    (PERDURE_STORE, PERDURE_ACTIVITIES, PERDURE_OUTPUT, PERDURE_COLOR) or the options; the later wins.

    Exit codes: 0 ok, 1 findings, a failed run or a refused update, 2 usage, 3 not found, 5 store unreachable or
    output not writable, 6 wait timed out and the run still open, 7 conflict, 130 interrupted.""",
)
@click.version_option(package_name="perdure", prog_name="perdure")
@click.pass_context
def main(ctx: click.Context) -> None:
    given(ctx)
