"""The mock server: recordings made against real servers replay against the mock that is made of the same file, and foreign clients."""

from __future__ import annotations

import re
import smtplib
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from smtp_shell.config import TlsSettings
from smtp_shell.protocol.sasl import Credentials
from smtp_shell.protocol.secret import Secret
from smtp_shell.servers.mock import Kind, MockServer, MockSettings
from smtp_shell.servers.relay import RelayServer
from smtp_shell.transcript.reader import open_transcript
from tests.unit.cli.program import commands, run_text

if TYPE_CHECKING:
    from smtp_shell.servers.practice import PracticeServer
    from smtp_shell.transcript.step import Step
    from tests.support.dovecot import Dovecot
    from tests.support.exim import Exim
    from tests.support.postfix import Postfix

MAIL = ("mail ann@example.org", "rcpt bob@example.org", "data", "Subject: x", "", "Hello", "..", ".a line", ".")
USER, PASSWORD = "student", "canary-4f9Q.parrot"


def record(path: Path, url: str, ca_file: Path, password: str, *lines: str, exit_status: int = 0) -> None:
    """Record a dialogue with a real server, and check that it replays against that, but not with another reply."""
    words = (url, "--ca-file", str(ca_file), "--user", USER, "--insecure-auth", "--keep-going", "--record", str(path))
    done = run_text(*words, *commands(*lines), env={"SMTP_SHELL_PASSWORD": password})
    assert done.returncode == exit_status, done.stdout + done.stderr
    assert_replays(path, url, ca_file, password)


def assert_replays(path: Path, url: str, ca_file: Path, password: str) -> None:
    """Check that a recording replays unedited against the server that it was made with, and not where a reply is changed."""
    words = ("--server", url, "--ca-file", str(ca_file), "--user", USER, "--insecure-auth", "--match", "text")
    for file, status in ((path, 0), (changed(path), 1)):
        done = run_text("replay", str(file), *words, env={"SMTP_SHELL_PASSWORD": password})
        assert done.returncode == status, f"{file.read_text(encoding='utf-8')}\n{done.stdout}{done.stderr}"


def replays(path: Path, served: Path, password: str, *, settings: MockSettings | None = None) -> tuple[int, str]:
    """Replay a transcript against the mock server that is made of a file."""
    who = Credentials(USER, Secret(password))
    with MockServer(served, settings=settings or MockSettings(credentials=who)) as server:
        words = ["--server", server.url, "--match", "text", "--user", USER, "--insecure-auth", "--timeout", "10"]
        if server.script.has_tls:
            words += ["--ca-file", str(server.ca_file)]
        done = run_text("replay", str(path), *words, env={"SMTP_SHELL_PASSWORD": password})
        if path == served:
            server.results(1)
            assert server.ok, server.report()
    return done.returncode, done.stdout + done.stderr


def changed(path: Path) -> Path:
    """Return a copy of a transcript in which one reply is another."""
    text = path.read_text(encoding="utf-8")
    found = list(re.finditer(r"(?m)^([ 0-9.]*S: )([2345])(\d\d .*)$", text))
    last = found[-1]
    other = path.with_name("changed.smtp")
    start, end = last.span()
    digit = "4" if last[2] != "4" else "5"
    other.write_text(f"{text[:start]}{last[1]}{digit}{last[3]}{text[end:]}", encoding="utf-8")
    return other


def assert_serves(path: Path, password: str) -> None:
    """Check that a recording replays against the mock of itself, and not against one that says something else."""
    status, said = replays(path, path, password)
    assert status == 0, said + path.read_text(encoding="utf-8")
    status, said = replays(path, changed(path), password)
    assert status == 1, said


AUTH = [
    *[("auth plain",), ("auth login",), ("auth cram-md5",)],
    *[("auth digest-md5",), ("auth scram-sha-1",), ("auth scram-sha-256",)],
]
PRACTICE_AUTH = [*AUTH[:3], ("auth scram-sha-256",), ("auth scram-sha-256-plus",), ("auth",)]
DIALOGUES = {
    "a message": (0, ("ehlo", *MAIL, "quit")),
    "STARTTLS": (0, ("ehlo", "starttls", "ehlo", "noop", *MAIL, "quit")),
    "refused": (1, ("ehlo", "vrfy", "mail ann@example.org", "rcpt nobody@example.net", "rset", "FOO", "quit")),
    "octets": (0, ("ehlo", r"/raw NOOP\n", "/wait", r"/raw RSET\r\nNOOP\r\n", "/wait", "quit")),
}


