"""Mail data that is being written: what is wrong with it so far."""

import time

import pytest

from smtp_shell.lint.drafts import MOST_OCTETS, lint_draft
from smtp_shell.lint.moments import View

HEADER = b"From: ann@example.org\r\nDate: Fri, 27 Nov 2026 12:33:02 +0100\r\n"
VIEW = View(hello="EHLO")


def found(octets: bytes) -> list[tuple[int, str]]:
    """Return the line and the rule of each finding."""
    return [(each.line, each.rule) for each in lint_draft(octets, VIEW)]


@pytest.mark.parametrize(
    ("octets", "expected"),
    [
        (b"", []),
        (HEADER, []),
        (HEADER + b"\r\ntext\r\n", []),
        (b"Date: Fri, 27 Nov 2026 12:33:02 +0100\r\n", []),  # the header may go on
        (b"Date: Fri, 27 Nov 2026 12:33:02 +0100\r\n\r\n", [(2, "no-from")]),
        (HEADER + b"Subject hello\r\nTo: bob@example.org\r\n", [(3, "field-without-colon")]),
        (HEADER + b"\r\n.a dot\r\n", []),  # it is doubled when it is sent
        (HEADER + b"\r\n" + b"x" * 1_000 + b"\r\n", [(4, "long-line")]),
        (HEADER + b"\r\ntext", []),  # a line that is not ended
        (HEADER + b"X: y\rz\r\n\r\n", [(3, "bare-cr")]),
    ],
)
def test_what_is_certain_is_said_and_nothing_of_the_end(octets: bytes, expected: list[tuple[int, str]]) -> None:
    assert found(octets) == expected


def test_a_long_text_is_looked_at_in_part_and_quickly() -> None:
    text = HEADER + b"\r\n" + b"a line of a long letter\r\n" * 20_000
    start = time.monotonic()
    assert found(text + b"x" * 2_000 + b"\r\n") == []
    assert len(text) > MOST_OCTETS
    assert time.monotonic() - start < 5


@pytest.mark.parametrize(("more", "expected"), [(0, ["nul-in-data"]), (1, [])])
def test_a_line_that_ends_with_the_last_octet_is_looked_at(more: int, expected: list[str]) -> None:
    fill = b"x" * 98 + b"\r\n"
    start = HEADER + b"\r\n" + fill * 2_600
    octets = start + b"y" * (MOST_OCTETS - len(start) - 3 + more) + b"\0\r\n"
    assert MOST_OCTETS == 262_144
    assert len(octets) == MOST_OCTETS + more
    assert [rule for _, rule in found(octets) if rule != "long-line"] == expected
