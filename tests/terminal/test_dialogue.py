"""Whole dialogues, typed at a terminal, with the practice server and with Postfix."""

import base64
import stat
from pathlib import Path

import pytest

from smtp_shell.servers.practice import PracticeServer, PracticeSettings
from tests.support.peer import ScriptedServer
from tests.support.postfix import Postfix
from tests.support.terminal import CTRL_D, ENTER, Terminal, running, the_recording
from tests.support.transcripts import check

pytestmark = pytest.mark.terminal


def forms_of(secret: str) -> tuple[bytes, ...]:
    """Return the encodings in which a password may appear."""
    plain = base64.b64encode(f"\0student\0{secret}".encode())
    return secret.encode(), base64.b64encode(secret.encode()), plain


def assert_nowhere(secret: str, terminal: Terminal, state: Path) -> None:
    """Check that a secret was never on the screen and is in no file."""
    files = [path.read_bytes() for path in state.rglob("*") if path.is_file()]
    assert files
    for form in forms_of(secret):
        assert form not in terminal.raw
        assert all(form.decode() not in row for row in terminal.seen)
        assert all(form not in octets for octets in files)


def authenticate(terminal: Terminal, password: str, user: str = "student") -> None:
    """Answer the hidden question, and check that what it shows does not change with each key."""
    question = f"Password for {user}: "
    terminal.enter("auth", "ready")
    terminal.wait(lambda: terminal.line == question, "the question")
    for key in password:
        terminal.type(key)
    terminal.type(ENTER)
    terminal.wait_for("235 2.7.0")
    assert {row for row in terminal.seen if row.startswith(question.rstrip())} == {question.rstrip()}


def deliver(terminal: Terminal, subject: str) -> None:
    terminal.enter("mail ann@example.org", "ready")
    terminal.enter("rcpt bob@example.org", "mail")
    terminal.enter("data", "rcpt")
    terminal.enter(f"Subject: {subject}", "mail data")
    terminal.enter("", "mail data")
    terminal.enter(".a line with a dot", "mail data")
    terminal.enter(".", "mail data")
    terminal.wait_for("C: ..a line with a dot   (a dot that begins a line is doubled)")


def test_the_practice_server_from_greeting_to_exit(tmp_path: Path, state_dir: Path) -> None:
    saved = tmp_path / "first.smtp"
    with running("practice") as terminal:
        terminal.wait_prompt("greeted")
        password = next(row.split()[1] for row in terminal.rows if row.startswith("  password "))
        assert "127.0.0.1:" in terminal.line
        terminal.enter("ehlo")
        terminal.enter("starttls", "ready")
        terminal.wait_for("verified     chain, dates, and the name 127.0.0.1")
        terminal.wait_for("Say ehlo again")
        terminal.enter("ehlo", "tls greeted")
        authenticate(terminal, password)
        deliver(terminal, "first lesson")
        terminal.wait_for("+= S: 250 2.0.0 Ok: queued as")
        terminal.enter("/inbox", "ready")
        terminal.wait_for("<ann@example.org> -> bob@example.org  first lesson")
        terminal.enter("quit", "ready")
        terminal.wait_for("+= S: 221 2.0.0 Bye")
        terminal.enter(f"/save {saved}", "smtp-shell")
        terminal.wait_for("saved to")
        terminal.enter("/exit", "smtp-shell")
        assert terminal.wait_end() == 0
    check(saved)
    assert saved.read_bytes() == the_recording(state_dir).read_bytes()
    assert stat.S_IMODE(saved.stat().st_mode) == 0o600
    said = saved.read_text("utf-8")
    for line in ("C: STARTTLS\n", "C: MAIL FROM:<ann@example.org>\n", "C: ..a line with a dot\n", "C: QUIT\n"):
        assert line in said
    assert "C: AUTH SCRAM-SHA-256-PLUS ${sasl}\n" in said
    assert "C: ${sasl}\n" in said


