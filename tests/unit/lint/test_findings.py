"""All that the linter says of every faulty and mended transcript of the tables beside this file; of a case's own rule, word for word.

`findings.txt` holds it. After a change that is meant, `python -m tests.unit.lint.test_findings` writes it anew: read the difference
before you commit it.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from smtp_shell.lint import Finding
from tests.unit.lint import (
    test_auth_rules,
    test_extension_rules,
    test_line_rules,
    test_message_rules,
    test_order_rules,
    test_parameter_rules,
    test_server_rules,
    test_tls_rules,
)
from tests.unit.lint.cases import Case, lint

STORED = Path(__file__).parent / "findings.txt"
TABLES = (
    test_auth_rules,
    test_extension_rules,
    test_line_rules,
    test_message_rules,
    test_order_rules,
    test_parameter_rules,
    test_server_rules,
    test_tls_rules,
)


def cases() -> Iterator[tuple[str, Case]]:
    """Yield each case with a name of its own."""
    seen: Counter[str] = Counter()
    for table in TABLES:
        for case in table.CASES:
            seen[case.rule] += 1
            yield f"{case.rule} {seen[case.rule]}", case


ALL = dict(cases())


def shown(finding: Finding, rule: str) -> str:
    return f"  {finding.line} {finding.seq} {finding if finding.rule == rule else finding.rule}"


def found(case: Case) -> list[str]:
    """Return the findings of the faulty transcript, and those of the mended one."""
    return [
        *(shown(each, case.rule) for each in lint(case.bad)),
        "  mended:",
        *(shown(each, case.rule) for each in lint(case.good)),
    ]


def stored() -> dict[str, list[str]]:
    """Return the findings of each case."""
    kept: dict[str, list[str]] = {}
    for line in STORED.read_text(encoding="utf-8").splitlines():
        if line.startswith("  "):
            kept[name].append(line)
        else:
            name = line
            kept[name] = []
    return kept


KEPT = stored() if STORED.exists() else {}


@pytest.mark.parametrize("name", ALL)
def test_the_findings_of_a_case(name: str) -> None:
    assert found(ALL[name]) == KEPT[name]


def test_no_findings_are_kept_of_cases_that_are_gone() -> None:
    assert list(KEPT) == list(ALL)


if __name__ == "__main__":
    text = "".join(f"{line}\n" for name, case in ALL.items() for line in (name, *found(case)))
    STORED.write_text(text, encoding="utf-8")
