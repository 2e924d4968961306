"""Lines that nobody types: `-c`, `-f`, standard input, and `/source`."""

from pathlib import Path

import pytest

from smtp_shell.errors import AuthFailed, ProtocolViolation, SmtpShellError, UsageError
from smtp_shell.protocol.events import MailDataSent, OctetsSent, SaslSent
from smtp_shell.protocol.phases import Phase
from smtp_shell.shell.scripted_lines import SourceStopped, command_lines, run_lines
from tests.unit.shell.fake import make_shell

BLOB = "AHN0dWRlbnQAb3BlbiBzZXNhbWU="
REFUSING = {b"RCPT": b"550 5.1.1 no\r\n"}


def lines(*texts: str) -> list[tuple[str, str]]:
    return [("here", text) for text in texts]


def test_lines_run_to_their_end() -> None:
    shell, server, _ = make_shell(interactive=False)
    assert (
        run_lines(shell, lines("ehlo", "mail <>", "rcpt a@b", "data", "Subject: x", ".", "quit"), keep_going=False) == 0
    )
    assert server.lines == [
        b"EHLO client.example.org",
        b"MAIL FROM:<>",
        b"RCPT TO:<a@b>",
        b"DATA",
        b"Subject: x",
        b".",
        b"QUIT",
    ]


def test_they_stop_at_the_first_refusal() -> None:
    shell, server, _ = make_shell(REFUSING, interactive=False)
    assert run_lines(shell, lines("mail <>", "rcpt a@b", "noop"), keep_going=False) == 1
    assert server.lines[-1] == b"RCPT TO:<a@b>"


def test_keep_going_goes_on_and_remembers() -> None:
    shell, server, _ = make_shell(REFUSING, interactive=False)
    assert run_lines(shell, lines("rcpt a@b", "/tpyo", "noop"), keep_going=True) == 1
    assert server.lines[-1] == b"noop"


def test_a_line_that_fails_is_named_with_its_place() -> None:
    shell, server, screen = make_shell(interactive=False)
    assert run_lines(shell, lines("noop", "/tpyo", "noop"), keep_going=False) == 2
    assert server.lines == [b"noop"]
    assert screen.said[0].startswith("smtp-shell: here: /tpyo is no command of the shell, and nothing was sent")


def test_exit_ends_the_lines() -> None:
    shell, server, _ = make_shell(interactive=False)
    assert run_lines(shell, lines("noop", "/exit", "noop"), keep_going=False) == 0
    assert server.lines == [b"noop"]


def test_lines_that_end_inside_mail_data_have_sent_no_message() -> None:
    shell, server, screen = make_shell(interactive=False)
    assert run_lines(shell, lines("ehlo", "mail <>", "rcpt a@b", "data", "Subject: x"), keep_going=False) == 2
    assert "ended inside mail data" in screen.words
    assert b"\r\n.\r\n" not in server.heard
    assert shell.phase is Phase.MAILDATA


def test_a_question_that_nobody_can_answer_names_the_option() -> None:
    shell, server, _ = make_shell(before=("ehlo",), interactive=False)
    shell.settings = type(shell.settings)(insecure_auth=False)
    with pytest.raises(AuthFailed, match="--insecure-auth"):
        shell.run("auth plain")
    assert server.heard == b""


def test_comments_of_a_file_are_not_sent_and_those_of_an_option_are() -> None:
    shell, server, _ = make_shell(interactive=False)
    texts = lines("# greet", "ehlo", "  # indented", "mail <>", "rcpt a@b", "data", "# mail data", ".")
    assert run_lines(shell, [*texts, ("-c", "#noop")], keep_going=False) == 0
    assert server.lines == [
        b"EHLO client.example.org",
        b"MAIL FROM:<>",
        b"RCPT TO:<a@b>",
        b"DATA",
        b"# mail data",
        b".",
        b"#noop",
    ]


@pytest.mark.parametrize(
    ("commands", "texts"),
    [
        (["ehlo", "quit"], ["ehlo", "quit"]),
        (["ehlo\nquit"], ["ehlo", "quit"]),
        (["ehlo\r\nquit\r\n"], ["ehlo", "quit", ""]),
        ([""], [""]),
    ],
)
def test_an_option_may_hold_several_lines(commands: list[str], texts: list[str]) -> None:
    assert [text for _, text in command_lines(commands)] == texts


def test_a_line_of_an_option_is_named_by_its_text_but_not_by_a_credential() -> None:
    shell, _, screen = make_shell(before=("ehlo",), interactive=False)
    shell.settings = type(shell.settings)(insecure_auth=False)
    run_lines(shell, command_lines(["/tpyo \x1b[2J", f"AUTH PLAIN {BLOB}", "noop"]), keep_going=True)
    assert screen.said[0].startswith(r"smtp-shell: -c /tpyo \x1b[2J: /tpyo is no command")
    assert screen.said[1].startswith("smtp-shell: -c: a credential is not sent")
    assert BLOB not in screen.words


