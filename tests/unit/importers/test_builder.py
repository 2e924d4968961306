"""Records as steps: what a log leaves unsaid follows from the dialogue, or is a note."""

import io
from typing import BinaryIO, cast

import pytest

from smtp_shell.importers.detection import choose
from smtp_shell.importers.lines import LONGEST_LINE
from smtp_shell.importers.scan import ForeignScan
from smtp_shell.transcript.foreign import Restored
from smtp_shell.transcript.step import format_step


def lines(log: str | bytes, *, keep_secrets: bool = False) -> list[str]:
    """Return the lines of the transcript that a log becomes, without what it was taken for."""
    octets = log.encode() if isinstance(log, str) else log
    choice = choose(octets)
    assert choice is not None
    scan = ForeignScan(cast("BinaryIO", Restored(io.BytesIO(octets))), "log", choice, keep_secrets=keep_secrets)
    return [format_step(step).strip() for block in scan for step in block.steps][1:]


START = "--> EHLO x\n<-- 250 a\n"


def test_commands_that_did_not_wait_for_a_reply_are_a_group() -> None:
    log = START + "--> MAIL FROM:<>\n--> RCPT TO:<a@example.org>\n--> DATA\n<-- 250 1\n<-- 250 2\n<-- 354 go\n--> .\n"
    assert lines(log)[2:5] == ["C& MAIL FROM:<>", "C& RCPT TO:<a@example.org>", "C: DATA"]


def test_a_log_of_the_client_alone_is_a_script() -> None:
    log = "CLIENT -> SERVER: EHLO x\nCLIENT -> SERVER: MAIL FROM:<>\nCLIENT -> SERVER: DATA\nCLIENT -> SERVER: QUIT x\n"
    assert lines(log + "CLIENT -> SERVER: .\n") == [
        "C: EHLO x",
        "C: MAIL FROM:<>",
        "C: DATA",
        "# the log does not show the reply to DATA",
        "C: QUIT x",
        "C: .",
    ]


def test_mail_data_that_a_log_hides_is_a_note_and_its_end() -> None:
    log = "> DATA\n< 354 go\n} [214 bytes data]\n< 250 ok\n* Connection #0 to host a left intact\n"
    assert lines(log) == [
        "C: DATA",
        "S: 354 go",
        "# the log does not show the mail data: 214 octets; only its end is here",
        "C: .",
        "S: 250 ok",
        "*: close",
    ]


def test_a_command_after_hidden_mail_data_is_no_line_of_it() -> None:
    assert lines("--> DATA\n<-- 354 go\n--> QUIT\n<-- 221 bye\n")[2:] == [
        "# the log does not show the mail data; only its end is here",
        "C: .",
        "# the log does not show the reply to the mail data",
        "C: QUIT",
        "S: 221 bye",
    ]


@pytest.mark.parametrize(
    "mask", ["****", "[credentials hidden]", "<credentials hidden>", "AC8qIHNlY3JldCAqLw==", "(redacted)", "XXXXXX"]
)
def test_a_masked_credential_is_a_note(mask: str) -> None:
    log = f"--> AUTH LOGIN\n<-- 334 VXNlcm5hbWU6\n--> {mask}\n<-- 235 ok\n--> AUTH PLAIN {mask}\n<-- 235 ok\n"
    found = lines(log, keep_secrets=True)
    assert found.count("# the log masks the credential here") == 2
    assert "C: ${sasl}" in found
    assert "C: AUTH PLAIN ${sasl}" in found


def test_whom_an_exchange_authenticated_is_an_event() -> None:
    log = (
        "--> AUTH LOGIN\n<-- 334 VXNlcm5hbWU6\n--> cm9iaW4=\n<-- 334 UGFzc3dvcmQ6\n--> c2VzYW1l\n<-- 235 ok\n--> QUIT\n"
    )
    found = lines(log)
    assert found[found.index("S: 235 ok") + 1] == "*: auth LOGIN robin"
    assert [line for line in found if line.startswith("C:")] == ["C: AUTH LOGIN", "C: ${sasl}", "C: ${sasl}", "C: QUIT"]


def test_tls_that_failed_and_a_dialogue_that_goes_on_in_plain_text() -> None:
    log = "=== Trying a:25...\n -> STARTTLS\n<-  220 go\n*** TLS startup failed (no)\n -> QUIT\n<-  221 bye\n"
    assert lines(log)[2:] == [
        "S: 220 go",
        "# TLS failed: TLS startup failed (no)",
        "*: no-tls",
        "C: QUIT",
        "S: 221 bye",
    ]


def test_tls_from_the_first_octet() -> None:
    log = "=== Trying a:465...\n=== TLS started with cipher TLSv1.3:X:256\n<~  220 a\n ~> QUIT\n<~  221 bye\n"
    assert lines(log)[:3] == ["*: connect a:465 tls", "*: tls TLSv1.3 X", "S: 220 a"]


def test_each_session_of_a_file_is_a_connection() -> None:
    one = "--> QUIT\n<-- 221 bye\n"
    found = lines(f"<-- 220 a.example x\n{one}<-- 220 b.example y\n{one}")
    assert found[3:6] == [
        "*: close",
        "# the log does not name the server of this connection; its greeting does",
        "*: connect b.example",
    ]


def test_times_are_seconds_since_the_connection_and_pass_midnight() -> None:
    log = "23:59:59.500 --> NOOP\n00:00:00.250 <-- 250 ok\n00:00:01 --> QUIT\n00:00:00.900 <-- 221 bye\n"
    assert lines(log) == ["0.000  C: NOOP", "0.750  S: 250 ok", "1.500  C: QUIT", "1.500  S: 221 bye"]


def test_nothing_of_a_file_reaches_a_screen_raw() -> None:
    found = lines(b"--> NOOP \x1b[2J${x} \xe2\x80\xae\\\n<-- 250 \x1b]0;x\x07 \xff\n")
    assert found == [r"C: NOOP \x1b[2J\${x} \xe2\x80\xae\\", r"S: 250 \x1b]0;x\x07 ÿ"]


def test_a_line_that_is_too_long_is_left_out_and_said_so() -> None:
    log = b"--> NOOP\n<-- 250 ok\n--> " + b"x" * (LONGEST_LINE + 10) + b"\n--> QUIT\n<-- 221 bye\n"
    assert lines(log)[2:] == [
        "# a line of the log that is too long was left out here",
        "C: QUIT",
        "S: 221 bye",
    ]


def test_windows_1252_is_read() -> None:
    assert lines("--> NOOP é\n<-- 250 “ok”\n".encode("cp1252")) == ["C: NOOP é", "S: 250 “ok”"]


def test_what_belongs_to_nothing_is_no_step() -> None:
    log = "Hello,\n\n250 people came.\nQUIT smoking!\n\n--> QUIT\n<-- 221 bye\n\nBest wishes\nDATA\n"
    assert lines(log) == ["C: QUIT", "S: 221 bye"]
