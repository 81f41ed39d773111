"""The reference page says what the commands say."""

from pathlib import Path

from perdure.cli import reference
from perdure.cli.exits import CODES

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "cli.md"


def test_the_reference_of_the_command_line_is_fresh():
    assert PAGE.read_text(encoding="utf-8") == reference.text()


def test_every_exit_code_is_in_the_reference():
    listed = {code for code, _ in reference.CODES}
    assert {code for _, code in CODES} <= listed
