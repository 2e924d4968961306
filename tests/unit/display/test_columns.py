"""Rows and words cut to the width of a screen."""

import pytest

from smtp_shell.display.columns import fold, wrap
from smtp_shell.display.render import Row


@pytest.mark.parametrize("width", [20, 40, 80])
def test_continued_rows_begin_with_a_mark_that_no_server_can_write(width: int) -> None:
    row = Row("+| S: ", "250 " + "   *: tls TLSv1.3 verified " * 20, "reply.2", "12 ms")
    folded = list(fold(row, width))
    assert [gutter for gutter, _, _ in folded] == ["+| S: ", *["+|  : "] * (len(folded) - 1)]
    assert all(len(gutter + text + aside) <= width for gutter, text, aside in folded)
    assert "".join(text for _, text, _ in folded) == row.text


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ("250 one two three four five six", ["250 one two ", "three four ", "five six"]),
        ("250 exactly 12 and more of it", ["250 exactly 12", " and more of ", "it"]),
        ("250 exactly14 and more", ["250 exactly14 ", "and more"]),
        ("250 " + "x" * 30, ["250 " + "x" * 10, "x" * 14, "x" * 6]),
        ("250 one   two   three   four", ["250 one   two ", "  three   four"]),
        (" " * 20 + "after blanks", [" " * 14, "      after ", "blanks"]),
        ("250 a word\\x1b[2J and \\\\ more", ["250 a ", "word\\x1b[2J ", "and \\\\ more"]),
        ("250-abcdef\\x1b\\x1b\\x1b\\x1b\\x1b", ["250-abcdef\\x1b", "\\x1b\\x1b\\x1b", "\\x1b"]),
        ("250-abcdefgh" + "\\\\" * 8, ["250-abcdefgh\\\\", "\\\\" * 7]),
        ("250-abcdefghi" + "\\\\" * 8, ["250-abcdefghi", "\\\\" * 7, "\\\\"]),
        (" one-of-17-columns", [" one-of-17-col", "umns"]),
        ("名前 " * 5, ["名前 名前 名前", " 名前 名前 "]),
    ],
)
def test_server_lines_are_cut_between_words(text: str, shown: list[str]) -> None:
    folded = list(fold(Row("+  S: ", text, "reply.2"), 20))
    assert [line for _, line, _ in folded] == shown
    assert "".join(line for _, line, _ in folded) == text


def test_wide_characters_count_two_columns() -> None:
    folded = list(fold(Row("+  S: ", "名" * 100, "reply.2"), 40))
    assert [len(text) for _, text, _ in folded] == [17, 17, 17, 17, 17, 15]


def test_the_aside_is_right_aligned_or_left_out() -> None:
    ((_, _, aside),) = fold(Row("+  S: ", "250 a", "reply.2", "12 ms"), 80)
    assert len("+  S: 250 a" + aside) == 80
    ((_, _, aside),) = fold(Row("+  S: ", "x" * 70, "reply.2", "12 ms"), 80)
    assert aside == ""


@pytest.mark.parametrize(
    ("text", "quotes", "lines"),
    [
        ("short", False, ["short"]),
        ("", False, [""]),
        ("  two words and more of them", False, ["  two words and", "    more of them"]),
        ("two words and more of them all", True, ["two words and more", " : of them all"]),
        ("x" * 40, True, ["x" * 19, " : " + "x" * 16, " : " + "x" * 5]),
        ("a-b " * 10, False, ["a-b a-b a-b a-b a-b", "  a-b a-b a-b a-b", "  a-b"]),
        ("名" * 12, True, ["名" * 9, " : " + "名" * 3]),
        ("/connect mail  any server", False, ["/connect mail", "  any server"]),  # a long label
    ],
)
def test_words_are_wrapped_at_spaces_and_quoted_lines_are_marked(text: str, quotes: bool, lines: list[str]) -> None:
    assert list(wrap(text, 20, quotes=quotes)) == lines


@pytest.mark.parametrize(
    ("text", "quotes", "lines"),
    [
        (
            "  names  one two three four five six seven",
            False,
            ["  names  one two three four five six", "         seven"],
        ),
        (
            "a  " + "\N{NO-BREAK SPACE}" * 40,
            False,
            ["a", "  " + "\N{NO-BREAK SPACE}" * 37, "  " + "\N{NO-BREAK SPACE}" * 3],
        ),
        ("  token  " + "x" * 33, False, ["  token", "    " + "x" * 33]),
        ("  token  " + "x" * 33, True, ["  token", "   : " + "x" * 33]),
        ("  token  " + "x" * 40, True, ["  token", "   : " + "x" * 34, "   : " + "x" * 6]),
        (
            "  /connect mail.example.org  any server of any name",
            False,
            ["  /connect mail.example.org", "    any server of any name"],
        ),
        (
            "  what is said in a whole sentence of words before two blanks  and more",
            False,
            ["  what is said in a whole sentence of", "    words before two blanks  and more"],
        ),
    ],
)
def test_a_labelled_text_stands_below_its_label_where_it_has_no_room_beside_it(
    text: str, quotes: bool, lines: list[str]
) -> None:
    assert list(wrap(text, 40, quotes=quotes)) == lines
