"""Words and documents for a POSIX shell, read back by a shell."""

import shlex
import subprocess

import pytest

from smtp_shell.export.equivalents.posix_shell import (
    can_be_document,
    command,
    comment,
    is_printable,
    is_word,
    printf_format,
    word,
)

NASTY = (
    b"",
    b"-n",
    b"--to",
    b"it's",
    b"$HOME `id` $(id) \\ \\n %s !x",
    b"a b\tc",
    "žluťoučký".encode(),
    b"\xff\xfe",
    b"\x1b[2J\x07\r",
    "a\u202eb".encode(),
    b"one\ntwo",
    b"'\"'",
    b"~root *",
)


def read_back(text: str) -> bytes:
    done = subprocess.run(["sh", "-c", f"printf '%s' {text}"], capture_output=True, timeout=60, check=True)
    return done.stdout


@pytest.mark.parametrize("octets", NASTY)
def test_a_shell_reads_a_word_back(octets: bytes) -> None:
    text = word(octets)
    assert text.isprintable()
    assert read_back(text) == octets


@pytest.mark.parametrize("octets", [*NASTY, b"\x00end\n", b"100%\n"])
def test_printf_writes_the_octets(octets: bytes) -> None:
    done = subprocess.run(["sh", "-c", f"printf {printf_format(octets)}"], capture_output=True, timeout=60, check=True)
    assert done.stdout == octets


@pytest.mark.parametrize(("octets", "expected"), [(b"a\x00b", False), (b"a\n", False), (b"a\nb", True), (b"", True)])
def test_what_can_be_a_word(octets: bytes, *, expected: bool) -> None:
    assert is_word(octets) is expected


@pytest.mark.parametrize(
    ("octets", "expected"),
    [(b"a\\b", True), ("č".encode(), True), (b"\xc4", False), (b"\t", False), ("e\u0301".encode(), False)],
)
def test_what_is_printable(octets: bytes, *, expected: bool) -> None:
    assert is_printable(octets) is expected


@pytest.mark.parametrize(
    ("lines", "expected"),
    [
        ([b"a\r\n", b"$x `y`\r\n"], True),
        ([b"a\n"], False),
        ([b"END_OF_MESSAGE\r\n"], False),
        ([b"\x1b\r\n"], False),
        ([], True),
    ],
)
def test_what_can_be_a_document(lines: list[bytes], *, expected: bool) -> None:
    assert can_be_document(lines) is expected


def test_a_comment_stays_one() -> None:
    lines = list(comment("word " * 40 + "x" * 200))
    assert all(line.startswith("# ") and line.endswith("\n") for line in lines)
    assert max(map(len, lines[:-1])) <= 80


def test_a_command_has_one_option_on_each_line() -> None:
    text = "".join(command(["swaks", "--to 'a b'", "--data -"], before="X=1 ", after=" <x"))
    assert text == "X=1 swaks \\\n    --to 'a b' \\\n    --data - <x\n"
    assert shlex.split(text.replace("\\\n", "")) == ["X=1", "swaks", "--to", "a b", "--data", "-", "<x"]
