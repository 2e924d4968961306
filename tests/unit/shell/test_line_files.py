"""Files of lines: line ends, marks, comments, and what is no text."""

import io
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtp_shell.errors import UsageError
from smtp_shell.protocol.phases import Phase
from smtp_shell.shell.line_files import check_file, file_lines, is_comment, stream_lines

TEXTS = st.lists(
    st.text(st.characters(exclude_characters="\r\n\0", exclude_categories=["Cs"]), min_size=1, max_size=20)
)


def texts(octets: bytes) -> list[str]:
    return [text for _, text in stream_lines(io.BytesIO(octets).read, "lines")]


@pytest.mark.parametrize("end", [b"\n", b"\r\n", b"\r"])
@pytest.mark.parametrize("mark", [b"", b"\xef\xbb\xbf"])
@pytest.mark.parametrize("last", [True, False])
def test_line_ends_and_a_mark_mean_nothing(end: bytes, mark: bytes, last: bool) -> None:
    octets = (
        mark + end.join([b"ehlo", b"", b"MAIL \xff\xfe", "rcpt bücher@example.org".encode()]) + (end if last else b"")
    )
    found = list(stream_lines(io.BytesIO(octets).read, "lines"))
    assert [where for where, _ in found] == [f"lines:{number}" for number in (1, 2, 3, 4)]
    assert [text for _, text in found] == ["ehlo", "", "MAIL \udcff\udcfe", "rcpt bücher@example.org"]


@given(TEXTS, st.sampled_from(["\n", "\r\n", "\r"]))
def test_any_text_is_read_with_any_line_ends(lines: list[str], end: str) -> None:
    if lines and lines[0].startswith("\ufeff"):
        lines = ["x", *lines]
    assert texts("".join(line + end for line in lines).encode()) == lines


def test_lines_of_a_file(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    path.write_bytes(b"ehlo\r\nquit\n")
    assert list(file_lines(path)) == [(f"{path}:1", "ehlo"), (f"{path}:2", "quit")]


def test_a_vertical_tab_does_not_end_a_line() -> None:
    assert texts("a\x0bb\x0cc\x85d\u2028e\n".encode()) == ["a\x0bb\x0cc\x85d\u2028e"]


def test_a_line_is_there_as_soon_as_it_has_come() -> None:
    pieces = iter([b"ehlo\nno", b"op\n"])
    lines = stream_lines(lambda size: next(pieces), "lines")
    assert next(lines)[1] == "ehlo"
    assert next(lines)[1] == "noop"


@pytest.mark.parametrize(
    ("octets", "where", "words"),
    [
        ("ehlo\r\n".encode("utf-16"), "lines ", "UTF-16"),
        ("ehlo\n".encode("utf-16-le"), "lines ", "UTF-16"),
        ("ehlo\n".encode("utf-16-be"), "lines ", "UTF-16"),
        (b"ehlo\nno\0op\n", "lines:2: ", "NUL"),
        (b"\x7fELF\x02\x01\x01\0\0", "lines:1: ", "NUL"),
        (b"ehlo\nMAIL FROM:<a>\rRCPT TO:<b>\n", "lines:2: ", "CR"),
        (b"ehlo\r\nnoop\r\r\n", "lines:2: ", "CR"),
        (b"# filler\r" * 10_000 + b"noop\nquit\r", "lines:10001: ", "LF"),
        (b"ehlo\n" + b"x" * 70_000 + b"\n", "lines:2: ", "65,536"),
        (b"x" * 70_000, "lines:1: ", "65,536"),
    ],
)
def test_what_is_no_text_is_refused_with_its_place(octets: bytes, where: str, words: str) -> None:
    with pytest.raises(UsageError) as caught:
        texts(octets)
    assert str(caught.value).startswith(where)
    assert words in str(caught.value)


@pytest.mark.parametrize("problem", ["missing", "folder", "endless"])
def test_a_file_that_cannot_be_read_is_a_sentence(tmp_path: Path, problem: str) -> None:
    path = {"missing": tmp_path / "no", "folder": tmp_path, "endless": tmp_path / "endless"}[problem]
    (tmp_path / "endless").write_bytes(b"x" * 70_000)
    with pytest.raises(UsageError) as caught:
        check_file(path)
    assert str(path) in str(caught.value)


@pytest.mark.parametrize(
    ("line", "phase", "comment"),
    [
        ("# a note", None, True),
        ("#", Phase.READY, True),
        (" \t# indented", Phase.MAIL, True),
        ("# mail", Phase.MAILDATA, False),
        ("noop # not one", Phase.READY, False),
        ("", Phase.READY, False),
    ],
)
def test_a_comment_begins_the_line(line: str, phase: Phase | None, comment: bool) -> None:
    assert is_comment(line, phase) is comment
