"""Whether a distribution may offer activities: whatever importlib.metadata finds is expected, whoever keeps it."""

from __future__ import annotations

import sys
import zipfile
from collections.abc import Iterator
from importlib.metadata import DistributionFinder, PathDistribution, entry_points
from pathlib import Path

import pytest

from perdure.activities.installed import may_be_offered

GROUP = "perdure.tests.offered"
POINTS = f"[console_scripts]\nx = y:z\n\n[{GROUP}]\nall = plug\n"


@pytest.fixture
def installed(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """An empty place where distributions are looked for."""
    place = tmp_path / "site"
    place.mkdir()
    monkeypatch.setattr(sys, "path", [*sys.path, str(place)])
    return place


def _write(directory: Path, points: str = POINTS) -> None:
    directory.mkdir(parents=True)
    (directory / "METADATA").write_text("Metadata-Version: 2.1\nName: plug\nVersion: 1.0\n")
    (directory / "PKG-INFO").write_text("Metadata-Version: 2.1\nName: plug\nVersion: 1.0\n")
    (directory / "entry_points.txt").write_text(points)


def _found() -> int:
    return len(entry_points(group=GROUP))


def test_where_nothing_offers_any_that_is_certain(installed: Path) -> None:
    _write(installed / "plug-1.0.dist-info", "[console_scripts]\nx = y:z\n")
    (installed / "bare-1.0.dist-info").mkdir()
    (installed / "file-1.0.egg-info").write_text("Name: file\n")
    assert (may_be_offered(GROUP), _found()) == (False, 0)


@pytest.mark.parametrize(
    "name", ["plug-1.0.dist-info", "Plug-1.0.DIST-INFO", "plug.egg-info", "plug-1.0-py3.11.egg-info"]
)
def test_a_distribution_that_offers_some_is_expected(installed: Path, name: str) -> None:
    _write(installed / name)
    assert (may_be_offered(GROUP), _found()) == (True, 1)


def test_an_egg_is_expected_to(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    egg = installed / "plug-1.0-py3.11.egg"
    _write(egg / "EGG-INFO")
    monkeypatch.setattr(sys, "path", [*sys.path, str(egg)])
    assert (may_be_offered(GROUP), _found()) == (True, 1)


def test_a_zip_file_is_expected_to(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    archive = installed / "plug.zip"
    with zipfile.ZipFile(archive, "w") as written:
        written.writestr("plug-1.0.dist-info/METADATA", "Metadata-Version: 2.1\nName: plug\nVersion: 1.0\n")
        written.writestr("plug-1.0.dist-info/entry_points.txt", POINTS)
    monkeypatch.setattr(sys, "path", [*sys.path, str(archive)])
    assert (may_be_offered(GROUP), _found()) == (True, 1)


def test_the_current_directory_is_looked_at(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _write(installed / "plug-1.0.dist-info")
    monkeypatch.chdir(installed)
    monkeypatch.setattr(sys, "path", ["", *(place for place in sys.path if place != str(installed))])
    assert (may_be_offered(GROUP), _found()) == (True, 1)


def test_another_finder_of_distributions_is_expected_to(installed: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    _write(installed / "elsewhere" / "plug-1.0.dist-info")

    class Finder:
        def find_spec(self, *given: object) -> None:
            return None

        def find_distributions(self, context: DistributionFinder.Context) -> Iterator[PathDistribution]:
            yield PathDistribution(installed / "elsewhere" / "plug-1.0.dist-info")

    monkeypatch.setattr(sys, "meta_path", [*sys.meta_path, Finder()])
    assert (may_be_offered(GROUP), _found()) == (True, 1)
