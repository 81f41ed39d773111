# Developers' shortcuts; `.ci/run` is what CI runs.

check: format lint test

format:
    .venv/bin/ruff format .

lint:
    .venv/bin/ruff check .
    .venv/bin/mypy
    .venv/bin/lint-imports

test *ARGS:
    .venv/bin/pytest {{ARGS}}

# Regenerate what is generated: the schema and the references.
fresh:
    .venv/bin/perdure schema --write
    .venv/bin/python -m perdure.cli.reference > docs/reference/cli.md

bench *ARGS:
    .venv/bin/python -m bench {{ARGS}}
