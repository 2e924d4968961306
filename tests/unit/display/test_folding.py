"""Mail data folded."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtp_shell.display.folding import FIRST, LAST, DataLine, MailDataFold


def folded(*pieces: bytes, unfolded: bool = False) -> tuple[list[bytes], int, list[bytes]]:
    """Return the lines that are shown from the start, how many are left out, and the lines from the end."""
    fold = MailDataFold(unfolded=unfolded)
    first = [line for piece in pieces for line in fold.feed(piece)]
    before, hidden, after = fold.end()
    assert fold.octets == sum(map(len, pieces))
    return [each.octets for each in (*first, *before)], hidden, [each.octets for each in after]


def lines(number: int) -> list[bytes]:
    return [b"line %d" % each for each in range(number)]


@pytest.mark.parametrize("number", range(FIRST + LAST + 2))
def test_a_short_message_is_shown_whole(number: int) -> None:
    first, hidden, last = folded(b"".join(line + b"\r\n" for line in lines(number)))
    assert (first + last, hidden) == (lines(number), 0)


@pytest.mark.parametrize("size", [1, 2, 7, 1000, 100_000])
@pytest.mark.parametrize("number", [FIRST + LAST + 2, FIRST + LAST + 3, 500])
def test_of_a_long_one_the_first_and_last_lines_in_pieces_of_any_size(number: int, size: int) -> None:
    octets = b"".join(line + b"\r\n" for line in lines(number))
    first, hidden, last = folded(*(octets[start : start + size] for start in range(0, len(octets), size)))
    assert first == lines(number)[:FIRST]
    assert last == lines(number)[-LAST:]
    assert hidden == number - FIRST - LAST


@given(st.lists(st.sampled_from([b"a", b"\r", b"\n", b"\r\n", b"bc\r\n", b"\r\n" * 9]), max_size=60), st.booleans())
def test_each_line_is_counted_once_however_it_is_cut(pieces: list[bytes], unfolded: bool) -> None:
    whole = b"".join(pieces)
    every = whole.split(b"\r\n")
    if not every[-1]:
        every.pop()
    first, hidden, last = folded(*pieces, unfolded=unfolded)
    assert (first, hidden, last) == folded(whole, unfolded=unfolded)
    assert len(first) + hidden + len(last) == len(every)
    assert first == every[: len(first)]
    assert last == every[len(every) - len(last) :]
    assert not (unfolded and hidden)


def test_an_endless_line_takes_no_memory_and_says_how_much_is_left_out() -> None:
    fold = MailDataFold()
    for _ in range(1000):
        assert list(fold.feed(b"x" * 10_000)) == []
    assert fold.end() == ([DataLine(b"x" * 2000, 10_000_000 - 2000)], 0, ())