@pytest.mark.parametrize("name", DIALOGUES)
@pytest.mark.postfix
def test_postfix_replays_against_its_mock(postfix: Postfix, name: str, tmp_path: Path) -> None:
    status, lines = DIALOGUES[name]
    path = tmp_path / "recorded.smtp"
    record(path, f"smtp://{postfix.host}:{postfix.smtp}", postfix.ca_file, postfix.password, *lines, exit_status=status)
    assert_serves(path, postfix.password)


@pytest.mark.parametrize("auth", AUTH, ids=lambda each: each[0])
@pytest.mark.postfix
def test_auth_at_postfix_replays_against_its_mock(postfix: Postfix, auth: tuple[str, ...], tmp_path: Path) -> None:
    path = tmp_path / "recorded.smtp"
    lines = ("ehlo", "starttls", "ehlo", *auth, *MAIL, "quit")
    record(path, f"smtp://{postfix.host}:{postfix.submission}", postfix.ca_file, postfix.password, *lines)
    assert_serves(path, postfix.password)


@pytest.mark.postfix
def test_tls_from_the_first_octet_replays_against_its_mock(postfix: Postfix, tmp_path: Path) -> None:
    path = tmp_path / "recorded.smtp"
    lines = ("ehlo", "auth plain", *MAIL, "quit")
    record(path, f"smtps://{postfix.host}:{postfix.smtps}", postfix.ca_file, postfix.password, *lines)
    assert_serves(path, postfix.password)


@pytest.mark.postfix
def test_bdat_at_postfix_replays_against_its_mock(postfix: Postfix, tmp_path: Path) -> None:
    letter = tmp_path / "letter.eml"
    letter.write_bytes(b"Subject: x\r\n\r\n" + b"Hello\r\n" * 20_000)
    path = tmp_path / "recorded.smtp"
    lines = ("ehlo", *MAIL[:2], f"bdat < {letter}", "quit")
    record(path, f"smtp://{postfix.host}:{postfix.smtp}", postfix.ca_file, postfix.password, *lines)
    assert_serves(path, postfix.password)


@pytest.mark.parametrize("name", DIALOGUES)
@pytest.mark.exim
def test_exim_replays_against_its_mock(exim: Exim, name: str, tmp_path: Path) -> None:
    status, lines = DIALOGUES[name]
    path = tmp_path / "recorded.smtp"
    record(path, f"smtp://{exim.host}:{exim.smtp}", exim.ca_file, exim.password, *lines, exit_status=status)
    assert_serves(path, exim.password)


@pytest.mark.parametrize("auth", AUTH[:3], ids=lambda each: each[0])
@pytest.mark.exim
def test_auth_at_exim_replays_against_its_mock(exim: Exim, auth: tuple[str, ...], tmp_path: Path) -> None:
    path = tmp_path / "recorded.smtp"
    record(
        path,
        f"smtp://{exim.host}:{exim.submission}",
        exim.ca_file,
        exim.password,
        "ehlo",
        "starttls",
        "ehlo",
        *auth,
        *MAIL,
        "quit",
    )
    assert_serves(path, exim.password)


@pytest.mark.parametrize("auth", AUTH, ids=lambda each: each[0])
@pytest.mark.dovecot
def test_auth_at_dovecot_replays_against_its_mock(dovecot: Dovecot, auth: tuple[str, ...], tmp_path: Path) -> None:
    path = tmp_path / "recorded.smtp"
    lines = ("ehlo", "starttls", "ehlo", *auth, *MAIL, "quit")
    record(path, f"smtp://{dovecot.host}:{dovecot.submission}", dovecot.ca_file, dovecot.password, *lines)
    assert_serves(path, dovecot.password)


@pytest.mark.dovecot
def test_bdat_and_a_refusal_at_dovecot_replay_against_their_mock(dovecot: Dovecot, tmp_path: Path) -> None:
    letter = tmp_path / "letter.eml"
    letter.write_bytes(b"Subject: x\r\n\r\n" + b"Hello\r\n" * 20_000)
    path = tmp_path / "recorded.smtp"
    lines = ("lhlo", *MAIL[:2], "rcpt nobody@example.org", f"bdat < {letter}", "FOO", "quit")
    record(path, f"lmtp://{dovecot.host}:{dovecot.lmtp}", dovecot.ca_file, dovecot.password, *lines, exit_status=1)
    assert "C& BDAT" in path.read_text(encoding="utf-8")
    assert_serves(path, dovecot.password)


