"""Attacks on template engines, as they are known from lists and reports: in our templates they reach nothing.

Each is refused, or is text like any other; and of no value that an expression can hold is a Python attribute reachable.
"""

from __future__ import annotations

from typing import Any

import pytest

from perdure.definition import load
from perdure.errors import DefinitionError, ExpressionError
from perdure.expressions import compile_template

NAMES: dict[str, Any] = {"input": {"text": "abc", "rows": [1], "n": 1}, "steps": {"a": {"b": 1}}, "vars": {}}

ATTACKS = [
    "{{ ''.__class__.__mro__[1].__subclasses__() }}",
    "{{ ''.__class__.__base__.__subclasses__()[40]('/etc/passwd').read() }}",
    "{{ ''.__class__.mro()[2].__subclasses__()[40]('/tmp/x', 'w').write('x') }}",
    "{{ [].__class__.__base__.__subclasses__()[59].__init__['func_globals']['linecache'].__dict__['os'] }}",
    "{{ ().__class__.__bases__[0].__subclasses__()[132].__init__.__globals__['popen']('id').read() }}",
    "{{ {}.__class__.__base__.__subclasses__()[100].__init__.__globals__['sys'].modules['os'].popen('id').read() }}",
    "{{ 1.__class__ }}",
    "{{ True.__class__.__mro__ }}",
    "{{ input.__class__.__init__.__globals__ }}",
    "{{ input.text.__class__.__mro__[1].__subclasses__() }}",
    "{{ input['__class__']['__base__']['__subclasses__']() }}",
    "{{ input|attr('__class__')|attr('__base__')|attr('__subclasses__')() }}",
    "{{ input|attr(['_'*2,'class','_'*2]|join) }}",
    "{{ input|attr('\\x5f\\x5fclass\\x5f\\x5f')|attr('\\x5f\\x5fmro\\x5f\\x5f') }}",
    "{{ input|attr('%c%c%s%c%c'|format(95,95,'class',95,95)) }}",
    "{{ ''[['__cla','ss__']|join]['__mro__'] }}",
    "{{ ''['__cla'~'ss__']['__mro__'] }}",
    "{{ input.text['\\u005f\\u005fclass\\u005f\\u005f'] }}",
    "{{ config }}",
    "{{ config.items() }}",
    "{{ config.__class__.__init__.__globals__['os'].popen('id').read() }}",
    "{{ config.from_pyfile('/tmp/evil.cfg') }}",
    "{{ self }}",
    "{{ self.__dict__ }}",
    "{{ self._TemplateReference__context.cycler.__init__.__globals__.os.popen('id').read() }}",
    "{{ self._TemplateReference__context.joiner.__init__.__globals__.os.popen('id').read() }}",
    "{{ self._TemplateReference__context.namespace.__init__.__globals__.os.popen('id').read() }}",
    "{{ self.__init__.__globals__.__builtins__.__import__('os').popen('id').read() }}",
    "{{ cycler.__init__.__globals__.os.popen('id').read() }}",
    "{{ joiner.__init__.__globals__.os.popen('id').read() }}",
    "{{ namespace.__init__.__globals__.os.popen('id').read() }}",
    "{{ lipsum.__globals__.os.popen('id').read() }}",
    "{{ lipsum.__globals__['__builtins__']['eval'](\"__import__('os').system('id')\") }}",
    "{{ (lipsum|attr('__globals__'))['os']['popen']('id')['read']() }}",
    "{{ url_for.__globals__.current_app.config }}",
    "{{ get_flashed_messages.__globals__.__builtins__.open('/etc/passwd').read() }}",
    "{{ request.application.__globals__.__builtins__.__import__('os').popen('id').read() }}",
    "{{ request|attr('application')|attr('\\x5f\\x5fglobals\\x5f\\x5f') }}",
    "{{ request.__class__._load_form_data.__globals__.__builtins__.open('/etc/passwd').read() }}",
    "{{ g.pop.__globals__.__builtins__ }}",
    "{{ session.__class__ }}",
    "{{ dict.__base__.__subclasses__() }}",
    "{{ range.__class__ }}",
    "{{ range(1).__class__.__base__ }}",
    "{{ now.__globals__ }}",
    "{{ now().__class__ }}",
    "{{ uuid.__globals__ }}",
    "{{ (input.rows|map).__class__ }}",
    "{{ (input.rows|map('string')).gi_frame.f_globals }}",
    "{{ (x for x in ()).gi_frame.f_builtins }}",
    "{{ [x for x in ().__class__.__base__.__subclasses__()] }}",
    "{{ (lambda: 1).__globals__ }}",
    "{{ __import__('os').popen('id').read() }}",
    "{{ eval('1') }}",
    "{{ exec('1') }}",
    "{{ open('/etc/passwd').read() }}",
    "{{ undefined_name.__class__ }}",
    "{{ undefined_name.__init__.__globals__ }}",
    "{{ input.missing.__class__ }}",
    "{{ '{0.__class__.__init__.__globals__}'.format(input) }}",
    "{{ '{0.__class__}'|format(input) }}",
    "{{ 'a'.format_map({'a': 1}) }}",
    "{{ input.text.encode().decode.__self__ }}",
    "{{ input.rows|map(attribute='__class__')|list }}",
    "{{ input.rows|groupby('__class__') }}",
    "{{ input.rows|sort(attribute='__class__.__name__') }}",
    "{{ input.rows|sum(attribute='__class__') }}",
    "{{ input.rows|map('attr','__class__')|list }}",
    "{{ input|pprint }}",
    "{{ input.update({'text': 'x'}) }}",
    "{{ input.rows.append(2) }}",
    "{{ input.rows.clear() }}",
    "{{ loop.__class__ }}",
    "{{ caller.__globals__ }}",
    "{{ super.__class__ }}",
    "{{ varargs }}",
    "{{ environment.loader }}",
    "{{ _TemplateReference__context }}",
    "{% for x in ().__class__.__base__.__subclasses__() %}{{ x }}{% endfor %}",
    "{% set x = lipsum.__globals__ %}{{ x }}",
    "{% import 'os' as os %}{{ os.popen('id').read() }}",
    "{% include '/etc/passwd' %}",
    "{% extends '/etc/passwd' %}",
    "{% if ''.__class__ %}x{% endif %}",
    "{% macro x() %}{{ caller.__globals__ }}{% endmacro %}{{ x() }}",
    "{% with a = request['application'] %}{{ a }}{% endwith %}",
    "{% call x() %}{% endcall %}",
    "{% filter upper %}x{% endfilter %}",
    "{% print(lipsum.__globals__) %}",
    "{%- set c = config -%}{{ c }}",
    "{% debug %}",
    "{{ {}|attr('__class__') }}{# a comment #}",
    "{{ input.n.real }}",
    "{{ input.n.to_bytes(1, 'big') }}",
    "{{ input.n.numerator.__class__ }}",
]

