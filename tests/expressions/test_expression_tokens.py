"""Ordinary expressions are cut without Jinja2's lexer, and come out as it would have cut them."""

from __future__ import annotations

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from perdure.errors import ExpressionError
from perdure.expressions import syntax
from perdure.expressions.tokens import plain_tokens

PIECES = (
    "input", "a1", "_x", "not", "in", "é", "x̀", "0", "7", "007", "10_000", "0x1f", "1.5", "2e3", ".5", "1.", "9" * 18,
    "9" * 19, "'t'", '"t"', "'it''s'", "'\\n'", "'}}'", '"{{"', "'{%'", "'", '"', "(", ")", "[", "]", "{", "}", "//",
    "**", "==", "!=", "<=", ">=", "<", ">", "=", "!", "+", "-", "*", "/", "%", "~", "|", ".", ",", ":", ";", "&", "$",
    "\\", " ", "  ", "\t", "\n", "\r", "\r\n", "\x1c", "\x85", "\xa0", "\ud800", "\0",
)  # fmt: skip
EXPRESSIONS = st.lists(st.sampled_from(PIECES), max_size=12).map("".join)
TEXTS = st.lists(
    st.one_of(
        st.sampled_from(
            ("{{", "}}", "{{-", "-}}", "{{+", "{%", "%}", "{#", "{{{", "}}}", "word ", "ü", "\r", "\n", "{")
        ),
        EXPRESSIONS,
        EXPRESSIONS.map(lambda inside: f"{{{{ {inside} }}}}"),
    ),
    max_size=8,
).map("".join)


@settings(max_examples=1_000)
@given(EXPRESSIONS)
def test_ordinary_expressions_are_cut_as_the_lexer_cuts_them(text: str) -> None:
    tokens = plain_tokens(text)
    if tokens is not None:
        assert tokens == list(syntax._tokens(text))
        assert [type(token.value) for token in tokens] == [type(token.value) for token in syntax._tokens(text)]


@settings(max_examples=1_000)
@given(TEXTS)
def test_ordinary_texts_are_split_as_the_lexer_splits_them(text: str) -> None:
    parts = syntax._split_plainly(text)
    if parts is not None:
        assert parts == syntax._split(text)


@pytest.mark.parametrize(
    "text",
    [
        "input.amount > 100",
        "steps['a'][0].b | default('x', true)",
        "not (a and b.c) or len(d) // 2 == 3 % 2",
        "-x ** 2",
    ],
)
def test_what_authors_write_is_ordinary(text: str) -> None:
    assert plain_tokens(text)
    assert syntax._split_plainly(f"before {{{{ {text} }}}} behind") is not None


@pytest.mark.parametrize("text", ["(" * 41 + "x" + ")" * 41, "(x]", "(x", "x)"])
def test_brackets_that_do_not_fit_are_left_to_the_lexer(text: str) -> None:
    assert plain_tokens(text) is None
    with pytest.raises(ExpressionError):
        syntax.parse(text)


def test_as_many_brackets_as_are_allowed_are_ordinary() -> None:
    text = "(" * 40 + "x" + ")" * 40
    assert plain_tokens(text) is not None
    assert syntax.parse(text).name == "x"
