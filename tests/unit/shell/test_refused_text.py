"""A server that takes no mail data or no responses: what was meant as text must not go out as commands without a word."""

from pathlib import Path

import pytest

from smtp_shell.errors import UsageError
from smtp_shell.shell.repl import run_typed
from smtp_shell.shell.scripted_lines import run_lines
from tests.unit.shell.fake import answering, make_shell

NOT_TAKING = "The server is not taking mail data: what you type next goes out as commands."
ENVELOPE = ("ehlo", "mail <>", "rcpt bob@example.org")
LETTER = ("Subject: x", "", "RSET", ".", "quit")
REFUSALS = ("503 5.5.1 send MAIL first", "554 5.5.1 no valid recipients", "530 5.7.0 no", "451 later", "250 what is it")


def refusing(verb: str, reply: str) -> dict[bytes, bytes]:
    return {verb.encode(): f"{reply}\r\n".encode()}


@pytest.fixture
def letter(tmp_path: Path) -> Path:
    path = tmp_path / "letter.eml"
    path.write_text("Subject: x\n\nRSET\n")
    return path


@pytest.mark.parametrize("reply", REFUSALS)
@pytest.mark.parametrize("typed", ["data", "DATA", "DATA x", "data < {letter}", r"/raw DATA\r\n"])
def test_after_a_refused_data_a_line_says_so(typed: str, reply: str, letter: Path) -> None:
    shell, server, screen = make_shell(refusing("DATA", reply), before=ENVELOPE)
    shell.run(typed.format(letter=letter))
    assert screen.said.count(NOT_TAKING) == 1
    assert [line[:4].upper() for line in server.lines] == [b"DATA"]


@pytest.mark.parametrize("typed", ["bdat < {letter}", "BDAT 0 LAST"])
@pytest.mark.parametrize("reply", ["503 no", "552 too big", "452 later"])
def test_after_a_refused_bdat_too(typed: str, reply: str, letter: Path) -> None:
    shell, _, screen = make_shell(refusing("BDAT", reply), before=ENVELOPE)
    shell.run(typed.format(letter=letter))
    assert screen.said.count(NOT_TAKING) == 1


def test_a_server_that_ends_the_connection_gets_no_more_commands_of_which_to_speak(letter: Path) -> None:
    shell, _, screen = make_shell(refusing("DATA", "421 4.7.0 too many errors"), before=ENVELOPE)
    shell.run(f"data < {letter}")
    assert "taking" not in screen.words
    assert shell.refusals.of_mail_data


def test_nothing_is_said_where_mail_data_is_taken(letter: Path) -> None:
    shell, _, screen = make_shell(before=ENVELOPE)
    for line in (f"data < {letter}", *ENVELOPE[1:], f"bdat < {letter}", *ENVELOPE[1:], "data", *LETTER):
        shell.run(line)
    assert "taking" not in screen.words


@pytest.mark.parametrize(
    ("replies", "pasted", "sent", "left"),
    [
        (refusing("DATA", "554 no"), ("data", *LETTER), [b"DATA"], "5 lines"),
        (refusing("DATA", "250 what"), ("DATA", *LETTER), [b"DATA"], "5 lines"),
        (refusing("DATA", "554 no"), ("noop", "data", "hello"), [b"noop", b"DATA"], "1 line."),
        (refusing("AUTH", "504 no"), ("AUTH LOGIN dXNlcg==", "AQID", "BAUG"), [b"AUTH LOGIN dXNlcg=="], "1 line."),
        ({}, ("/tpyo", "noop"), [], "1 line."),
    ],
)
def test_the_rest_of_a_paste_stays_here(
    replies: dict[bytes, bytes], pasted: tuple[str, ...], sent: list[bytes], left: str
) -> None:
    shell, server, screen = make_shell(replies, before=ENVELOPE)
    run_typed(shell, "\n".join(pasted))
    assert server.lines == sent
    assert f"The rest of what was pasted was not sent: {left}" in screen.words


@pytest.mark.parametrize(
    "pasted",
    [("data", *LETTER), ("noop", "noop", ""), ("AUTH PLAIN AHgAeQ==", "noop"), ("RSET",), ("data", "x", ".", "")],
)
def test_a_paste_that_is_taken_goes_out_whole(pasted: tuple[str, ...]) -> None:
    shell, server, screen = make_shell(before=ENVELOPE)
    run_typed(shell, "\n".join(pasted))
    assert len(server.lines) == len([line for line in pasted if line or "data" in pasted]) - (pasted[-2:] == (".", ""))
    assert "pasted" not in screen.words


@pytest.mark.parametrize("reply", REFUSALS)
@pytest.mark.parametrize("word", ["data", "DATA", "DATA x"])
def test_unattended_lines_leave_the_mail_data_out(word: str, reply: str) -> None:
    shell, server, screen = make_shell(refusing("DATA", reply), before=ENVELOPE, interactive=False)
    assert run_lines(shell, [("here", line) for line in (word, *LETTER)], keep_going=True) == 1
    assert server.lines == [word.encode() if " " in word else b"DATA", b"QUIT"]
    assert "smtp-shell: here: what follows it up to the dot, 4 lines, was not sent." in screen.words


@pytest.mark.parametrize(
    "lines", [("data", "rset", "data", "quit"), ("data < {letter}", "noop", "."), ("DATA",), ("noop", ".", "noop")]
)
def test_without_a_dot_or_a_text_all_are_commands(lines: tuple[str, ...], letter: Path) -> None:
    shell, server, screen = make_shell(refusing("DATA", "503 no"), interactive=False)
    run_lines(shell, [("here", line.format(letter=letter)) for line in lines], keep_going=True)
    assert len(server.lines) == len(lines)
    assert "not sent" not in screen.words


def test_a_long_text_is_left_out_as_it_is_read() -> None:
    shell, server, screen = make_shell(refusing("DATA", "503 no"), interactive=False)
    text = (("here", "text") for _ in range(100_000))
    run_lines(shell, (each for lines in ([("here", "data")], text) for each in lines), keep_going=True)
    assert server.lines == [b"DATA"]
    assert "100,000 lines" in screen.words


@pytest.mark.parametrize(
    ("ehlo", "why"),
    [(b"250-mail.example.org\r\n250 SIZE\r\n", "has not announced CHUNKING"), (None, "has not been asked with ehlo")],
)
def test_a_chunk_goes_to_no_server_that_would_take_it_for_commands(ehlo: bytes | None, why: str, letter: Path) -> None:
    before = ("ehlo",) if ehlo else ()
    for interactive, ask in ((False, None), (True, answering(""))):
        shell, server, _ = make_shell({b"EHLO": ehlo or b""}, before=before, interactive=interactive, ask=ask)
        with pytest.raises(UsageError, match=f"{why}.*nothing was sent"):
            shell.run(f"bdat < {letter}")
        assert server.heard == b""
    shell, server, _ = make_shell({b"EHLO": ehlo or b""}, before=before, ask=answering("y"))
    shell.run(f"bdat < {letter}")
    assert server.heard.startswith(b"BDAT 20 LAST\r\n")
