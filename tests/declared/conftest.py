"""A definition and its tests on disk, run in this process."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path
from textwrap import dedent
from typing import Any

import pytest

from perdure.activities import Registry
from perdure.testing.declared.session import Session, run_session

Check = Callable[..., Session]

PAY = """
workflow: pay
input: {type: object, properties: {card: {type: string}}}
queries: {status: state.status}
steps:
  - id: charge
    activity: payments.charge
    with: {card: "{{ input.card | default('4242') }}"}
    retry: {attempts: 3, delay: 10s, backoff: constant, jitter: 0}
    compensate: {activity: payments.refund, with: {id: "{{ steps.charge.id }}"}}
  - publish: {status: charged}
  - id: approval
    wait: {signal: approve, timeout: 1d}
  - id: mail
    if: steps.approval.by == "ana"
    activity: mail.send
    with: {to: "{{ steps.approval.by }}"}
output: {receipt: "{{ steps.charge.id }}"}
"""

MOCKS = """
mocks:
  - {activity: payments.charge, return: {id: R1}}
  - {activity: payments.refund, return: null}
  - {activity: mail.send, return: sent}
"""


@pytest.fixture
def check(tmp_path: Path) -> Check:
    """Runs the cases of a file of tests on a definition: `PAY` with `MOCKS`, unless others are given."""

    def run(
        cases: str,
        *,
        definition: str = PAY,
        head: str = MOCKS,
        activities: list[Any] | None = None,
        files: Mapping[str, str] | None = None,
        test: str = "./it.yaml",
    ) -> Session:
        for name, text in {"it.yaml": definition, **(files or {})}.items():
            (tmp_path / name).write_text(dedent(text))
        file = tmp_path / "it.test.yaml"
        file.write_text(f"test: {test}\n{dedent(head).strip()}\n{_listed(dedent(cases))}")
        return run_session([file], Registry.load(activities or [], entry_points=False))

    return run


def _listed(cases: str) -> str:
    text = cases.strip("\n")
    return f"{text}\n" if text.startswith("cases:") else f"cases:\n{text}\n"
