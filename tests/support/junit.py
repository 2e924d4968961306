"""Checks of JUnit files by the rules that two schemas have in common: junit-10.xsd of Jenkins, and JUnit.xsd of Ant.

Neither schema is part of this repository. What is valid by the table below is valid by both.
"""

from __future__ import annotations

import re
from collections.abc import Callable
from dataclasses import dataclass
from xml.etree import ElementTree

_TOKEN = re.compile(r"\S+(?: \S+)*")


def _matches(pattern: str) -> Callable[[str], bool]:
    return lambda value: re.fullmatch(pattern, value) is not None


def _anything(value: str) -> bool:
    return True


_NUMBER = _matches("[0-9]+")
_DECIMAL = _matches(r"[0-9]{1,12}(?:\.[0-9]+)?")
_WORDS = _matches(_TOKEN.pattern)


@dataclass(frozen=True)
class _Element:
    """What an element holds: its children as a pattern over their names, each followed by a space, and its attributes."""

    children: str = ""
    required: tuple[tuple[str, Callable[[str], bool]], ...] = ()
    optional: tuple[str, ...] = ()
    text: bool = False


_PROBLEM = _Element(required=(("type", _anything),), optional=("message",), text=True)
_RULES = {
    "testsuites": _Element("(?:testsuite )*"),
    "testsuite": _Element(
        "properties (?:testcase )*system-out system-err ",
        (
            ("name", _WORDS),
            ("package", _WORDS),
            ("id", _NUMBER),
            ("tests", _NUMBER),
            ("failures", _NUMBER),
            ("errors", _NUMBER),
            ("time", _DECIMAL),
            ("timestamp", _matches("[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}")),
            ("hostname", _WORDS),
        ),
        ("skipped",),
    ),
    "properties": _Element("(?:property )*"),
    "property": _Element("", (("name", _WORDS), ("value", _anything))),
    "testcase": _Element(
        "(?:(?:skipped|error|failure) )?", (("name", _WORDS), ("classname", _WORDS), ("time", _DECIMAL))
    ),
    "skipped": _Element(optional=("message",)),
    "error": _PROBLEM,
    "failure": _PROBLEM,
    "system-out": _Element(text=True),
    "system-err": _Element(text=True),
}


def check_junit(text: str | bytes) -> ElementTree.Element:
    """Check a JUnit file and return its root."""
    root = ElementTree.fromstring(text)
    assert root.tag == "testsuites"
    for element in root.iter():
        rule = _RULES[element.tag]
        children = "".join(f"{child.tag} " for child in element)
        assert re.fullmatch(rule.children, children), (element.tag, children)
        names = {name for name, _ in rule.required}
        assert names <= set(element.attrib) <= names | set(rule.optional), (element.tag, element.attrib)
        for name, is_valid in rule.required:
            assert is_valid(element.attrib[name]), (element.tag, name, element.attrib[name])
        assert rule.text or not (element.text or "").strip(), (element.tag, element.text)
        assert not (element.tail or "").strip(), (element.tag, element.tail)
    for number, suite in enumerate(root):
        cases = suite.findall("testcase")
        assert int(suite.attrib["id"]) == number
        assert int(suite.attrib["tests"]) == len(cases)
        for name, child in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
            assert int(suite.attrib[name]) == sum(case.find(child) is not None for case in cases)
    return root
