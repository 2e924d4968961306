"""The differences of dialogues: none with itself, and together with what is the same they are the whole of both."""

from __future__ import annotations

from hypothesis import example, given
from hypothesis import strategies as st

from smtp_shell.matching.alignment import align, gaps
from smtp_shell.matching.dialogues import Change, Differences
from smtp_shell.matching.expectation import Strictness
from tests.unit.matching.test_dialogues import DATA, EHLO, GREETING, LETTER, MAIL, QUIT, RCPT, read

PIECES = (
    *(EHLO, MAIL, RCPT, DATA, LETTER, QUIT, GREETING, DATA + LETTER),
    *("C: NOOP\n", "C: NOOP\nS: 250 ok\n", "C: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\n", "C: ${sasl}\nS: 235 ok\n"),
    *("S: 421 bye\n", "S| 25\n", "C| EHLO\\x0a\n", "C: BDAT 5 LAST\nC| hello\nS: 250 ok\n", "*: wait 2\n", "# note\n"),
    *(
        "C: STARTTLS\nS: 220 go\n",
        "*: tls TLSv1.3 X verified CN=a\n",
        "S: 2yz\n",
        "S= 250 ok\n",
        "S~ 2.*\n",
        "S: 250-a\n",
    ),
)
dialogues = st.lists(st.sampled_from(PIECES), max_size=12).map("".join)


@given(st.text("abc", max_size=12), st.text("abc", max_size=12))
def test_pairs_are_equal_and_rise_and_the_rest_is_in_the_gaps(a: str, b: str) -> None:
    pairs = align(a, b)
    assert all(a[one] == b[two] for one, two in pairs)
    assert pairs == sorted(set(pairs))
    for side, length in ((0, len(a)), (1, len(b))):
        places = [pair[side] for pair in pairs] + [at for gap in gaps(pairs, len(a), len(b)) for at in gap[side]]
        assert sorted(places) == list(range(length))


@given(dialogues, st.sampled_from(Strictness))
def test_a_dialogue_does_not_differ_from_itself(text: str, strictness: Strictness) -> None:
    turns = read(text)
    differences = Differences(turns, turns, strictness)
    assert list(differences) == []
    assert differences.same == len(turns)


@given(dialogues, dialogues, st.sampled_from(Strictness))
@example(f"S: 250-a\n{EHLO}", "", Strictness.CODE)
@example("S: 250-a\nS| 25\nS: 250-a\n", "", Strictness.CODE)
def test_what_differs_makes_one_of_the_other(one: str, two: str, strictness: Strictness) -> None:
    """Without what was removed, and with what was added, each has as many turns as the other."""
    a, b = read(one), read(two)
    found = list(Differences(a, b, strictness))
    whole = [each for each in found if not each.about]
    removed = sum(each.change is Change.REMOVED for each in whole)
    added = sum(each.change is Change.ADDED for each in whole)
    assert len(a) - removed == len(b) - added
    lines = len(one.splitlines()) + 3
    assert all(0 < row.line <= lines for each in found for row in each.rows_a)
    assert all(row.text.isprintable() for each in found for row in (*each.rows_a, *each.rows_b, *each.about))
