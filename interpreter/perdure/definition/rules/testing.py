"""Rules about files of tests, in the groups of what they are about."""

from __future__ import annotations

from typing import Final

from perdure.definition.rules.rule import Rule, table

TESTING: Final = table(
    Rule(
        "WF230", "bad-matcher", "error",
        "a matcher in a test that can never be applied",
        "A pattern that does not compile or bounds in the wrong order would fail every case, or none.",
        "expect: {output: {matches: '['}}",
        "expect: {output: {matches: '^F-'}}",
    ),
    Rule(
        "WF231", "bad-matrix", "error",
        "a matrix of a test whose sets of parameters differ, or are too many",
        "A case is run once for every set; a parameter that one set lacks is a slip of the pen.",
        "matrix: [{card: '4000'}, {crad: '5000'}]",
        "matrix: [{card: '4000'}, {card: '5000'}]",
    ),
    Rule(
        "WF232", "nothing-to-test", "error",
        "a test whose definition cannot be read or has errors",
        "A test says in `test:` which definition it is about, relative to its own place.",
        "test: ./book-trp.yaml",
        "test: ./book-trip.yaml",
    ),
    Rule(
        "WF233", "unclear-mock", "error",
        "a mock that ends in several ways, or in none",
        "A mock gives one of return, raise, sequence and hang; which of two would count would be a guess.",
        "- {activity: mail.send, return: 1, raise: Timeout}",
        "- {activity: mail.send, raise: Timeout}",
    ),
    Rule(
        "WF330", "unknown-in-test", "error",
        "a test names something that the definition does not have",
        "A mock or an expectation of a step that does not exist would never do anything, and the test would hold.",
        "expect: {steps: {chrage: {attempts: 3}}}",
        "expect: {steps: {charge: {attempts: 3}}}",
    ),
    Rule(
        "WF331", "message-nobody-takes", "warning",
        "a script sends what no step waits for",
        "It stays unread or is refused; a test that means it says so with `unread` or `replies`.",
        "script: [{signal: aprove}]",
        "script: [{signal: approve}]",
    ),
    Rule(
        "WF332", "matrix-expression", "error",
        "an expression of a test that cannot be evaluated",
        "Only `matrix`, the parameters of the case, can be read here.",
        'input: {card: "{{ matrix.crad }}"}',
        'input: {card: "{{ matrix.card }}"}',
    ),
    Rule(
        "WF630", "mock-does-not-fit", "error",
        "a mock returns what the activity never would",
        "A test with an answer that the real activity cannot give proves nothing.",
        "- {activity: flights.book, return: [F1, 100]}",
        "- {activity: flights.book, return: {id: F1, price: 100}}",
    ),
)  # fmt: skip