TEXTS = [
    "${7*7}",
    "#{7*7}",
    "<%= 7*7 %>",
    "${{7*7",
    "*{7*7}",
    "@(7*7)",
    "[[7*7]]",
    "{7*7}",
    "%{7*7}",
    "$(id)",
    "`id`",
    "{{{7*7",
]
"""What other engines would evaluate."""

VALUES: list[Any] = ["abc", b"".decode(), 1, 1.5, True, None, [1], {"k": 1}]


@pytest.mark.parametrize("text", ATTACKS)
def test_an_attack_on_a_template_engine_is_refused(text: str) -> None:
    with pytest.raises(ExpressionError):
        compile_template(f"before {text} behind").evaluate(NAMES, StillWorld())


@pytest.mark.parametrize("text", ATTACKS)
def test_an_attack_in_a_definition_is_never_more_than_text(text: str) -> None:
    """It is refused where it stands; what can only be told while the run goes on, fails there."""
    try:
        definition = load(f"workflow: x\nsteps: [{{wait: 0s}}]\noutput: {quoted(text)}\n")
    except DefinitionError as problem:
        codes = [found.code for found in problem.diagnostics if found.severity == "error"]
        assert all(code.startswith("WF3") for code in codes)
    else:
        assert definition.name == "x"


def test_no_item_is_chosen_by_an_attribute_of_its_type() -> None:
    text = "{{ (input.rows + [input.text, input])|selectattr('__class__')|list }}"
    assert compile_template(text).evaluate(NAMES, StillWorld()) == []


@pytest.mark.parametrize("text", TEXTS)
def test_what_other_engines_evaluate_is_text_or_refused(text: str) -> None:
    try:
        assert compile_template(text).evaluate(NAMES, StillWorld()) == text
    except ExpressionError:
        assert "{{" in text


@pytest.mark.parametrize("value", VALUES, ids=lambda value: type(value).__name__)
def test_no_attribute_of_a_value_is_reachable(value: Any) -> None:
    for name in dir(value):
        for access in (
            f"x.{name}",
            f"x['{name}']",
            f"x|attr('{name}')",
            f"[x]|map(attribute='{name}')|list",
            f"x.{name}()",
        ):
            with pytest.raises(ExpressionError):
                compile_template("{{ " + access + " }}").evaluate({**NAMES, "x": value}, StillWorld())


def quoted(text: str) -> str:
    return "'" + text.replace("'", "''") + "'"


class StillWorld:
    """A world without time and chance."""

    def now(self) -> int:
        return 0

    def random(self) -> float:
        return 0.5

    def uuid(self) -> str:
        return "0"