def test_after_a_failed_connect_the_practice_server_is_not_lost() -> None:
    with running("practice") as terminal:
        terminal.wait_prompt("greeted")
        password = next(row.split()[1] for row in terminal.rows if row.startswith("  password "))
        here = terminal.line.split()[0]
        terminal.enter("/connect 127.0.0.1:1")
        terminal.wait_for(f"/reconnect goes back to {here}.")
        terminal.enter("noop", "smtp-shell")
        terminal.wait_for("there is no connection; use /connect HOST[:PORT] first, or /connect practice.")
        terminal.enter("/status", "smtp-shell")
        terminal.wait_for(f"its password {password}")
        terminal.enter("/reconnect", "smtp-shell")
        terminal.wait_for(f"Back to {here}, the last server that answered.")
        terminal.enter("/connect 127.0.0.1:1", "greeted")
        terminal.enter("/connect practice", "smtp-shell")
        terminal.enter("/inbox", "greeted")
        terminal.wait_for(f"  server {here}, user student, password {password}")
        terminal.enter("/exit", "greeted")
        assert terminal.wait_end() == 0


def test_the_password_is_never_shown_or_kept(practice: PracticeServer, state_dir: Path) -> None:
    password = practice.password.reveal()
    address = f"127.0.0.1:{practice.port}"
    with running(address, "--starttls", "--ca-file", str(practice.ca_file), "--user", "student") as terminal:
        authenticate(terminal, password)
        terminal.wait_for("= C: ••••••")
        terminal.enter("/status", "ready")
        terminal.wait_for("user         student")
        terminal.enter("/show", "ready")
        terminal.enter("/history", "ready")
        terminal.wait_for("1  auth")
        terminal.wait_prompt("ready")
        terminal.type(CTRL_D)
        assert terminal.wait_end() == 0
        assert_nowhere(password, terminal, state_dir)


@pytest.mark.postfix
def test_postfix_from_greeting_to_quit(postfix: Postfix, state_dir: Path) -> None:
    address = f"localhost:{postfix.submission}"
    with running(
        address, "--ca-file", str(postfix.ca_file), "--user", postfix.user, "--ehlo", "client.example.org"
    ) as terminal:
        terminal.enter("ehlo", "greeted")
        terminal.wait_for("C: EHLO client.example.org")
        terminal.enter("starttls", "ready")
        terminal.enter("ehlo", "tls greeted")
        authenticate(terminal, postfix.password, postfix.user)
        terminal.wait_for("SCRAM-SHA-256")
        deliver(terminal, "from the shell")
        terminal.wait_for("+= S: 250 2.0.0 Ok: queued as")
        terminal.enter("quit", "ready")
        terminal.wait_for("+= S: 221 2.0.0 Bye")
        terminal.enter("/exit", "smtp-shell")
        assert terminal.wait_end() == 0
        assert_nowhere(postfix.password, terminal, state_dir)
    check(the_recording(state_dir))


def test_a_credential_typed_by_hand_is_masked_while_it_is_typed(practice: PracticeServer, state_dir: Path) -> None:
    password = practice.password.reveal()
    blob = forms_of(password)[2].decode()
    address = f"127.0.0.1:{practice.port}"
    with running(address, "--starttls", "--ca-file", str(practice.ca_file)) as terminal:
        terminal.wait_prompt("ready")
        start = terminal.column
        for number, key in enumerate(f"AUTH PLAIN {blob}", 1):
            terminal.type(key)
            terminal.wait(lambda number=number: terminal.column == start + number, "the key")  # type: ignore[misc]
        assert terminal.line.endswith("AUTH PLAIN " + "•" * len(blob))
        terminal.type(ENTER)
        terminal.wait_for("+= S: 235 2.7.0")
        terminal.wait_for("= C: AUTH PLAIN •")
        terminal.wait_for("means: NUL student NUL •")
        terminal.wait_prompt("ready")
        terminal.enter("/history")
        terminal.enter("/exit")
        assert terminal.wait_end() == 0
        assert_nowhere(password, terminal, state_dir)
        # Not even its first characters, before the rest was typed.
        assert all(blob[:2] not in row for row in terminal.seen)


def test_answers_to_a_334_are_hidden(practice: PracticeServer, state_dir: Path) -> None:
    password = practice.password.reveal()
    address = f"127.0.0.1:{practice.port}"
    with running(address, "--starttls", "--ca-file", str(practice.ca_file)) as terminal:
        terminal.enter(r"/raw AUTH LOGIN\r\n", "ready")
        terminal.wait_for("334 VXNlcm5hbWU6")
        for answer in ("student", password):
            terminal.enter(base64.b64encode(answer.encode()).decode(), "answer to the 334 (hidden)")
        terminal.wait_for("+= S: 235 2.7.0")
        terminal.enter("/exit", "ready")
        assert terminal.wait_end() == 0
        assert_nowhere(password, terminal, state_dir)
        rows = {row for row in terminal.seen if row.startswith("answer to")}
        assert max(rows, key=len) == "answer to the 334 (hidden):"