# --- /source


def test_source_runs_a_file_with_comments(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    path.write_text("# greet first\nehlo\nmail <>\nrcpt a@b\ndata\n# no comment here\n.\n")
    shell, server, _ = make_shell()
    shell.run(f"/source {path}")
    assert server.lines == [
        b"EHLO client.example.org",
        b"MAIL FROM:<>",
        b"RCPT TO:<a@b>",
        b"DATA",
        b"# no comment here",
        b".",
    ]


@pytest.mark.parametrize("octets", [b"noop\nno\0op\n", b"noop\nno\rop\n", b"\xff\xfen\0", b"noop\n" + b"x" * 70_000])
def test_source_runs_no_line_of_a_file_that_is_no_text(tmp_path: Path, octets: bytes) -> None:
    path = tmp_path / "lines"
    path.write_bytes(octets)
    shell, server, _ = make_shell()
    with pytest.raises(UsageError, match=str(path)):
        shell.run(f"/source {path}")
    assert server.heard == b""


def test_source_stops_at_the_first_refusal(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    path.write_text("noop\nrcpt a@b\nnoop\n")
    shell, server, _ = make_shell(REFUSING)
    with pytest.raises(SourceStopped, match=f"{path}:2: the server refused"):
        shell.run(f"/source {path}")
    assert server.lines == [b"noop", b"RCPT TO:<a@b>"]


def test_source_names_the_line_that_failed(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    path.write_text("noop\n/tpyo\n")
    shell, _, _ = make_shell()
    with pytest.raises(UsageError, match=f"{path}:2: /tpyo"):
        shell.run(f"/source {path}")


def test_the_exit_status_of_what_failed_in_a_file_stays(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    path.write_text("noop\n")
    shell, _, _ = make_shell({b"NOOP": b"hello\r\n"})
    with pytest.raises(ProtocolViolation, match=f"{path}:1: "):
        shell.run(f"/source {path}")


def test_a_file_may_not_run_itself(tmp_path: Path) -> None:
    one, other = tmp_path / "one", tmp_path / "other"
    one.write_text(f"noop\n/source {other}\n")
    other.write_text(f"/source {one}\n")
    shell, server, _ = make_shell()
    with pytest.raises(SmtpShellError, match="runs itself"):
        shell.run(f"/source {one}")
    assert server.lines == [b"noop"]
    one.write_text("noop\n")
    shell.run(f"/source {one}")
    shell.run(f"/source {one}")
    assert server.lines == [b"noop"] * 3


def test_exit_in_a_file_leaves_the_shell(tmp_path: Path) -> None:
    path = tmp_path / "lines"
    path.write_text("/exit\nnoop\n")
    shell, server, _ = make_shell()
    shell.run(f"/source {path}")
    assert shell.leaving
    assert server.heard == b""


def test_octets_that_ask_for_mail_data_or_a_response_are_answered_before_the_next_line_is_read() -> None:
    shell, server, screen = make_shell({b"AUTH": b"334 VXNlcm5hbWU6\r\n"}, interactive=False)
    begun = ("mail <>", "rcpt a@b", r"/raw DATA\r\n", "noop", ".", r"/raw AUTH LOGIN\r\n", "c3R1ZGVudA==")
    run_lines(shell, lines(*begun), keep_going=False)
    sent = OctetsSent | MailDataSent | SaslSent
    kinds = [type(entry.event).__name__ for entry in screen.entries if isinstance(entry.event, sent)]
    assert kinds == ["OctetsSent", "MailDataSent", "MailDataSent", "OctetsSent", "SaslSent"]
    assert b"noop" in server.lines


def test_after_octets_that_were_refused_nothing_is_sent_that_was_to_follow_them() -> None:
    for octets, line in ((r"/raw DATA\r\n", "noop"), (r"/raw AUTH LOGIN\r\n", BLOB)):
        shell, server, screen = make_shell({b"DATA": b"503 no\r\n", b"AUTH": b"503 no\r\n"}, interactive=False)
        assert run_lines(shell, lines(octets, line, "rset"), keep_going=False) == 1
        assert len(server.lines) == 1
    assert run_lines(shell, lines(r"/raw AUTH LOGIN\r\n", BLOB, "rset"), keep_going=True) == AuthFailed.exit_status
    assert BLOB not in screen.words
    assert [line for line in server.lines if line == BLOB.encode()] == []
    assert server.lines[-1] == b"rset"
