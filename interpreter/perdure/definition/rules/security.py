"""Rules 7xx: security — what a definition gives away, and what it lets in."""

from __future__ import annotations

from typing import Final

from perdure.definition.rules.rule import Rule, table

SECURITY: Final = table(
    Rule(
        "WF701", "literal-secret", "warning",
        "a password, key or token written into the definition",
        "Definitions stand in git and in every store; as `secrets.name` a secret stays out of both, and of histories.",
        "- activity: payments.charge\n  with: {api_key: ak-93f8a2c1d0}",
        "- activity: payments.charge\n  with: {api_key: '{{ secrets.payments }}'}",
    ),
    Rule(
        "WF702", "template-in-command", "warning",
        "a template inside the text of an SQL statement or a shell command",
        "Whoever chooses the value can end the statement and add one of their own; give values as parameters.",
        "- activity: db.query\n  with: {sql: \"SELECT * FROM orders WHERE id = '{{ input.id }}'\"}",
        "- activity: db.query\n  with: {sql: 'SELECT * FROM orders WHERE id = ?', values: ['{{ input.id }}']}",
    ),
    Rule(
        "WF703", "secret-in-output", "warning",
        "a value that is named like a secret in an output, a label, a summary or what is published",
        "These are shown to everybody who may look at the run, and handed on to whoever started it.",
        "output: {user: '{{ input.user }}', password: '{{ input.password }}'}",
        "output: {user: '{{ input.user }}'}",
    ),
    Rule(
        "WF704", "verification-off", "warning",
        "an argument that switches the verification of TLS certificates off",
        "Anybody in between can then read and change what is sent; add the authority's certificate instead.",
        "- activity: shop.fetch\n  with: {url: 'https://shop.example.com', verify_ssl: false}",
        "- activity: shop.fetch\n  with: {url: 'https://shop.example.com'}",
    ),
    Rule(
        "WF705", "plain-http", "off",
        "a request to another machine over http: instead of https:",
        "What is sent and what comes back can be read and changed on its way.",
        "- activity: http.request\n  with: {url: 'http://shop.example.com/orders'}",
        "- activity: http.request\n  with: {url: 'https://shop.example.com/orders'}",
    ),
    Rule(
        "WF706", "template-in-host", "off",
        "an expression that chooses the machine a request goes to",
        "Whoever chooses the value chooses who is asked: with what the worker may reach, and with the headers that "
        "stand beside it. Internal addresses are refused by `http.request`; others are not.",
        "- activity: http.request\n  with: {url: 'https://{{ input.host }}/orders'}",
        "- activity: http.request\n  with: {url: 'https://shop.example.com/orders/{{ input.id }}'}",
    ),
)  # fmt: skip
