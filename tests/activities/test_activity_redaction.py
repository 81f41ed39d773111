"""Secrets are taken out of what an attempt hands back, however they are spelt there."""

from __future__ import annotations

import html
import json
from base64 import b64encode, urlsafe_b64encode
from typing import Any
from urllib.parse import quote, quote_plus

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perdure.activities.redaction import Redaction

ODD = 'pä"ss\\w/o+rd?>\n<&é~ end'
SECRETS = ["sk_live_4711", "abcd", ODD, "1234567890", "x" * 500, "🔑🔑🔑🔑"]


def spelt(secret: str) -> list[str]:
    content = secret.encode()
    return [
        secret,
        json.dumps(secret),
        json.dumps({"a": json.dumps({"key": secret})}),
        json.dumps(secret, ensure_ascii=False),
        repr(secret),
        html.escape(secret),
        quote(secret),
        quote(secret, safe=""),
        quote_plus(secret),
        f"https://x.org/?key={quote_plus(secret)}&b=1",
        content.hex(),
        content.hex().upper(),
        *(
            b64encode(before + content + after).decode()
            for before in (b"", b"u", b"u:", b"usr:")
            for after in (b"", b"!", b"!!")
        ),
        *(urlsafe_b64encode(before + content).decode().rstrip("=") for before in (b"", b"u", b"u:", b"usr:")),
    ]


def traces(secret: str) -> list[str]:
    """What must not be left of a secret: four characters of any plain or encoded form."""
    content = secret.encode()
    forms = [secret, content.hex(), quote(secret, safe="")]
    forms += [b64encode(bytes(before) + content).decode()[before and before + 1 : -4] for before in range(3)]
    return [form[:6] for form in forms if len(form) >= 6] + [form[-6:] for form in forms if len(form) >= 6]


@pytest.mark.parametrize("secret", SECRETS)
def test_a_secret_is_masked_in_every_spelling(secret: str) -> None:
    redaction = Redaction([secret])
    for text in spelt(secret):
        masked = redaction.text(f"before {text} behind")
        assert "***" in masked, text
        assert masked.startswith("before ")
        assert masked.endswith(" behind")
        assert not [trace for trace in traces(secret) if trace in masked], masked


@settings(deadline=None)
@given(
    st.text(st.characters(exclude_categories=["Cs"]), min_size=8, max_size=40),
    st.binary(max_size=5),
    st.binary(max_size=5),
)
def test_a_secret_is_masked_inside_any_base64(secret: str, before: bytes, after: bytes) -> None:
    text = b64encode(before + secret.encode() + after).decode()
    masked = Redaction([secret]).text(text)
    assert "***" in masked
    assert len(masked.replace("***", "")) <= len(b64encode(before + after)) + 4


def test_values_are_masked_wherever_they_stand() -> None:
    redaction = Redaction(["sk_live_4711", "12345678"])
    value: Any = {"a": ["x sk_live_4711 y", {"sk_live_4711": 1}], "n": 12345678, "m": 912345678, "t": True, "z": None}
    assert redaction.value(value) == {"a": ["x *** y", {"***": 1}], "n": "***", "m": 912345678, "t": True, "z": None}


def test_of_two_secrets_the_longer_one_is_masked_whole() -> None:
    assert Redaction(["secret", "secret-and-more"]).text("a secret-and-more b secret c") == "a *** b *** c"


@pytest.mark.parametrize(
    "text", ["got sk_live_47…", "got sk_live...", "got sk_live_471", "got …e_4711 b", "x...live_4711"]
)
def test_what_is_left_of_a_secret_where_a_message_was_cut_is_masked(text: str) -> None:
    masked = Redaction(["sk_live_4711"]).told(text)
    assert "***" in masked
    assert "liv" not in masked
    assert "4711" not in masked


def test_messages_that_merely_begin_alike_stay_as_they_are() -> None:
    redaction = Redaction(["https://hooks.example.org/secret-part"])
    text = "cannot reach https://other.example.org/path now"
    assert redaction.told(text) == text
    assert redaction.error({"type": "A", "message": text, "details": [1, True], "cause": None})["message"] == text
