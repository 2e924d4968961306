"""Tables of words."""

from smtp_shell.display.columns import cells
from smtp_shell.display.tables import beside, cell


def test_a_cell_is_wrapped_and_marks_what_goes_on() -> None:
    assert cell("PLAIN, LOGIN, CRAM-MD5", 14) == ["PLAIN, LOGIN,", " : CRAM-MD5"]
    assert cell("our own long words", 8, quotes=False) == ["our own", "long", "words"]
    assert all(cells(line) <= 10 for line in cell("漢字" * 20, 10))


def test_a_cell_with_too_many_lines_says_that_something_is_left_out() -> None:
    assert cell("a b c d e f", 4, most=3)[-1] == "…"
    assert len(cell("x\n" * 40, 9)) == 14


def test_cells_stand_beside_one_another_without_blanks_at_the_end() -> None:
    assert list(beside([["one", "two"], ["x"], [""]], [5, 3, 4])) == ["one    x", "two"]
    assert list(beside([], [])) == []