@pytest.mark.exim
def test_bdat_at_exim_replays_against_its_mock(exim: Exim, tmp_path: Path) -> None:
    letter = tmp_path / "letter.eml"
    letter.write_bytes(b"Subject: x\r\n\r\n" + b"Hello\r\n" * 20_000)
    path = tmp_path / "recorded.smtp"
    lines = ("ehlo", *MAIL[:2], f"bdat < {letter}", "quit")
    record(path, f"smtp://{exim.host}:{exim.smtp}", exim.ca_file, exim.password, *lines)
    assert_serves(path, exim.password)


@pytest.mark.parametrize("server", ["postfix", "exim"])
@pytest.mark.postfix
@pytest.mark.exim
def test_pipelining_at_a_real_server_replays_against_its_mock(
    server: str, request: pytest.FixtureRequest, tmp_path: Path
) -> None:
    running: Postfix | Exim = request.getfixturevalue(server)
    script, path = tmp_path / "script.smtp", tmp_path / "recorded.smtp"
    script.write_text(PIPELINED, encoding="utf-8")
    url = f"smtp://{running.host}:{running.smtp}"
    run_text("replay", str(script), "--server", url, "--record", str(path))
    assert "C& RCPT" in path.read_text(encoding="utf-8")
    assert_replays(path, url, running.ca_file, running.password)
    assert_serves(path, running.password)


@pytest.mark.parametrize("name", DIALOGUES)
def test_the_practice_server_replays_against_its_mock(practice: PracticeServer, name: str, tmp_path: Path) -> None:
    status, lines = DIALOGUES[name]
    path = tmp_path / "recorded.smtp"
    record(path, f"smtp://127.0.0.1:{practice.port}", practice.ca_file, PASSWORD, *lines, exit_status=status)
    assert_serves(path, PASSWORD)


@pytest.mark.dovecot
def test_lmtp_replays_against_its_mock(dovecot: Dovecot, tmp_path: Path) -> None:
    path = tmp_path / "recorded.smtp"
    recipients = ("rcpt ann@example.org", "rcpt nobody@example.org", "rcpt full@example.org", "rcpt bob@example.org")
    lines = ("lhlo", MAIL[0], *recipients, *MAIL[2:], "quit")
    record(path, f"lmtp://{dovecot.host}:{dovecot.lmtp}", dovecot.ca_file, dovecot.password, *lines, exit_status=1)
    assert_serves(path, dovecot.password)


PIPELINED = """\
C: EHLO client.example
C& MAIL FROM:<ann@example.org>
C& RCPT TO:<bob@example.org>
C& RCPT TO:<nobody@example.net>
C: DATA
C: Subject: x
C: .
C& RSET
C: QUIT
"""


def test_pipelining_replays_against_its_mock_and_serves_one_who_does_not(
    practice: PracticeServer, tmp_path: Path
) -> None:
    script, path = tmp_path / "script.smtp", tmp_path / "recorded.smtp"
    script.write_text(PIPELINED, encoding="utf-8")
    url = f"smtp://127.0.0.1:{practice.port}"
    run_text("replay", str(script), "--server", url, "--record", str(path))
    assert_replays(path, url, practice.ca_file, PASSWORD)
    assert "C& RCPT" in path.read_text(encoding="utf-8")
    assert_serves(path, PASSWORD)
    with MockServer(path) as server, smtplib.SMTP(server.host, server.port) as client:
        client.ehlo("client.example")
        assert client.mail("ann@example.org")[0] == 250
        assert client.rcpt("bob@example.org")[0] == 250
        assert client.rcpt("nobody@example.net")[0] == 530
        assert client.data("Subject: y\r\n")[0] == 250
        client.rset()
        client.quit()
        assert server.results(1)[0].ok, server.report()


