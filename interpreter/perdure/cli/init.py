"""`perdure init`: a project that validates, tests and runs at once. Its files stand in `project/`, word for word."""

from __future__ import annotations

from importlib.resources import files
from pathlib import Path
from typing import Final

import click

from perdure.cli.exits import complain
from perdure.cli.lazy import command
from perdure.cli.output import write
from perdure.cli.settings import settings
from perdure.errors import InvalidInput

FILES: Final = {
    "definitions/order.yaml": "definitions/order.yaml",
    "definitions/order.test.yaml": "definitions/order.test.yaml",
    "activities.py": "activities.py",
    "perdure.toml": "perdure.toml",
    "requirements.txt": "requirements.txt",
    ".gitignore": "gitignore",
    ".vscode/settings.json": "editor/settings.json",
}
"""Where a file goes → what it is made from."""
CI: Final = {
    "github": {".github/workflows/perdure.yml": "ci/github.yml"},
    "gitlab": {".gitlab-ci.yml": "ci/gitlab.yml"},
    "none": {},
}


@command("init")
@click.argument("directory", default=".", type=click.Path(file_okay=False, path_type=Path))
@click.option("--ci", type=click.Choice(tuple(CI)), default="github", show_default=True, help="Whose CI file to add.")
def init(directory: Path, ci: str) -> None:
    """Make a project in DIRECTORY: a definition and its tests, activities, settings, CI. Nothing is overwritten."""
    from perdure.cli.schema import schemas

    source = files("perdure.cli").joinpath("project")
    contents = {name: source.joinpath(made).read_text(encoding="utf-8") for name, made in (FILES | CI[ci]).items()}
    contents |= schemas()
    taken = [name for name in contents if (directory / name).exists()]
    if taken:
        raise InvalidInput(f"{directory} has {', '.join(taken)} already; nothing was written")
    for name, content in contents.items():
        target = directory / name
        try:
            target.parent.mkdir(parents=True, exist_ok=True)
            target.write_text(content, encoding="utf-8")
        except OSError as problem:
            raise InvalidInput(f"{target} cannot be written: {problem.strerror}") from None
    write("".join(f"{name}\n" for name in sorted(contents)))
    if not settings().quiet:
        complain(_next(directory), label=False)


def _next(directory: Path) -> str:
    go = "" if directory == Path() else f"  cd {directory}\n"
    return f"try:\n{go}  perdure validate\n  perdure test\n  perdure run order -i item=teapot -i card=4242"
