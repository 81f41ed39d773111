"""`perdure lsp`: a language server on standard input and output, for any editor that speaks the protocol."""

from __future__ import annotations

import os
import sys
from importlib.util import find_spec

import click

from perdure.cli.exits import USAGE, complain
from perdure.cli.lazy import command
from perdure.cli.settings import settings


@command("lsp")
@click.option("--stdio", is_flag=True, help="What happens anyway; some editors say so.")
def lsp(stdio: bool) -> int:
    """Serve editors over the Language Server Protocol, on standard input and output.

    Diagnostics while typing, completion, hover, definitions and uses, renaming of steps, an outline, formatting and
    quick fixes, for definitions and for files *.test.yaml. It needs the extra `lsp`.
    """
    if find_spec("pygls") is None:
        complain("the language server needs pygls: pip install 'perdure[lsp]'")
        return USAGE
    from perdure.cli.project_bench import ProjectBench
    from perdure.editor.server import serve

    code = serve(ProjectBench(settings()))
    sys.stderr.flush()
    os._exit(code)  # a thread may still wait for input, and would keep the process