def test_421_replays_against_its_mock(practice: PracticeServer, tmp_path: Path) -> None:
    path = tmp_path / "recorded.smtp"
    url = f"smtp://127.0.0.1:{practice.port}"
    record(path, url, practice.ca_file, PASSWORD, "ehlo", *["FOO"] * 20, "/wait", exit_status=1)
    assert "S: 421 " in path.read_text(encoding="utf-8")
    assert_serves(path, PASSWORD)


@pytest.mark.parametrize("auth", PRACTICE_AUTH, ids=lambda each: each[0])
def test_auth_at_the_practice_server_replays_against_its_mock(
    practice: PracticeServer, auth: tuple[str, ...], tmp_path: Path
) -> None:
    path = tmp_path / "recorded.smtp"
    password = practice.password.reveal()
    lines = ("ehlo", "starttls", "ehlo", *auth, *MAIL, "quit")
    record(path, f"smtp://127.0.0.1:{practice.port}", practice.ca_file, password, *lines)
    assert_serves(path, password)
    if auth not in AUTH[:3]:
        return  # the nonces of a recorded exchange fit no other client
    # Nobody's credentials are known: whoever authenticates is answered as recorded.
    status, said = replays(path, path, "another password", settings=MockSettings())
    assert status == 0, said


@pytest.mark.parametrize("name", ["xoauth2", "oauthbearer"])
def test_a_token_taken_and_refused_replays_against_its_mock(
    practice: PracticeServer, name: str, tmp_path: Path
) -> None:
    url, path, refused = f"smtp://127.0.0.1:{practice.port}", tmp_path / "taken.smtp", tmp_path / "refused.smtp"
    lines = ("ehlo", "starttls", "ehlo", f"auth {name}", "quit")
    for file, token, status in ((path, practice.token.reveal(), 0), (refused, "wrong.token", 5)):
        options = ("--ca-file", str(practice.ca_file), "--user", USER, "--keep-going", "--record", str(file))
        done = run_text(url, *options, "--token-command", f"echo {token}", *commands(*lines))
        assert done.returncode == status, done.stdout + done.stderr
        settings = MockSettings(credentials=Credentials(USER, practice.token))
        with MockServer(file, settings=settings) as server:
            words = ("--server", server.url, "--match", "text", "--user", USER, "--ca-file", str(server.ca_file))
            done = run_text("replay", str(file), *words, "--token-command", f"echo {token}")
            assert done.returncode == 0, done.stdout + done.stderr
            server.results(1)
            assert server.ok, server.report()
    with MockServer(path, settings=settings) as server:
        others = ("--server", server.url, "--user", USER, "--ca-file", str(server.ca_file))
        done = run_text("replay", str(path), *others, "--token-command", "echo wrong.token")
        (session,) = server.results(1)
    assert done.returncode == 1
    assert session.differences[0].kind is Kind.CREDENTIALS


BY_TLS = (
    "S: 220 mx.example ESMTP\nC: EHLO client.example\nS: 250-mx.example\nS: 250 STARTTLS\nC: STARTTLS\nS: 220 go\n"
    "C: EHLO client.example\nS: 250-mx.example\nS: 250 AUTH {0}\n*: authenticate {0}\nS: 235 2.7.0 ok\nC: QUIT\nS: 221 2.0.0 bye\n"
)


@pytest.mark.parametrize("name", ["DIGEST-MD5", "SCRAM-SHA-1-PLUS", "SCRAM-SHA-256-PLUS"])
def test_a_wrong_password_is_refused_where_the_mock_proves_itself_too(name: str, tmp_path: Path) -> None:
    path = tmp_path / "served.smtp"
    path.write_text(BY_TLS.format(name), encoding="utf-8")
    status, said = replays(path, path, PASSWORD)
    assert status == 0, said
    with MockServer(path, settings=MockSettings(credentials=Credentials(USER, Secret("another")))) as server:
        words = ("--server", server.url, "--user", USER, "--ca-file", str(server.ca_file))
        done = run_text("replay", str(path), *words, env={"SMTP_SHELL_PASSWORD": PASSWORD})
        (session,) = server.results(1)
    assert done.returncode == 1, done.stdout + done.stderr
    assert session.differences[0].kind is Kind.CREDENTIALS
    assert "535 5.7.8" in done.stdout


