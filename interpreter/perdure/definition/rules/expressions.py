"""Rules 3xx: expressions — what they read, and what they may ask for."""

from __future__ import annotations

from typing import Final

from perdure.definition.rules.rule import Rule, table

EXPRESSIONS: Final = table(
    Rule(
        "WF301", "unknown-step", "error",
        "an expression reads a step that does not exist",
        "Its value would be undefined when the run gets there, long after it was deployed.",
        'output: "{{ steps.fetchh }}"   # the step is called fetch',
        'output: "{{ steps.fetch }}"',
    ),
    Rule(
        "WF302", "step-not-yet-run", "error",
        "an expression reads a step that cannot have run before it",
        "A result is there after its step, not before, and not beside it in a parallel branch.",
        '- set: {total: "{{ steps.price }}"}\n- id: price\n  activity: shop.price',
        '- id: price\n  activity: shop.price\n- set: {total: "{{ steps.price }}"}',
    ),
    Rule(
        "WF303", "unknown-variable", "error",
        "an expression reads a variable that nothing sets",
        "Variables come from `vars:` and from `set` steps.",
        'output: "{{ vars.totl }}"',
        'vars: {total: 0}\noutput: "{{ vars.total }}"',
    ),
    Rule(
        "WF304", "unknown-name", "error",
        "an expression uses a name that means nothing here",
        "Only input, steps, vars, run and the names of the scopes around it exist; an undefined name is "
        "an error, never an empty text.",
        'with: {id: "{{ order }}"}',
        'with: {id: "{{ input.order }}"}',
    ),
    Rule(
        "WF305", "unknown-filter", "error",
        "an expression uses a filter or a test that is not offered",
        "Filters are an allow-list: each one offered is known to end, within a budget.",
        'output: "{{ input.names | uper }}"',
        'output: "{{ input.names | upper }}"',
    ),
    Rule(
        "WF306", "unknown-function", "error",
        "an expression calls something that is not offered",
        "Expressions read data; they call now, today, uuid and random and nothing else, and never a method.",
        "output: \"{{ input.name.split(',') }}\"",
        'output: "{{ now() }}"',
    ),
    Rule(
        "WF307", "not-a-condition", "error",
        "a condition that can never be true or false",
        "A condition is a boolean, or null, which does not hold; anything else is an error when it runs.",
        "if: '\"yes\"'",
        'if: input.answer == "yes"',
    ),
    Rule(
        "WF308", "statement-refused", "error",
        "a statement in {% … %}",
        "Definitions hold expressions, no code: use branch, foreach and set.",
        'prompt: "{% if input.vip %}Dear{% endif %} guest"',
        "prompt: \"{{ 'Dear ' if input.vip else '' }}guest\"",
    ),
    Rule(
        "WF309", "expression-too-large", "error",
        "an expression longer or deeper than the budget",
        "Expressions are checked and evaluated within a budget that hostile text cannot exceed.",
        'output: "{{ 9 ** (9 ** 9) }}"',
        'output: "{{ 9 ** 9 }}"',
    ),
    Rule(
        "WF310", "expression-syntax", "error",
        "a text between {{ and }} that is no expression",
        "It could not be evaluated when the run gets there.",
        'output: "{{ input.a + }}"',
        'output: "{{ input.a + 1 }}"',
    ),
    Rule(
        "WF311", "unknown-field", "error",
        "a field that its schema does not have is read, or set in a state",
        "Schemas, what activities declare to give, what a state begins with, and the types that follow from them "
        "say which fields there are.",
        'with: {id: "{{ input.oder }}"}   # the input has the field order',
        'with: {id: "{{ input.order }}"}',
    ),
    Rule(
        "WF312", "constant-condition", "warning",
        "a condition that always or never holds",
        "What stands under it always runs, or never does; most often a name is written in quotes.",
        "if: \"'paid' == 'paid'\"",
        "if: input.state == 'paid'",
    ),
    Rule(
        "WF313", "not-a-list", "error",
        "a foreach over something that is no list",
        "foreach takes lists only; a mapping or a text would fail when the run gets there.",
        "foreach: \"'abc'\"",
        "foreach: \"['a', 'b', 'c']\"",
    ),
    Rule(
        "WF314", "always-fails", "error",
        "an expression of constants that can only fail",
        "It reads nothing that could change, so what fails now fails in every run.",
        'output: "{{ 1 / 0 }}"',
        'output: "{{ 1 / input.count }}"',
    ),
    Rule(
        "WF315", "secret-outside-with", "error",
        "a secret is read outside `with`",
        "Secrets are handed to activities, children and fragments, and resolved in the worker; a variable, an output "
        "or a message would keep them.",
        'output: {key: "{{ secrets.stripe_key }}"}',
        'with: {key: "{{ secrets.stripe_key }}"}',
    ),
    Rule(
        "WF316", "secret-altered", "error",
        "a secret is worked with, or not read by its name",
        "A run holds a marker in place of the secret: it has no length, no parts and no upper case, and which secrets "
        "a definition uses is written in it.",
        'with: {key: "{{ secrets.stripe_key | upper }}"}',
        'with: {header: "Bearer {{ secrets.stripe_key }}"}',
    ),
    Rule(
        "WF317", "may-not-have-run", "warning",
        "a field is read of a result that is null when its step has not run",
        "A step that is skipped, stands in an arm that is not taken, or was jumped over by a catch, reads as null; "
        "null has no fields, so the run would fail with ExpressionFailed.",
        '- id: seat\n  if: input.wanted\n  activity: seats.book\n- set: {seat: "{{ steps.seat.number }}"}',
        '- id: seat\n  if: input.wanted\n  activity: seats.book\n'
        '- set: {seat: "{{ steps.seat.number | default(none) }}"}',
    ),
    Rule(
        "WF318", "may-be-null", "warning",
        "a value that may be null stands where null fails",
        "The schema, or the step, says that the value may be null; null has no fields and cannot be added, compared or "
        "filtered.",
        '- id: note\n  wait: {signal: note, timeout: 1h, default: null}\n- set: {text: "{{ steps.note | upper }}"}',
        '- id: note\n  wait: {signal: note, timeout: 1h, default: null}\n'
        "- set: {text: \"{{ steps.note | default('', true) | upper }}\"}",
    ),
    Rule(
        "WF319", "wrong-operand", "error",
        "an operator gets what it never takes",
        "Numbers and texts are never converted silently, and nothing is added to a mapping: the run would fail with "
        "ExpressionFailed.",
        'vars: {total: 1}\noutput: "{{ vars.total + \' EUR\' }}"',
        'vars: {total: 1}\noutput: "{{ vars.total ~ \' EUR\' }}"',
    ),
    Rule(
        "WF320", "wrong-filter", "error",
        "a filter, a test or a function gets what it never takes",
        "A number has no length, and a list no capitals: the run would fail with ExpressionFailed.",
        'vars: {total: 1}\noutput: "{{ vars.total | length }}"',
        'vars: {total: 1}\noutput: "{{ vars.total | string | length }}"',
    ),
    Rule(
        "WF321", "never-equal", "warning",
        "a comparison of two values that never equal each other, or a case that `on` of a branch never is",
        "A number never equals a text, and a text none that its schema does not have; most often one of them is "
        "spelled wrong, and what stands under the condition never runs.",
        '- id: decision\n  ask: {prompt: ok?, choices: [approve, reject], timeout: 1d}\n'
        '- if: steps.decision.answer == "approved"\n  activity: a.b',
        '- id: decision\n  ask: {prompt: ok?, choices: [approve, reject], timeout: 1d}\n'
        '- if: steps.decision.answer == "approve"\n  activity: a.b',
    ),
    Rule(
        "WF322", "not-a-choice", "error",
        "`on` of a branch is a list or a mapping",
        "Cases are texts, numbers, booleans and null; the branch would fail when the run gets there.",
        'vars: {kinds: [a, b]}\nsteps: [{branch: {on: vars.kinds, cases: {a: []}}}]',
        "vars: {kinds: [a, b]}\nsteps: [{branch: {on: 'vars.kinds[0]', cases: {a: []}}}]",
    ),
    Rule(
        "WF340", "unused-variable", "warning",
        "a variable that is set and never read",
        "It is most often left over, or what should read it reads something else. Variables are seen nowhere but in "
        "expressions.",
        "vars: {tries: 0, best: null}\noutput: {best: \"{{ vars.best }}\"}",
        "vars: {best: null}\noutput: {best: \"{{ vars.best }}\"}",
    ),
    Rule(
        "WF341", "unused-input", "off",
        "a property of the input that no expression reads",
        "Whoever starts the run is asked for something that changes nothing; unless callers were promised it.",
        "input: {properties: {order: {}, adress: {}}}\noutput: \"{{ input.order }}\"",
        "input: {properties: {order: {}}}\noutput: \"{{ input.order }}\"",
    ),
    Rule(
        "WF342", "unused-output", "warning",
        "an `output` of a step that nothing reads",
        "It is worked out, and fails where it cannot be, for nobody. The last step of a list gives its result to what "
        "stands around it; any other is read by its id.",
        "- activity: shop.price\n  output: 3\n- activity: mail.send",
        "- id: price\n  activity: shop.price\n  output: 3\n- activity: mail.send\n  if: steps.price > 2",
    ),
)  # fmt: skip
