"""`smtp-shell replay`: what is refused before anything is sent."""

import re
from pathlib import Path

import pytest

from tests.support.peer import Hear, ScriptedServer, Turn
from tests.unit.cli.program import run

GREETING = b"220 mx.example ESMTP\r\n"
NOOP: list[Turn] = [Hear(b"NOOP\r\n"), b"250 ok\r\n"]


@pytest.mark.parametrize(
    "text",
    [
        "C: DATA\nS: 354\nC: Subject: x\nC:\nC: hi\n",
        "C: DATA\nC: hi\nS: 250\nC: QUIT\nS: 221\n",
        "C: NOOP\rC: QUIT\n",
        "*: withn 1\nC: NOOP\n",
        "C: NOOP\n*: close serverr\n",
        "C: NOOP\n*: wait x\n",
        "C: NOOP\n*: connect nowhere:99999\n",
        "Transcript: 1\nSecrets: foo\n\nC: NOOP\n",
    ],
)
def test_what_is_wrong_with_a_transcript_is_said_before_anything_is_sent(tmp_path: Path, text: str) -> None:
    path = tmp_path / "lab.smtp"
    path.write_text(text, newline="")
    with ScriptedServer([GREETING]) as server:
        done = run("replay", str(path), "--server", server.address)
        assert server.connections == 0
    assert done.returncode == 2
    assert re.fullmatch(rf"smtp-shell: {re.escape(str(path))}:[1-9]: [^\n]+\n", done.stderr.decode())


@pytest.mark.parametrize(
    ("options", "words"),
    [
        (["--var", "name=ann", "--var", "to=bob"], "--var name: no transcript has such a variable in a client line; those there are: to"),
        (["--var", "name"], "'name' is not of the form name=value"),
        (["--match", "foo"], "code, enhanced, keywords, text, exact"),
        (["--repeat", "0"], "'0' is no whole number from 1 to"),
        (["--jobs", "-1"], "--jobs"),
        (["--overall", "0"], "'0' is no number of seconds"),
        (["--overall", "nan"], "'nan' is no number of seconds"),
        (["--timeout", "soon"], "'soon' is no number of seconds"),
        (["--server", "mx.example:99999"], "mx.example:99999 is no address"),
    ],
)  # fmt: skip
def test_an_option_that_cannot_do_what_it_says_is_refused_before_anything_is_sent(
    tmp_path: Path, options: list[str], words: str
) -> None:
    path = tmp_path / "lab.smtp"
    path.write_text("Transcript: 1\nVar: to=bob\n\nC: MAIL FROM:<${to}@example.org>\n")
    with ScriptedServer([GREETING]) as server:
        done = run("replay", str(path), "--server", server.address, *options)
        assert server.connections == 0
    assert done.returncode == 2
    assert words in done.stderr.decode()
    assert done.stderr.count(b"\n") == 1


def test_a_variable_that_one_of_the_transcripts_uses_is_used(tmp_path: Path) -> None:
    (tmp_path / "a.smtp").write_text("C: NOOP\n")
    (tmp_path / "b.smtp").write_text("C: NOOP ${to}\n")
    with ScriptedServer([GREETING, *NOOP]) as server:
        done = run("replay", str(tmp_path), "--server", server.address, "--var", "to=bob", "--timeout", "2")
    assert done.returncode != 2
