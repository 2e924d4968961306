from __future__ import annotations

import pytest

from smtp_shell.importers.dialect import Line
from smtp_shell.importers.screen import shown, shown_lines, without_carets


@pytest.mark.parametrize(
    ("written", "seen"),
    [
        ("EHLO x\r", "EHLO x"),
        ("EHXX\b \b\b \bLO x", "EHLO x"),
        ("EHLX\x7fO", "EHLO"),
        ("EHLX\b\x1b[KO", "EHLO"),
        ("\x1b[?2004hEHLO\x1b[?2004l", "EHLO"),
        ("\x1b]0;a title\x07\x1b[1;32mrobin$\x1b[0m EHLO", "robin$ EHLO"),
        ("AB\x1b[DC", "AC"),
        ("A\x1b[3CB", "A   B"),
        ("ABC\x1b[2D\x1b[P", "AC"),
        ("AC\x1b[D\x1b[@B", "ABC"),
        ("old\rnew", "new"),
        ("old text\r\x1b[2Knew", "new"),
        ("wrong\x15right", "right"),
        ("a\tb\x07\x00", "a\tb"),
        ("\x1b(Bplain\x1b=", "plain"),
        ("\x1b[999999999Cx", " x"),
        ("BDAT 9 LAST\x1b[60000C", "BDAT 9 LAST"),
        ("a" * 3_000 + "\x1b[Cb", "a" * 3_000 + "b"),
    ],
)
def test_a_line_is_what_a_terminal_shows(written: str, seen: str) -> None:
    assert shown(written) == seen


def test_a_sequence_that_moves_to_another_line_ends_the_line() -> None:
    lines = [*shown_lines([Line("220 hi\x1b[2;1HEHLO x\x1b[3;1H250 ok", 7)])]
    assert [(line.text, line.number) for line in lines] == [("220 hi", 7), ("EHLO x", 7), ("250 ok", 7)]


@pytest.mark.parametrize(("typed", "meant"), [("HX^HELO", "HELO"), ("^H^HA", "A"), ("AB^?C", "AC"), ("a^b", "a^b")])
def test_carets_are_applied(typed: str, meant: str) -> None:
    assert without_carets(typed) == meant


@pytest.mark.parametrize("sequence", ["\x1b[60000C", "\x1b[60000G", "\x1b[60000@", "\x1b[60000@x", "\x1b[60000Cx\r"])
def test_a_sequence_far_to_the_right_costs_no_more_than_a_wide_terminal(sequence: str) -> None:
    assert len(shown(sequence * 1_000 + "x")) <= 2_048 + 1_001
