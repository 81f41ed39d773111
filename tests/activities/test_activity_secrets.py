"""Where secrets come from, and how they get into the arguments of an attempt."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from perdure.activities import ActivityFailure
from perdure.activities.secrets import Directory, Environment, reveal, source_of
from perdure.errors import PerdureError
from perdure.vault import Vault, struck, vault_key

KEY = vault_key("seed")
VAULT = Vault(KEY)


class Asking:
    def __init__(self, answer: Callable[[str], Any]) -> None:
        self.asked: list[str] = []
        self._answer = answer

    async def get(self, name: str) -> Any:
        self.asked.append(name)
        return self._answer(name)


async def test_markers_become_secrets_wherever_they_stand() -> None:
    arguments = {"a": VAULT["one"], "b": [f"Bearer {VAULT['two']}!", {"c": f"{VAULT['one']}{VAULT['two']}"}], "d": 1}
    source = Asking(lambda name: f"the {name}")
    given, redaction = await reveal(source, arguments, KEY)
    assert given == {"a": "the one", "b": ["Bearer the two!", {"c": "the onethe two"}], "d": 1}
    assert sorted(source.asked) == ["one", "two"]
    assert redaction is not None
    assert redaction.text("is the one and the two") == "is *** and ***"


async def test_a_marker_in_json_inside_a_text_becomes_the_secret_in_json() -> None:
    from perdure.values import encode

    text = encode({"key": VAULT["one"]}).decode()
    given, _ = await reveal({"one": 'a"b\\c'}, {"body": text}, KEY)
    assert given == {"body": '{"key":"a\\"b\\\\c"}'}


async def test_arguments_without_markers_ask_for_nothing() -> None:
    source = Asking(lambda name: "x" * 10)
    arguments = {"a": "secret: none", "b": None}
    assert await reveal(source, arguments, KEY) == (arguments, None)
    assert source.asked == []


@pytest.mark.parametrize("forged", [
    Vault(vault_key("other"))["one"],
    "\x00secret:one\x00",
    "\x00secret:" + "0" * 64 + ":one\x00",
    VAULT["one"].replace(":one", ":two"),
    VAULT["one"][1:],
    VAULT["one"][:-1],
    "{{ secrets.one }}",
])  # fmt: skip
async def test_a_forged_marker_is_a_text_like_any_other(forged: str) -> None:
    assert await reveal({"one": "the value", "two": "the value"}, {"a": forged}, KEY) == ({"a": forged}, None)


def test_markers_that_come_from_outside_are_struck_out() -> None:
    from perdure.values import decode, encode

    body = {"a": VAULT["one"], "b": [f"x{encode(VAULT['one']).decode()}y"], VAULT["two"]: "secret: 1"}
    assert decode(struck(encode(body))) == {"a": "***", "b": ['x"***"y'], "***": "secret: 1"}
    plain = encode({"a": "secret:", "b": "\x00"})
    assert struck(plain) is plain


def test_the_vault_lists_nothing_and_gives_only_names() -> None:
    assert dict(VAULT) == {}
    for name in ("", "../etc", "a b", "a" * 101, "1a", "a\x00"):
        with pytest.raises(KeyError):
            VAULT[name]


async def failure(source: Any) -> ActivityFailure:
    with pytest.raises(ActivityFailure) as caught:
        await reveal(source, {"a": VAULT["api-key"]}, KEY)
    return caught.value


async def test_a_secret_that_is_not_there_fails_for_good_and_says_how_to_set_it(tmp_path: Path) -> None:
    missing = await failure(Environment())
    assert not missing.retryable
    assert missing.error["type"] == "SecretUnavailable"
    assert missing.error["message"] == (
        "the secret api-key is not set: set the environment variable PERDURE_SECRET_API_KEY of the worker"
    )
    assert str(tmp_path / "api-key") in (await failure(Directory(tmp_path))).error["message"]
    assert "is not set" in (await failure({})).error["message"]
    assert "is not set" in (await failure({"api-key": ""})).error["message"]


@pytest.mark.parametrize(("given", "told"), [
    ("abc", "has 3 characters"),
    ("a" * 70_000, "has 70000 characters"),
    (4711_4711, "of type int"),
    (b"bytes", "of type bytes"),
    ("\ud800aaaa", "no text"),
])  # fmt: skip
async def test_what_cannot_be_kept_secret_is_refused_without_being_shown(given: Any, told: str) -> None:
    refused = await failure({"api-key": given})
    assert not refused.retryable
    assert told in refused.error["message"]
    assert str(given) not in refused.error["message"]


async def test_a_source_that_fails_may_be_asked_again_and_its_words_are_kept_back() -> None:
    def broken(name: str) -> str:
        raise ConnectionError("the value is hunter2")

    refused = await failure(Asking(broken))
    assert refused.retryable
    assert refused.error["message"] == "the secret api-key cannot be read: ConnectionError"


async def test_the_environment_is_asked_by_the_name_and_in_capitals(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PERDURE_SECRET_API_KEY", "in capitals")
    monkeypatch.setenv("PERDURE_SECRET_token", "as written")
    assert Environment().get("api-key") == "in capitals"
    assert Environment().get("API_KEY") == "in capitals"
    assert Environment().get("token") == "as written"
    assert Environment().get("TOKEN") is None


async def test_a_directory_has_one_file_a_secret(tmp_path: Path) -> None:
    (tmp_path / "one").write_text("first line\nsecond\n")
    (tmp_path / "two").write_text("no end")
    for given in (tmp_path, str(tmp_path), f"file://{tmp_path}"):
        source = source_of(given)
        assert source.get("one") == "first line\nsecond"
        assert source.get("two") == "no end"
        assert source.get("three") is None


@pytest.mark.parametrize("given", ["vault://x", "file://elsewhere/x", "/no/such/directory", object(), 3])
def test_a_source_that_is_none_is_refused_at_once(given: Any) -> None:
    with pytest.raises(PerdureError, match="secrets"):
        source_of(given)


def test_without_a_word_the_environment_counts() -> None:
    assert isinstance(source_of(None), Environment)
    assert isinstance(source_of("env:"), Environment)
