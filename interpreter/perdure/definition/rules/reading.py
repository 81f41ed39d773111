"""Rules 1xx: what can be wrong with a file before anybody asks what it says."""

from __future__ import annotations

from typing import Final

from perdure.definition.rules.rule import Rule, table

READING: Final = table(
    Rule(
        "WF101", "syntax", "error",
        "the text is not YAML",
        "Nothing can be said about a file that cannot be read; most often it is a missing quote, a tab "
        "used to indent, or a colon inside an unquoted text.",
        "description: ready: set: go",
        'description: "ready: set: go"',
    ),
    Rule(
        "WF102", "duplicate-key", "error",
        "a mapping holds the same key twice",
        "YAML tools keep the last one silently, so a step or a setting vanishes without a trace.",
        "timeout: 5m\nretry: {attempts: 3}\ntimeout: 1h",
        "timeout: 1h\nretry: {attempts: 3}",
    ),
    Rule(
        "WF103", "unquoted-braces", "error",
        "a value that starts with {{ stands without quotes",
        "To YAML, {{ opens a mapping inside a mapping; the expression would be torn apart.",
        "with: {order: {{ input.order }}}",
        'with: {order: "{{ input.order }}"}',
    ),
    Rule(
        "WF104", "ambiguous-scalar", "warning",
        "a plain scalar that YAML 1.1 and YAML 1.2 read differently",
        "Perdure reads YAML 1.2: NO is a text and 014 is the number 14. Other tools, and people, may "
        "read false and 12. Quotes, or true and false, leave no doubt.",
        "country: NO",
        'country: "NO"',
    ),
    Rule(
        "WF105", "alias-bomb", "error",
        "aliases multiply the document beyond its budget",
        "A few lines of nested aliases can stand for billions of nodes and exhaust the memory of whoever "
        "reads them.",
        "a: &a [x, x]\nb: &b [*a, *a]\nc: [*b, *b]  # and so on, forty times",
        "a: &a [x, x]\nb: [*a, *a]",
    ),
    Rule(
        "WF106", "tag-refused", "error",
        "a YAML tag such as !!python/object or !include",
        "Tags ask the reader to build something other than plain data, which a definition never needs "
        "and a hostile one abuses.",
        "when: !!timestamp 2026-03-01",
        'when: "2026-03-01"',
    ),
    Rule(
        "WF107", "bad-encoding", "error",
        "the file is not UTF-8 text",
        "A definition must read the same on every machine, so there is one encoding.",
        "description: caf\\xe9   # saved as Latin-1",
        "description: café   # saved as UTF-8",
    ),
    Rule(
        "WF108", "bad-character", "error",
        "a control character or half a surrogate pair",
        "Invisible characters break terminals, comparisons and stores; inside double quotes an escape "
        "says the same visibly.",
        "name: a<NUL>b",
        'name: "a\\tb"',
    ),
    Rule(
        "WF109", "multiple-documents", "error",
        "more than one document in a definition's file",
        "One file is one definition, so that a file name says which one is meant.",
        "workflow: a\n---\nworkflow: b",
        "workflow: a   # and b in a file of its own",
    ),
    Rule(
        "WF110", "empty-document", "error",
        "the file holds nothing, or only comments",
        "There is nothing to run.",
        "# to do",
        "workflow: hello\nsteps:\n  - set: {greeting: hello}",
    ),
    Rule(
        "WF111", "not-a-mapping", "error",
        "the document is a list or a single value",
        "A definition is a mapping with a name and steps at its top.",
        "- activity: mail.send",
        "workflow: notify\nsteps:\n  - activity: mail.send",
    ),
    Rule(
        "WF112", "too-large", "error",
        "the file is larger than a mebibyte, or holds more than 100,000 values",
        "Definitions are read by people; a larger file is data in the wrong place, or an attack.",
        "vars: {table: [1, 2, 3]}   # two million of them",
        "steps:\n  - id: table\n    activity: tables.load",
    ),
    Rule(
        "WF113", "too-deep", "error",
        "plain values nested more than 100 deep, or anything more than 10,000",
        "No reader follows that, and parsers that recurse fall over it.",
        "a: [[[[[[[[[[]]]]]]]]]]   # and ninety more",
        "a: [[]]",
    ),
    Rule(
        "WF114", "bad-key", "error",
        "a key that is empty, a list or a mapping",
        "Keys are texts; numbers and true, false, null count as texts of the same spelling.",
        "? [a, b]\n: 1",
        "a-b: 1",
    ),
    Rule(
        "WF115", "bad-number", "error",
        "a number JSON cannot hold: infinite, not a number, or enormous",
        "Values are JSON, and such numbers would change or fail on their way through a store.",
        "limit: .inf",
        "limit: 1000000",
    ),
    Rule(
        "WF116", "unknown-anchor", "error",
        "an alias whose anchor is not defined before it",
        "The value it should stand for is nowhere above it in this document.",
        "vars: {first: *start, second: 1}",
        "vars: {first: &start 1, second: *start}",
    ),
    Rule(
        "WF117", "bad-merge", "error",
        "a merge key << with something other than mappings",
        "<< copies the keys of a mapping, or of a list of mappings, and nothing else.",
        "vars: {a: {<<: 3}}",
        "vars: {a: &a {x: 1}, b: {<<: *a, y: 2}}",
    ),
)  # fmt: skip
