"""What other programs read of tests: JUnit's XML for results, Cobertura's XML for coverage.

JUnit as CI systems take it: testsuites/testsuite/testcase with failure or error. Cobertura by its DTD
(coverage-04): a class for each file, a line for each step, its ways out as branches.
"""

from __future__ import annotations

import re
from collections import defaultdict
from collections.abc import Iterable
from pathlib import Path
from typing import Final
from xml.etree import ElementTree
from xml.etree.ElementTree import Element, SubElement

from perdure.testing.declared import report
from perdure.testing.declared.coverage import Coverage, Point
from perdure.testing.declared.running import Result
from perdure.testing.declared.session import Session

# XML 1.0, production [2] Char
_NO_XML: Final = re.compile("[\0-\x08\x0b\x0c\x0e-\x1f\ud800-\udfff\ufffe\uffff]")


def junit(session: Session) -> str:
    """The results as JUnit's XML, with no more attributes than the readers that check them accept."""
    root = Element("testsuites", name="perdure")
    for suite in session.suites:
        results = [result for result in session.results if result.suite is suite]
        broken = suite in session.broken
        element = SubElement(
            root,
            "testsuite",
            name=_clean(suite.file),
            tests=str(len(results) + broken),
            failures=str(sum(not result.holds for result in results)),
            errors=str(int(broken)),
            time=f"{sum(result.seconds for result in results):.3f}",
        )
        if broken:
            case = SubElement(element, "testcase", classname=_clean(suite.file), name="the file can be used")
            told = "\n".join(map(str, suite.diagnostics))
            SubElement(case, "error", message=_clean(told.partition("\n")[0])).text = _clean(told)
        for result in results:
            _case(element, result)
    return _written(root)


def _case(suite: Element, result: Result) -> None:
    case = SubElement(
        suite,
        "testcase",
        classname=_clean(result.suite.file),
        name=_clean(result.case.name),
        file=_clean(result.suite.file),
        time=f"{result.seconds:.3f}",
    )
    if not result.holds:
        first = result.failures[0]
        message = f"{first.place.file}:{first.place.line}: {first.what}"
        SubElement(case, "failure", message=_clean(message)).text = _clean(report.failed(result))


def cobertura(found: Iterable[Coverage], root: Path) -> str:
    """The coverage as Cobertura's XML; files are relative to `root` where they stand below it."""
    by_file: dict[str, list[tuple[Point, int]]] = defaultdict(list)
    for each in found:
        for point in each.points:
            by_file[_relative(point.position.file, root)].append((point, each.reached[point.name]))
    everything = [entry for entries in by_file.values() for entry in entries]
    document = Element("coverage", {**_rates(everything), "complexity": "0", "version": "1", "timestamp": "0"})
    SubElement(SubElement(document, "sources"), "source").text = _clean(str(root))
    package = SubElement(
        SubElement(document, "packages"), "package", {"name": "definitions", **_rates(everything), "complexity": "0"}
    )
    classes = SubElement(package, "classes")
    for file, entries in sorted(by_file.items()):
        facts = {"name": _clean(file), "filename": _clean(file), **_rates(entries), "complexity": "0"}
        element = SubElement(classes, "class", facts)
        SubElement(element, "methods")
        _lines(SubElement(element, "lines"), entries)
    return _written(document)


def _lines(element: Element, entries: list[tuple[Point, int]]) -> None:
    by_line: dict[int, list[tuple[Point, int]]] = defaultdict(list)
    for point, hits in entries:
        by_line[point.position.line].append((point, hits))
    for number, here in sorted(by_line.items()):
        hits = sum(count for point, count in here if not point.branch)
        ways = [count for point, count in here if point.branch]
        line = SubElement(element, "line", number=str(number), hits=str(hits or sum(ways)), branch="false")
        if ways:
            taken = sum(count > 0 for count in ways)
            line.set("branch", "true")
            line.set("condition-coverage", f"{100 * taken // len(ways)}% ({taken}/{len(ways)})")


def _rates(entries: list[tuple[Point, int]]) -> dict[str, str]:
    rates = {}
    for name, branch in (("line-rate", False), ("branch-rate", True)):
        hits = [count > 0 for point, count in entries if point.branch is branch]
        rates[name] = f"{sum(hits) / len(hits):.4f}" if hits else "1"
    return rates


def _relative(file: str, root: Path) -> str:
    path = Path(file).resolve()
    return str(path.relative_to(root)) if path.is_relative_to(root) else str(path)


def _clean(text: str) -> str:
    return _NO_XML.sub("\N{REPLACEMENT CHARACTER}", text)


def _written(root: Element) -> str:
    ElementTree.indent(root)
    return '<?xml version="1.0" encoding="UTF-8"?>\n' + ElementTree.tostring(root, encoding="unicode") + "\n"
