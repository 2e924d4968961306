"""Servers say what the questions about the order of commands say that they would."""

import socket
from pathlib import Path
from uuid import uuid4

import pytest

from smtp_shell.servers.practice import PracticeServer
from smtp_shell.study.question import Question
from tests.support.postfix import Postfix
from tests.unit.study.transcripts import asked_about, path_of

ORDER = ("rcpt-first", "data-first", "mail-twice", "noop-anywhere")
SHORT = """S: 220 mx.example
C: EHLO laptop.example
S: 250 mx.example
C: NOOP
S: 250
C: MAIL FROM:<ann@example.org>
S: 250
C: VRFY
S: 501
C: RSET
S: 250
"""


@pytest.mark.parametrize("name", ["01", "05", "06", "07", "08", "13"])
def test_the_practice_server_says_what_the_answers_say(name: str, practice: PracticeServer, tmp_path: Path) -> None:
    assert_said(path_of(name, tmp_path), practice.port)


@pytest.mark.postfix
def test_postfix_says_what_the_answers_say(postfix: Postfix, tmp_path: Path) -> None:
    path = tmp_path / "short.smtp"
    path.write_text(SHORT)
    assert_said(path, postfix.smtp)


def assert_said(path: Path, port: int) -> None:
    """Send what precedes each question about the order of commands, and then what is supposed in it."""
    lines = path.read_text(encoding="utf-8").split("\n")
    questions: dict[tuple[int, str], Question] = {(each.line, each.kind): each for each in asked_about(path, *ORDER)}
    questions = {key: each for key, each in questions.items() if "${" not in each.question}
    assert len(questions) >= 5
    for (line, _), question in questions.items():
        sent = [text[3:].replace("${uuid}", str(uuid4())) for text in lines[:line] if text[:2] == "C:"]
        supposed = question.question.split("suppose the client sent ")[1].split(" next.")[0]
        code = code_after(port, sent, supposed)
        assert code in question.answers[0].partition(":")[0].split(" or "), (question.question, code)


def code_after(port: int, sent: list[str], last: str) -> str:
    """Return the code of the reply to the last line, after all others have been sent and answered."""
    with socket.create_connection(("127.0.0.1", port), 20) as connection, connection.makefile("rwb") as stream:

        def reply() -> str:
            line = stream.readline()
            while line[3:4] == b"-":
                line = stream.readline()
            return line[:3].decode()

        code = reply()
        for line in [*sent, last]:
            in_data = code == "354" and line != "."
            stream.write(f"{line}\r\n".encode())
            stream.flush()
            code = code if in_data else reply()
    return code
