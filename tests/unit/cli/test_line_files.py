"""`-f FILE`, `-f -` and standard input: one reader, and nothing is sent from what is no text."""

from pathlib import Path

import pytest

from smtp_shell.servers.practice import PracticeServer
from tests.support.peer import ScriptedServer
from tests.unit.cli.program import at, run

LINES = "\ufeff# greet the server\r\nehlo client.example.org\r\n  # and leave\r\nquit\r\n"


@pytest.mark.parametrize("options", [["-f", "FILE"], ["-f", "-"], []])
@pytest.mark.parametrize("end", ["\n", "\r\n", "\r"])
def test_comments_a_mark_and_line_ends_are_not_sent(
    practice: PracticeServer, tmp_path: Path, options: list[str], end: str
) -> None:
    octets = LINES.replace("\r\n", end).encode()
    path = tmp_path / "lines"
    path.write_bytes(octets)
    done = run(at(practice), *[str(path) if word == "FILE" else word for word in options], stdin=octets)
    assert done.returncode == 0
    sent = [line.lower() for line in done.stdout.decode().splitlines() if line.startswith("   C: ")]
    assert sent == ["   c: ehlo client.example.org", "   c: quit"]


@pytest.mark.parametrize(
    ("octets", "words"),
    [
        ("ehlo\r\n".encode("utf-16"), "UTF-16"),
        (b"ehlo\nno\rop\n", ":2: a CR"),
        (b"ehlo\nno\0op\n", ":2: the line holds NUL"),
        (b"ehlo\n" + b"x" * 70_000, ":2: the line is longer"),
        (None, "no such file"),
    ],
)
def test_a_file_that_is_no_text_is_refused_before_the_connection(
    tmp_path: Path, octets: bytes | None, words: str
) -> None:
    path = tmp_path / "lines"
    if octets is not None:
        path.write_bytes(octets)
    with ScriptedServer([b"220 hello\r\n"]) as server:
        done = run(server.address, "-f", str(path))
        assert server.connections == 0
    assert done.returncode == 2
    assert words in done.stderr.decode()
    assert done.stderr.count(b"\n") == 1


def test_standard_input_that_is_no_text_is_refused_where_it_stands(practice: PracticeServer) -> None:
    done = run(at(practice), stdin=b"noop\nno\0op\n")
    assert done.returncode == 2
    assert b"standard input:2: the line holds NUL" in done.stderr