def test_a_credential_in_the_clear_needs_a_yes(state_dir: Path) -> None:
    with PracticeServer(PracticeSettings(auth_before_tls=True)) as server:
        password = server.password.reveal()
        with running(f"127.0.0.1:{server.port}", "--user", "student") as terminal:
            terminal.enter("ehlo", "greeted")
            terminal.enter("auth plain", "ready")
            terminal.wait_for("is not encrypted")
            terminal.wait(lambda: terminal.line.endswith("[y/N] "), "the question")
            terminal.type(ENTER)
            terminal.wait_for("a credential is not sent over a connection without TLS")
            terminal.enter("auth plain", "ready")
            terminal.wait(lambda: terminal.line.endswith("[y/N] "), "the question")
            terminal.type("y" + ENTER)
            terminal.wait(lambda: terminal.line == "Password for student: ", "the question")
            terminal.type(password + ENTER)
            terminal.wait_for("235 2.7.0")
            terminal.wait_prompt("ready")
            assert_nowhere(password, terminal, state_dir)


def test_insecure_stays_in_sight(practice: PracticeServer) -> None:
    with running(f"localhost:{practice.port}", "--starttls", "--insecure", answers=True) as terminal:
        terminal.wait_prompt("ready")
        assert " NOT-VERIFIED " in terminal.line
        terminal.wait(lambda: "NOT VERIFIED insecure on" in terminal.bottom, "the warning in the bottom line")
        assert "+? S: 250" in terminal.text


def test_without_insecure_a_bad_certificate_ends_the_connection(practice: PracticeServer) -> None:
    with running(f"localhost:{practice.port}", "--starttls") as terminal:
        terminal.wait_for("certificate")
        terminal.wait_prompt("smtp-shell")
        assert "NOT-VERIFIED" not in terminal.text
        assert "/set insecure on" in " ".join(terminal.text.split())


def test_a_certificate_that_was_refused_can_be_looked_at_and_the_advice_is_for_the_prompt(
    practice: PracticeServer,
) -> None:
    address = f"localhost:{practice.port}"
    with running(address, "--starttls") as terminal:
        terminal.wait_for("/set ca-file")
        terminal.wait_for("/tls shows its chain, and each check apart.")
        terminal.wait_prompt("smtp-shell")
        words = " ".join(terminal.text.split())
        assert "or use /set insecure on to go on without verification" in words
        assert "--insecure" not in terminal.text
        assert "--ca-file" not in terminal.text
        terminal.enter("/tls")
        terminal.wait_for("  failed       the certificate's chain is not trusted")
        terminal.wait_for("  names        localhost, 127.0.0.1, ::1")
        terminal.wait_for("verified     NO: the connection was closed")
        terminal.enter(f"/set ca-file {practice.ca_file}", "smtp-shell")
        terminal.enter(f"/connect {address} --starttls", "smtp-shell")
        terminal.wait_prompt("ready")
        terminal.enter("/tls")
        terminal.wait_for("  verified     chain, dates, and the name localhost")


def test_a_wait_for_a_greeting_that_is_ended_says_what_may_be_wrong() -> None:
    with ScriptedServer([]) as server, running(server.address) as terminal:
        terminal.wait_for("connect")
        terminal.press_ctrl_c()
        terminal.wait_for("connect to smtps://127.0.0.1:")


def test_show_has_the_mail_data_and_the_dot_of_what_was_typed(state_dir: Path) -> None:
    with running("practice") as terminal:
        terminal.wait_prompt("greeted")
        terminal.enter("ehlo", "greeted")
        terminal.wait_prompt("ready")
        deliver(terminal, "shown again")
        terminal.wait_for("queued as")
        assert "   C: Subject: shown again" not in terminal.seen
        terminal.enter("/show", "ready")
        terminal.wait_for("   C: Subject: shown again")
        terminal.wait(lambda: "   C: ." in terminal.all_rows, "the final dot")
        assert any(row.startswith("      Server: 127.0.0.1") for row in terminal.all_rows)
        terminal.type(CTRL_D)
        terminal.wait_end()
