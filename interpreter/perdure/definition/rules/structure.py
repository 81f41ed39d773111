"""Rules 2xx: the shape of a definition — keys, kinds, and what stands where."""

from __future__ import annotations

from typing import Final

from perdure.definition.rules.rule import Rule, table

STRUCTURE: Final = table(
    Rule(
        "WF201", "unknown-key", "error",
        "a key that is not known here",
        "A misspelt setting that is silently ignored is worse than none: it looks as if it worked.",
        "- activity: mail.send\n  retyr: {attempts: 3}",
        "- activity: mail.send\n  retry: {attempts: 3}",
    ),
    Rule(
        "WF202", "missing-key", "error",
        "a key that is required here is absent",
        "Without it the step has no meaning.",
        "- foreach: input.items",
        "- foreach: input.items\n  steps:\n    - activity: items.pack",
    ),
    Rule(
        "WF203", "wrong-type", "error",
        "a value of the wrong type",
        "A list where a mapping is meant, a number where a text is meant: the reader cannot guess.",
        "steps:\n  activity: mail.send",
        "steps:\n  - activity: mail.send",
    ),
    Rule(
        "WF204", "no-kind", "error",
        "a step that says nothing to do",
        "Every step is exactly one kind, such as activity, wait, branch or foreach, plus any modifiers.",
        "- id: pay\n  with: {amount: 3}",
        "- id: pay\n  activity: payments.charge\n  with: {amount: 3}",
    ),
    Rule(
        "WF205", "two-kinds", "error",
        "a step that is two kinds at once",
        "Which one comes first would be a guess; a block of two steps says it.",
        "- activity: mail.send\n  wait: 3d",
        "- activity: mail.send\n- wait: 3d",
    ),
    Rule(
        "WF206", "bad-duration", "error",
        "a text that is not a duration",
        "Durations are 90s, 5m, 1h30m, 3d or ISO 8601; a bare number has no unit.",
        "timeout: 30",
        "timeout: 30s",
    ),
    Rule(
        "WF207", "bad-time", "error",
        "a text that is not a point in time",
        "Times are ISO 8601 with an offset, or without one beside `timezone:`.",
        "wait: {until: tomorrow}",
        'wait: {until: "2026-03-01T09:00:00+01:00"}',
    ),
    Rule(
        "WF208", "duplicate-id", "error",
        "two steps with the same id",
        "Results and addresses are found by id, so an id names one step.",
        "- id: pay\n  activity: payments.reserve\n- id: pay\n  activity: payments.charge",
        "- id: reserve\n  activity: payments.reserve\n- id: charge\n  activity: payments.charge",
    ),
    Rule(
        "WF209", "bad-id", "error",
        "a name with characters it cannot have, or one that is reserved",
        "Ids are read in expressions and addresses: letters, digits, _ and -, starting with a letter or _.",
        "- id: book flight\n  activity: flights.book",
        "- id: book_flight\n  activity: flights.book",
    ),
    Rule(
        "WF210", "name-not-literal", "error",
        "a template where a name must be written out",
        "Names of activities, signals and fragments are checked before anything runs, so they are literal.",
        '- activity: "{{ input.which }}"',
        "- branch:\n    on: input.which\n    cases:\n      mail: [{activity: mail.send}]",
    ),
    Rule(
        "WF211", "unknown-choice", "error",
        "a value that is not one of the choices",
        "The setting knows a fixed list of words.",
        "retry: {backoff: exponentail}",
        "retry: {backoff: exponential}",
    ),
    Rule(
        "WF212", "out-of-range", "error",
        "a number outside what is allowed here",
        "Zero attempts or a concurrency of zero would never do anything.",
        "- foreach: input.items\n  concurrency: 0\n  steps: []",
        "- foreach: input.items\n  concurrency: 4\n  steps: []",
    ),
    Rule(
        "WF213", "empty", "error",
        "a list, mapping or text that must hold something",
        "An empty one here has no meaning, and is most often a forgotten line.",
        "steps: []",
        "steps:\n  - activity: mail.send",
    ),
    Rule(
        "WF214", "bad-schema", "error",
        "a JSON Schema that is itself not valid",
        "Values are checked against JSON Schema 2020-12; a broken schema would let everything or nothing "
        "through.",
        "input: {type: objekt}",
        "input: {type: object}",
    ),
    Rule(
        "WF215", "remote-reference", "error",
        "a JSON Schema that refers outside its definition",
        "A definition means the same for ever; what a network address gives tomorrow is unknown.",
        "input: {$ref: https://example.com/order.json}",
        "input: {$ref: '#/$defs/order', $defs: {order: {type: object}}}",
    ),
    Rule(
        "WF216", "misplaced-key", "error",
        "a key that is known, but not here",
        "It belongs to another kind of step, or one level higher or lower.",
        "- wait: 3d\n  join: any",
        "- foreach: input.items\n  join: any\n  steps:\n    - wait: 3d",
    ),
    Rule(
        "WF217", "conflicting-keys", "error",
        "keys that exclude one another",
        "They answer the same question in two ways.",
        "- repeat: {while: vars.more, until: vars.done}\n  steps: [{activity: work}]",
        "- repeat: {while: vars.more}\n  steps: [{activity: work}]",
    ),
    Rule(
        "WF218", "bad-timezone", "error",
        "a time zone nobody knows",
        "Zones are names of the IANA database, so that daylight saving is known.",
        "wait: {until: '2026-03-01T09:00', timezone: Berlin}",
        "wait: {until: '2026-03-01T09:00', timezone: Europe/Berlin}",
    ),
    Rule(
        "WF219", "duplicate-name", "error",
        "two entries with the same name",
        "Results and messages are told apart by name, so one of them would be lost.",
        "wait: {all: [{signal: ok}, {signal: ok}]}",
        "wait: {all: [{signal: ok, name: first}, {signal: ok, name: second}]}",
    ),
    Rule(
        "WF220", "import-failed", "error",
        "an imported file that cannot be read, or that imports itself",
        "A definition is only whole with everything it imports.",
        "imports: {mail: ./mial.yaml}",
        "imports: {mail: ./mail.yaml}",
    ),
)  # fmt: skip