@pytest.mark.parametrize(
    ("relays", "why"),
    [(False, "the credentials are not those of the user"), (True, "the channel binding of the client is not that")],
)
def test_a_refusal_tells_a_wrong_password_from_another_connection(relays: bool, why: str, tmp_path: Path) -> None:
    path = tmp_path / "served.smtp"
    path.write_text(BY_TLS.format("SCRAM-SHA-256-PLUS"), encoding="utf-8")
    password = PASSWORD if relays else "another"
    with (
        MockServer(path, settings=MockSettings(credentials=Credentials(USER, Secret(PASSWORD)))) as server,
        RelayServer(server.url, tls=TlsSettings(ca_file=server.ca_file)) as relay,
    ):
        url, ca_file = (relay.url, relay.ca_file) if relays else (server.url, server.ca_file)
        words = (url, "--user", USER, "--ca-file", str(ca_file), *commands("ehlo", "starttls", "ehlo", "auth"))
        done = run_text(*words, env={"SMTP_SHELL_PASSWORD": password})
        (session,) = server.results(1)
    assert done.returncode == 5, done.stdout + done.stderr
    assert "`auth scram-sha-256`" in done.stderr
    assert any(each.why.startswith(why) for each in session.differences)


def test_wrong_credentials_are_refused_where_the_right_ones_are_known(practice: PracticeServer, tmp_path: Path) -> None:
    path = tmp_path / "recorded.smtp"
    password = practice.password.reveal()
    lines = ("ehlo", "starttls", "ehlo", "auth plain", "quit")
    record(path, f"smtp://127.0.0.1:{practice.port}", practice.ca_file, password, *lines)
    other = MockSettings(credentials=Credentials(USER, Secret("another password")))
    with MockServer(path, settings=other) as server:
        words = ("--server", server.url, "--ca-file", str(server.ca_file), "--user", USER)
        done = run_text("replay", str(path), *words, env={"SMTP_SHELL_PASSWORD": password})
        (session,) = server.results(1)
    assert done.returncode == 1
    assert "535 5.7.8" in done.stdout
    assert session.differences[0].kind is Kind.CREDENTIALS
    line = next(each.line for each in steps(path) if each.text.startswith("AUTH PLAIN"))
    assert str(session.differences[0]).startswith(f"{path}:{line}: the credentials are not those of the user")
    assert password not in server.report()


def steps(path: Path) -> list[Step]:
    with open_transcript(path) as reader:
        return list(reader)


SUITE = (
    "S: 220 mx.example ESMTP\n*: include part.txt\n*: authenticate{}\nS: 235 2.7.0 ok\nC: NOOP\nS: 250 2.0.0 ok\n"
    "*: finally\nC: QUIT\nS: 221 2.0.0 bye\n"
)
PART = "C: EHLO ${me}\nS: 250-mx.example\nS: 250 AUTH SCRAM-SHA-256 CRAM-MD5 PLAIN\n"


@pytest.mark.parametrize("words", ["", " PLAIN", " CRAM-MD5 SCRAM-SHA-256 student"])
def test_what_suites_add_to_a_transcript_is_served(tmp_path: Path, words: str) -> None:
    path = tmp_path / "suite.smtp"
    (tmp_path / "part.txt").write_text(f"Transcript: 1\nVar: me=client.example\n\n{PART}")
    path.write_text(SUITE.format(words))
    status, text = replays(path, path, PASSWORD)
    assert status == 0, text
    (tmp_path / "part.txt").write_text("C: EHLO client.example\n")  # what is announced is made up
    status, text = replays(path, path, PASSWORD)
    assert status == 0, text


def test_a_client_that_leaves_out_an_exchange_or_says_other_than_an_included_file(tmp_path: Path) -> None:
    path = tmp_path / "suite.smtp"
    (tmp_path / "part.txt").write_text("C: EHLO client.example\nS: 250\nC: VRFY ann\nS: 252\n")
    path.write_text(SUITE.format(" CRAM-MD5"))
    with MockServer(path) as server:
        with smtplib.SMTP(server.host, server.port, local_hostname="client.example") as client:
            client.ehlo()
            client.verify("bob")
            client.docmd("AUTH", "PLAIN AHN0dWRlbnQAeA==")
            client.noop()
        (session,) = server.results(1)
    places = [(Path(each.file).name, each.line, each.why) for each in session.differences]
    assert ("part.txt", 3) in [(name, line) for name, line, _ in places]
    assert ("suite.smtp", 3, "the mechanism is none of those that *: authenticate names") in places
