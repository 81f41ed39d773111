"""The schema of `perdure.toml`: fresh, sound, and of one mind with what reads the settings."""

from __future__ import annotations

import re
import tomllib
from pathlib import Path

import pytest
from jsonschema import Draft202012Validator

from perdure.activities import ConfigurationError, configured_activities
from perdure.activities.settings_schema import LINT, SETTINGS, settings_schema
from perdure.definition.lint import KEYS
from perdure.definition.schema import as_text

ROOT = Path(__file__).parents[2]
PAGE = (ROOT / "docs" / "reference" / "configuration.md").read_text("utf-8")
SHOWN = re.findall(r"```toml\n(.*?)```", PAGE, re.DOTALL)
VALIDATOR = Draft202012Validator(settings_schema())

GOOD = {
    "store": ['store = "runs.db"', 'store = "memory://"'],
    "activities": ['activities = ["shop.activities", "extra/more.py"]', "activities = []"],
    "secrets": ['secrets = "env:"', 'secrets = "/run/secrets"'],
    "queues": ["queues = {gpu = 2, default = 100}", 'queues = ["gpu"]'],
    "retention": ['retention = "30d"', 'retention = "P1W"'],
    "lint": [
        '[lint]\nselect = ["WF503", "WF9", "no-tests", "WF"]\nignore = ["WF902"]',
        '[lint]\nseverity = {WF405 = "error", unbounded-loop = "warning", WF6 = "off"}',
        '[lint]\nper_path_ignore = {"definitions/old/*" = ["WF902", "WF60"]}',
        "[lint]",
    ],
}
"""By its key, what each setting may be."""
BAD = [
    "stoer = 'runs.db'",
    "store = 3",
    "store = ''",
    "activities = 'shop'",
    "activities = ['']",
    "secrets = ['a']",
    "queues = []",
    "queues = {gpu = 0}",
    "queues = {gpu = true}",
    "queues = 'gpu'",
    "retention = 30",
    "retention = 'for ever'",
    "lint = ['WF503']",
    "[lint]\nselects = ['WF503']",
    "[lint]\nselect = 'WF503'",
    "[lint]\nselect = ['WF999']",
    "[lint]\nignore = ['WF301']",
    "[lint]\nseverity = {WF405 = 'heavy'}",
    "[lint]\nseverity = {WF9999 = 'off'}",
    "[lint]\nper_path_ignore = ['a']",
    "[lint]\nper_path_ignore = {a = ['WF301']}",
]


def test_the_schema_in_the_repository_is_fresh() -> None:
    assert (ROOT / "schemas" / "config.schema.json").read_text("utf-8") == as_text(settings_schema())


def test_the_schema_is_sound_and_has_every_key_that_is_read() -> None:
    Draft202012Validator.check_schema(settings_schema())
    assert set(LINT) == set(KEYS)
    assert set(GOOD) == set(SETTINGS)


@pytest.mark.parametrize("text", [*SHOWN, *(text for texts in GOOD.values() for text in texts)])
def test_what_settings_may_be_fits_the_schema_and_is_read(tmp_path: Path, text: str) -> None:
    assert [problem.message for problem in VALIDATOR.iter_errors(tomllib.loads(text))] == []
    (tmp_path / "perdure.toml").write_text(text)
    assert configured_activities(tmp_path)[0] == tmp_path


@pytest.mark.parametrize("text", BAD)
def test_what_the_schema_refuses_the_reader_refuses_too(tmp_path: Path, text: str) -> None:
    assert not VALIDATOR.is_valid(tomllib.loads(text))
    (tmp_path / "perdure.toml").write_text(text)
    with pytest.raises(ConfigurationError):
        configured_activities(tmp_path)


def test_the_reference_shows_every_setting() -> None:
    assert len(SHOWN) > 0
    assert all(re.search(rf"^\[?{key}\b", "\n".join(SHOWN), re.MULTILINE) for key in SETTINGS)
