"""Where activities are found: modules, files, entry points, configuration; what is said otherwise."""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

from perdure.activities import (
    ConfigurationError,
    DeclarationError,
    LoadError,
    Registry,
    configured_activities,
)

SHOP = """
from perdure.activities import activity
from perdure.activities.builtin import noop

@activity("shop.order")
def order(item: str) -> str:
    return item

again = order
"""


@pytest.fixture(autouse=True)
def tidy_imports() -> Iterator[None]:
    path, modules = list(sys.path), set(sys.modules)
    yield
    sys.path[:] = path
    for name in {name for name in set(sys.modules) - modules if not name.startswith("perdure.")}:
        del sys.modules[name]


def names(*modules: object, root: Path | None = None) -> list[str]:
    return Registry.load(modules, entry_points=False, builtin=False, root=root).names()


def test_a_module_is_found_by_name_below_the_root(tmp_path: Path) -> None:
    (tmp_path / "shop_a").mkdir()
    (tmp_path / "shop_a" / "activities.py").write_text(SHOP)
    assert names("shop_a.activities", root=tmp_path) == ["noop", "shop.order"]
    assert names(sys.modules["shop_a.activities"]) == ["noop", "shop.order"]


def test_a_file_is_loaded_once_also_under_a_name_that_is_taken(tmp_path: Path) -> None:
    (tmp_path / "json.py").write_text(SHOP + "\nimport neighbour_b\n")
    (tmp_path / "neighbour_b.py").write_text("")
    assert names(tmp_path / "json.py", str(tmp_path / "json.py"), "json.py", root=tmp_path) == [
        "noop",
        "shop.order",
    ]
    import json

    assert json.__name__ == "json"
    assert hasattr(json, "dumps")


def test_one_module_given_as_text_is_taken_as_one(tmp_path: Path) -> None:
    (tmp_path / "shop_c.py").write_text(SHOP)
    registry = Registry.load(str(tmp_path / "shop_c.py"), entry_points=False, builtin=False)
    assert registry.describe("shop.order").source == "shop_c:order"


@pytest.mark.parametrize(
    ("text", "complaint"),
    [
        ("import not_there_at_all", "does not import: No module named 'not_there_at_all'"),
        ("1 / 0", "does not import: ZeroDivisionError"),
        ("def broken(:", "does not import: SyntaxError"),
        ("raise SystemExit(2)", "does not import: SystemExit: 2"),
        ("from perdure.activities import activity\n@activity('a b')\ndef f(): ...", "identifiers and dots"),
    ],
)
@pytest.mark.parametrize("by_name", [False, True])
def test_a_module_that_does_not_import_is_named_with_its_cause(
    tmp_path: Path, text: str, complaint: str, by_name: bool
) -> None:
    (tmp_path / "shop_d.py").write_text(text)
    with pytest.raises(LoadError, match="shop_d") as failed:
        names("shop_d" if by_name else "./shop_d.py", root=tmp_path)
    assert complaint in str(failed.value)
    assert failed.value.__cause__ is not None
    assert "shop_d" not in sys.modules


@pytest.mark.parametrize(
    ("source", "complaint"),
    [
        ("no_such_module_e", "there is no module no_such_module_e"),
        ("perdure.no_such_module_e", "there is no module perdure.no_such_module_e"),
        ("./no/such/file.py", "there is no Python file"),
        ("shop-f", "neither the name of a module nor the path"),
        ("", "neither the name of a module nor the path"),
        (42, "42 is neither a module nor declared with @activity"),
        (len, "neither a module nor declared"),
    ],
)
def test_what_cannot_be_a_source_is_refused(tmp_path: Path, source: object, complaint: str) -> None:
    with pytest.raises(LoadError, match=complaint):
        names(source, root=tmp_path)


