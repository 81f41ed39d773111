"""Messages about a project's settings name the line."""

from __future__ import annotations

from pathlib import Path

import pytest

from perdure.activities import ConfigurationError, configured_activities


@pytest.mark.parametrize(
    ("file", "text", "line"),
    [
        ("perdure.toml", 'store = "a.db"\n\nactivites = []\n', 3),
        ("perdure.toml", "# activities = 3\nactivities = 3\n", 2),
        ("perdure.toml", '[lint]\nselect = ["WF5"]\nignore = ["WF999"]\n', 3),
        ("perdure.toml", '[lint]\nselect = [\n  "WF5",\n  "WF999",\n]\n', 2),
        ("perdure.toml", '[lint.severity]\nWF405 = "error"\nWF406 = "loud"\n', 3),
        ("perdure.toml", '\n[lint]\nseverity = {WF405 = "error", WF406 = "loud"}\n', 3),
        ("perdure.toml", '\nlint.severity.WF406 = "loud"\n', 2),
        ("perdure.toml", '[lint.per_path_ignore]\n"a/*" = ["WF9"]\n"b/*" = ["WF301"]\n', 3),
        ("perdure.toml", "\nlint = 3\n", 2),
        ("pyproject.toml", '[project]\nname = "x"\n[tool.perdure]\nstore = 3\n', 4),
        ("pyproject.toml", "[tool.other]\nstore = 3\n\n[tool.perdure.lint]\nselct = []\n", 5),
        ("pyproject.toml", "[tool]\nperdure = 3\n", 2),
    ],
)
def test_a_wrong_setting_is_told_with_its_line(tmp_path: Path, file: str, text: str, line: int) -> None:
    (tmp_path / file).write_text(text)
    with pytest.raises(ConfigurationError) as raised:
        configured_activities(tmp_path)
    assert str(raised.value).startswith(f"{tmp_path / file}:{line}: ")
