"""All that the linter says of every faulty and mended transcript of the tables beside this file; of a case's own rule, word for word.

And all that it says of dialogues in which octets, chunks, TLS, early commands and broken replies go together, in a file and live.

`findings.txt` holds it. After a change that is meant, `python -m tests.unit.lint.test_findings` writes it anew: read the difference
before you commit it.
"""

from __future__ import annotations

import re
from collections import Counter
from collections.abc import Iterator
from pathlib import Path

import pytest

from smtp_shell.lint import Finding, Linter
from smtp_shell.lint.findings import Place
from tests.fuzz.program import session
from tests.unit.lint.cases import Case, lint
from tests.unit.lint.test_rules import MODULES

STORED = Path(__file__).parent / "findings.txt"
DIALOGUES = Path(__file__).parent / "dialogues.txt"


def cases() -> Iterator[tuple[str, Case]]:
    """Yield each case with a name of its own."""
    seen: Counter[str] = Counter()
    for table in MODULES:
        for case in table.CASES:
            seen[case.rule] += 1
            yield f"{case.rule} {seen[case.rule]}", case


ALL = dict(cases())

LIVE = "live: "


def dialogues() -> dict[str, str]:
    """Return the dialogues of `dialogues.txt`: transcripts, and programs of `tests.fuzz.program` for those that are live."""
    parts = re.split("(?m)^=== (.+)\n", DIALOGUES.read_text(encoding="utf-8"))[1:]
    return dict(zip(parts[::2], parts[1::2], strict=True))


ALL_DIALOGUES = dialogues()


def found_in(name: str) -> list[str]:
    """Return the findings of a dialogue."""
    text = ALL_DIALOGUES[name]
    if not name.startswith(LIVE):
        return [shown(each, "") for each in lint(text)]
    linter = Linter()
    of_entries = [each for entry in session(text.strip("\n").encode()) for each in linter.feed(entry)]
    return [shown(each, "") for each in (*of_entries, *linter.finish())]


def shown(finding: Finding, rule: str) -> str:
    return f"  {finding.line} {finding.seq} {finding if finding.rule == rule else finding.rule}"


def found(case: Case) -> list[str]:
    """Return the findings of the faulty transcript, and those of the mended one."""
    return [
        *(shown(each, case.rule) for each in lint(case.bad)),
        "  mended:",
        *(shown(each, case.rule) for each in lint(case.good)),
    ]


def every() -> Iterator[tuple[str, list[str]]]:
    """Yield the name of everything that is linted here, and what is found."""
    for name, case in ALL.items():
        yield name, found(case)
    for name in ALL_DIALOGUES:
        yield f"in {name}", found_in(name)


def stored() -> dict[str, list[str]]:
    """Return the findings that are kept."""
    kept: dict[str, list[str]] = {}
    for line in STORED.read_text(encoding="utf-8").splitlines():
        if not line.startswith("  "):
            lines = kept[line] = []
        else:
            lines.append(line)
    return kept


KEPT = stored() if STORED.exists() else {}


@pytest.mark.parametrize("name", ALL)
def test_the_findings_of_a_case(name: str) -> None:
    assert found(ALL[name]) == KEPT[name]


@pytest.mark.parametrize("name", ALL_DIALOGUES)
def test_the_findings_of_a_dialogue(name: str) -> None:
    assert found_in(name) == KEPT[f"in {name}"]


def test_a_place_without_a_file_has_no_line() -> None:
    assert (Place().line, Place().seq, Place(seq=3).line) == (0, 0, 0)


def test_no_findings_are_kept_of_what_is_gone() -> None:
    assert list(KEPT) == [*ALL, *(f"in {name}" for name in ALL_DIALOGUES)]


if __name__ == "__main__":
    STORED.write_text("".join(f"{line}\n" for name, lines in every() for line in (name, *lines)), encoding="utf-8")