def test_installed_distributions_offer_activities(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (tmp_path / "plug_g.py").write_text(SHOP)
    info = tmp_path / "plug_g-1.0.dist-info"
    info.mkdir()
    (info / "METADATA").write_text("Metadata-Version: 2.1\nName: plug-g\nVersion: 1.0\n")
    points = info / "entry_points.txt"
    points.write_text("[perdure.activities]\nall = plug_g\none = plug_g:order\n")
    monkeypatch.syspath_prepend(str(tmp_path))
    assert "shop.order" in Registry.load().names()
    points.write_text("[perdure.activities]\nall = plug_h\n")
    with pytest.raises(LoadError, match="entry point all = plug_h of plug-g does not import"):
        Registry.load()


def test_the_built_in_activities_are_there() -> None:
    assert Registry.load(entry_points=False).names() == ["http.request", "log", "noop"]


def test_importing_and_loading_leaves_slow_packages_alone() -> None:
    program = (
        "import sys; from perdure.activities import Registry; Registry.load(entry_points=False);"
        "print({'pydantic.main', 'httpx2', 'httpcore2', 'jsonschema'} & set(sys.modules))"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert (ended.stdout, ended.stderr) == ("set()\n", "")


def test_the_catalogue_does_not_need_the_http_extra() -> None:
    program = (
        "import sys; sys.modules['httpx2'] = sys.modules['httpcore2'] = None\n"
        "import asyncio; from perdure.activities import *\n"
        "registry = Registry.load(entry_points=False)\n"
        "print(registry.catalogue()['http.request']['arguments']['required'])\n"
        "here = Context(run_id='r', workflow='w', address='a', attempt=1, idempotency_key='k')\n"
        "try: asyncio.run(registry.call('http.request', {'url': 'http://example.com'}, here))\n"
        "except ActivityFailure as failure: print(failure, failure.retryable)\n"
    )
    ended = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60)
    assert ended.stderr == ""
    first, second = ended.stdout.splitlines()
    assert first == "['url']"
    assert second.endswith("pip install 'perdure[http]' False")


def test_the_nearest_configuration_upwards_counts(tmp_path: Path) -> None:
    deep = tmp_path / "project" / "a" / "b"
    deep.mkdir(parents=True)
    (tmp_path / "perdure.toml").write_text('activities = ["outer"]')
    (tmp_path / "project" / "pyproject.toml").write_text('[tool.perdure]\nactivities = ["shop.activities", "x.py"]')
    (deep / "pyproject.toml").write_text("[tool.other]\nx = 1")
    assert configured_activities(deep) == (tmp_path / "project", ["shop.activities", "x.py"])
    (tmp_path / "project" / "a" / "perdure.toml").write_text("")
    assert configured_activities(deep) == (tmp_path / "project" / "a", [])
    assert configured_activities(deep / "pyproject.toml") == (tmp_path / "project" / "a", [])


def test_perdure_toml_wins_over_pyproject_in_one_directory(tmp_path: Path) -> None:
    (tmp_path / "perdure.toml").write_text('activities = ["own"]')
    (tmp_path / "pyproject.toml").write_text("not toml at all")
    assert configured_activities(tmp_path) == (tmp_path, ["own"])


@pytest.mark.parametrize(
    ("file", "text", "complaint"),
    [
        ("perdure.toml", "activities = [", "cannot be read"),
        ("perdure.toml", 'activities = "shop"', "must be a list of module names"),
        ("perdure.toml", "activities = [1]", "must be a list of module names"),
        ("pyproject.toml", "[tool.perdure]\nactivities = {}", r"\[tool.perdure\] activities must be a list"),
        ("pyproject.toml", "tool.perdure = 3", "must be a table"),
        ("perdure.toml", "store = 3", "store must be a URL or a path, not 3"),
        ("perdure.toml", "store = ''", "store must be a URL or a path, not ''"),
        ("perdure.toml", "retention = 30", "retention: a duration is a text"),
        ("perdure.toml", "retention = 'a while'", "retention: not a duration"),
        ("perdure.toml", "activites = []", "there is no setting 'activites'; did you mean activities"),
        (
            "perdure.toml",
            "colour = 3",
            "there is no setting 'colour'; there are store, activities, secrets, queues, retention and lint",
        ),
        ("pyproject.toml", "[tool.perdure]\nStore = 'x'", r"\[tool.perdure\] 'Store'; did you mean store"),
    ],
)
def test_bad_configuration_names_the_file(tmp_path: Path, file: str, text: str, complaint: str) -> None:
    (tmp_path / file).write_text(text)
    with pytest.raises(ConfigurationError, match=complaint) as failed:
        configured_activities(tmp_path)
    assert str(tmp_path / file) in str(failed.value)


def test_a_configuration_that_is_no_text_names_the_file(tmp_path: Path) -> None:
    (tmp_path / "perdure.toml").write_bytes(b"\xff\xfe")
    with pytest.raises(ConfigurationError, match=r"perdure\.toml cannot be read"):
        configured_activities(tmp_path)


def test_a_bad_declaration_given_directly_says_where(tmp_path: Path) -> None:
    (tmp_path / "shop_i.py").write_text(SHOP)
    (tmp_path / "shop_j.py").write_text(SHOP)
    with pytest.raises(DeclarationError, match=r"called shop\.order: shop_i:order and shop_j:order"):
        names("shop_i", "shop_j", root=tmp_path)
