"""`smtp-shell send` with the practice server, Postfix, Exim and Dovecot: what it prints, what arrives, and how it ends."""

import json
import signal
import subprocess
import sys
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from smtp_shell.servers.practice import PracticeServer
from tests.support.dovecot import Dovecot
from tests.support.exim import Exim
from tests.support.peer import Peer
from tests.support.postfix import Postfix
from tests.unit.cli.program import faulty, run, serving
from tests.wire.test_shell import wait_for_mail

WHO = ("--from", "ann@example.org", "--to", "bob@example.org")


def send(server: str, *words: str, stdin: bytes = b"", password: str = "") -> "subprocess.CompletedProcess[bytes]":
    env = {"SMTP_SHELL_PASSWORD": password} if password else {}
    return run("send", "--server", server, *words, stdin=stdin, env=env, timeout=60)


def sent(done: "subprocess.CompletedProcess[bytes]") -> list[str]:
    return [line[6:] for line in done.stdout.decode().splitlines() if line[2:6] == " C: "]


def verbs(done: "subprocess.CompletedProcess[bytes]") -> list[str]:
    return [line.split(" ")[0] for line in sent(done)]


def at(practice: PracticeServer) -> str:
    return f"127.0.0.1:{practice.port}"


def test_a_message_in_one_dialogue(practice: PracticeServer) -> None:
    before = len(practice.inbox.messages())
    done = send(
        at(practice),
        *WHO,
        "--bcc",
        "dan@example.org",
        "--subject",
        "Žluťoučký",
        "--body",
        "kůň\n.\n",
        "--header",
        "X-A: b",
    )
    assert (done.returncode, done.stderr) == (0, b"")
    assert verbs(done)[:5] == ["EHLO", "MAIL", "RCPT", "RCPT", "DATA"]
    assert sent(done)[-1] == "QUIT"
    (arrived,) = practice.inbox.messages()[before:]
    assert arrived.recipients == (b"bob@example.org", b"dan@example.org")
    message = message_from_bytes(practice.inbox.read(before + 1), policy=policy.default)
    assert (message["Subject"], message["X-A"], message["Bcc"]) == ("Žluťoučký", "b", None)
    assert message.get_content().replace("\r\n", "\n") == "kůň\n.\n"


def test_attachments_and_html_arrive_as_they_are(practice: PracticeServer, tmp_path: Path) -> None:
    (tmp_path / "a b.bin").write_bytes(bytes(range(256)) * 300)
    before = len(practice.inbox.messages())
    files = ("--attach", str(tmp_path / "a b.bin"), "--attach-type", "application/x-lab", "--attach-name", "kůň.bin")
    done = send(at(practice), *WHO, "--body", "-", "--html", "<p>x</p>", *files, stdin="příliš\n".encode())
    assert done.returncode == 0
    message = message_from_bytes(practice.inbox.read(before + 1), policy=policy.default)
    (attached,) = message.iter_attachments()
    assert (attached.get_filename(), attached.get_content_type()) == ("kůň.bin", "application/x-lab")
    assert attached.get_content() == bytes(range(256)) * 300
    text = message.get_body(("plain",))
    assert text is not None
    assert text.get_content().strip() == "příliš"


@pytest.mark.parametrize("source", ["file", "standard input"])
def test_a_whole_message_arrives_octet_for_octet(source: str, practice: PracticeServer, tmp_path: Path) -> None:
    octets = b"Subject: whole\n\n.\n..\n\xff\xfe\x00$(id)\nno end"
    letter = tmp_path / "letter.eml"
    letter.write_bytes(octets)
    before = len(practice.inbox.messages())
    data, stdin = (str(letter), b"") if source == "file" else ("-", octets)
    done = send(at(practice), "--mail-from", "<>", "--to", "bob@example.org", "--data", data, stdin=stdin)
    assert done.returncode == 0, done.stderr
    assert sent(done)[1] == f"MAIL FROM:<> SIZE={len(octets) + octets.count(10)} BODY=8BITMIME"
    arrived = practice.inbox.read(before + 1).replace(b"\r\n", b"\n")
    assert arrived.endswith(b"\n" + octets + b"\n")


STAGES: tuple[tuple[str, list[str]], ...] = (
    ("connect", []),
    ("first-ehlo", ["EHLO"]),
    ("starttls", ["EHLO", "STARTTLS"]),
    ("ehlo", ["EHLO", "STARTTLS", "EHLO"]),
    ("auth", ["EHLO", "STARTTLS", "EHLO", "AUTH"]),
    ("MAIL", ["EHLO", "STARTTLS", "EHLO", "AUTH", "MAIL"]),
    ("rcpt", ["EHLO", "STARTTLS", "EHLO", "AUTH", "MAIL", "RCPT"]),
)


@pytest.mark.parametrize(("stage", "expected"), STAGES)
@pytest.mark.parametrize("end", ["--quit-after", "--drop-after"])
def test_it_stops_after_a_stage(end: str, stage: str, expected: list[str], practice: PracticeServer) -> None:
    secure = ("--starttls", "--ca-file", str(practice.ca_file), "--user", practice.user, "--mechanism", "plain")
    done = send(at(practice), *WHO, *secure, end, stage, password=practice.password.reveal())
    assert (done.returncode, done.stderr) == (0, b"")
    assert verbs_without_responses(done) == [*expected, *(["QUIT"] if end == "--quit-after" else [])]
    assert b"*: close: dropped" in done.stdout if end == "--drop-after" else b"dropped" not in done.stdout


def verbs_without_responses(done: "subprocess.CompletedProcess[bytes]") -> list[str]:
    known = {"EHLO", "STARTTLS", "AUTH", "MAIL", "RCPT", "DATA", "QUIT"}
    lines = [line for line in done.stdout.decode().splitlines() if " C: " in line[:8]]
    found = [line.split(" C: ", 1)[1].split(" ")[0] for line in lines]
    return [each for each in found if each in known]


@pytest.mark.parametrize(
    ("stage", "last"), [("ehlo", "EHLO"), ("mail", "MAIL"), ("rcpt", "RCPT"), ("data", "DATA"), ("dot", ".")]
)
def test_it_drops_before_a_reply(stage: str, last: str, practice: PracticeServer) -> None:
    done = send(at(practice), *WHO, "--body", "x", "--drop-after-send", stage)
    assert done.returncode == 0, done.stderr
    assert sent(done)[-1].split(" ")[0] == last
    assert done.stdout.decode().splitlines()[-1].endswith("*: close: dropped")


def test_mail_data_is_left_by_dropping(practice: PracticeServer) -> None:
    before = len(practice.inbox.messages())
    for stage, arrives in (("data", 0), ("dot", 1)):
        assert send(at(practice), *WHO, "--drop-after", stage).returncode == 0
        assert len(practice.inbox.messages()) == before + arrives


def test_refusals_are_told_and_are_status_1() -> None:
    with faulty("RCPT=550") as server:
        done = send(server, *WHO)
        assert done.returncode == 1
        assert b"smtp-shell: bob@example.org was refused: 550 " in done.stderr
        assert verbs(done)[-2:] == ["RSET", "QUIT"]
        done = send(server, *WHO, "--json")
        last = json.loads(done.stdout.splitlines()[-1])
        assert (done.returncode, last["exit_status"], last["delivered"]) == (1, 1, False)
        assert [(each["recipient"], each["accepted"], each["code"]) for each in last["recipients"]] == [
            ("bob@example.org", False, 550)
        ]


def test_each_kind_of_failure_has_its_status(practice: PracticeServer, tmp_path: Path) -> None:
    assert send("127.0.0.1:1", *WHO).returncode == 3
    done = send(at(practice), *WHO, "--starttls")
    assert (done.returncode, b"certificate" in done.stderr) == (4, True)
    secure = ("--starttls", "--ca-file", str(practice.ca_file), "--user", practice.user)
    done = send(at(practice), *WHO, *secure, password="wrong")
    assert (done.returncode, verbs_without_responses(done)[-1]) == (5, "QUIT")
    assert b"wrong" not in done.stdout + done.stderr
    assert send(at(practice), *WHO, *secure).returncode == 5  # nobody can be asked
    with serving(lambda peer: peer.say("HTTP/1.1 400 Bad Request")) as server:
        assert send(server, *WHO).returncode == 6
    with serving(vanish_after_the_dot) as server:
        done = send(server, *WHO, "--json")
        assert (done.returncode, json.loads(done.stdout.splitlines()[-1])["exit_status"]) == (7, 7)


def vanish_after_the_dot(peer: Peer) -> None:
    peer.say("220 x")
    for reply in ("250 x", "250 x", "250 x", "354 x"):
        peer.hear()
        peer.say(reply)
    peer.hear(b"\r\n.\r\n")


def test_what_the_server_has_not_announced_is_not_sent(practice: PracticeServer) -> None:
    with serving(greet_plainly) as server:
        done = send(server, *WHO, "--pipeline")
    assert (done.returncode, verbs(done)) == (2, ["EHLO", "QUIT"])
    assert b"the server has not announced PIPELINING" in done.stderr


def greet_plainly(peer: Peer) -> None:
    peer.say("220 x")
    peer.hear()
    peer.say("250 x")
    peer.hear()
    peer.say("221 x")


def test_commands_go_in_one_write(practice: PracticeServer, tmp_path: Path) -> None:
    transcript = tmp_path / "send.smtp"
    done = send(at(practice), *WHO, "--pipeline", "--body", "x", "--record", str(transcript))
    assert done.returncode == 0
    written = transcript.read_text("utf-8")
    assert "C& MAIL FROM" in written
    assert "C& RCPT TO" in written


def test_octets_go_out_untouched(practice: PracticeServer, tmp_path: Path) -> None:
    letter = tmp_path / "letter.eml"
    letter.write_bytes(b"Subject: raw\r\n\r\n..one dot\r\nbare\nlf\r\n")
    before = len(practice.inbox.messages())
    done = send(at(practice), *WHO, "--data", str(letter), "--raw")
    assert done.returncode == 0, done.stderr
    assert b"the file goes out as it is" in done.stderr
    assert practice.inbox.read(before + 1).replace(b"\r\n", b"\n").endswith(b"Subject: raw\n\n.one dot\nbare\nlf\n")


def test_the_transcript_replays_what_was_sent(practice: PracticeServer, tmp_path: Path) -> None:
    transcript = tmp_path / "send.smtp"
    done = send(at(practice), *WHO, "--body", "x", "--before", "noop", "--record", str(transcript))
    assert done.returncode == 0
    assert "noop" in sent(done)
    again = run("replay", str(transcript), "--server", at(practice), timeout=60)
    assert again.returncode == 0, again.stdout


@pytest.mark.postfix
def test_postfix_takes_it_by_submission(postfix: Postfix) -> None:
    secure = ("--starttls", "--ca-file", str(postfix.ca_file), "--user", postfix.user, "--ehlo", "lab.example")
    done = send(
        f"localhost:{postfix.submission}",
        *("--from", "ann@example.org", "--to", "bob@example.org", "--subject", "by send", *secure),
        *("--body", "příliš\n.\n..\n", "--bdat", "-4"),
        password=postfix.password,
    )
    assert done.returncode == 0, done.stderr
    assert (
        "příliš"
        in message_from_bytes(wait_for_mail(postfix.maildir / "bob", "by send"), policy=policy.default).get_content()
    )


@pytest.mark.postfix
def test_postfix_refuses_one_of_two(postfix: Postfix) -> None:
    to = ("--to", "bob@example.org,nobody@example.org")
    done = send(f"localhost:{postfix.smtp}", "-4", "--from", "ann@example.org", *to, "--subject", "one of two")
    assert done.returncode == 1
    assert b"smtp-shell: nobody@example.org was refused: 550 " in done.stderr
    wait_for_mail(postfix.maildir / "bob", "one of two")


@pytest.mark.exim
def test_exim_takes_chunks_over_implicit_tls(exim: Exim) -> None:
    secure = ("--ca-file", str(exim.ca_file), "--user", exim.user, "--mechanism", "cram-md5")
    done = send(f"smtps://localhost:{exim.smtps}", "-4", *WHO, *secure, "--bdat", "--body", "x", password=exim.password)
    assert done.returncode == 0, done.stderr
    assert any(
        line.startswith("BDAT") for line in (row.split("C: ", 1)[-1] for row in done.stdout.decode().splitlines())
    )


@pytest.mark.dovecot
def test_dovecot_takes_it_by_lmtp_and_answers_for_each(dovecot: Dovecot) -> None:
    words = ("--from", "x@example.org", "--to", "ann@example.org", "--to", "nobody@example.org", "--lmtp", "--json")
    done = send(f"{dovecot.host}:{dovecot.lmtp}", *words, "--subject", "by lmtp", "--body", "x")
    last = json.loads(done.stdout.splitlines()[-1])
    assert (done.returncode, last["delivered"]) == (1, True), done.stderr
    assert [each["accepted"] for each in last["recipients"]] == [True, False]


@pytest.mark.dovecot
def test_dovecot_takes_it_by_submission(dovecot: Dovecot) -> None:
    secure = ("--starttls", "--ca-file", str(dovecot.ca_file), "--user", dovecot.user)
    done = send(f"localhost:{dovecot.submission}", "-4", *WHO, *secure, "--body", "x", password=dovecot.password)
    assert done.returncode == 0, done.stderr


def test_the_message_need_not_be_shown(practice: PracticeServer) -> None:
    done = send(at(practice), *WHO, "--body", "hidden words", "--hide-data")
    assert done.returncode == 0
    assert b"hidden words" not in done.stdout


def test_auth_where_it_is_offered(practice: PracticeServer) -> None:
    with serving(take_a_message) as server:
        done = send(server, *WHO, "--user", "student", "--auth-if-offered")
    assert (done.returncode, verbs(done)[:2]) == (0, ["EHLO", "MAIL"])
    secure = ("--starttls-if-offered", "--ca-file", str(practice.ca_file), "--user", practice.user, "--auth-if-offered")
    done = send(at(practice), *WHO, *secure, password="wrong")
    assert done.returncode == 5


def take_a_message(peer: Peer) -> None:
    peer.say("220 x")
    for reply in ("250 x", "250 x", "250 x", "354 x"):
        peer.hear()
        peer.say(reply)
    peer.hear(b"\r\n.\r\n")
    peer.say("250 x")
    peer.hear()
    peer.say("221 x")


def test_octets_that_end_the_message_early_smuggle_a_second_one(practice: PracticeServer, tmp_path: Path) -> None:
    letter = tmp_path / "letter.eml"
    second = b"MAIL FROM:<x@example.org>\r\nRCPT TO:<bob@example.org>\r\nDATA\r\nSubject: second\r\n\r\ny\r\n.\r\n"
    letter.write_bytes(b"Subject: first\r\n\r\nx\r\n.\r\n" + second)
    before = len(practice.inbox.messages())
    done = send(at(practice), *WHO, "--data", str(letter), "--raw")
    assert done.returncode == 0, done.stderr
    assert [each.subject for each in practice.inbox.messages()[before:]] == ["first", "second"]


@pytest.mark.parametrize(("fault", "last"), [("CONNECT=554", "QUIT"), ("EHLO=500", "QUIT"), ("DOT=452", "QUIT")])
def test_a_refused_stage_ends_it_with_status_1(fault: str, last: str) -> None:
    with faulty(fault) as server:
        done = send(server, *WHO)
    assert (done.returncode, verbs(done)[-1]) == (1, last)
    assert len(done.stderr.splitlines()) == 1


def test_ctrl_c_ends_it_at_once() -> None:
    with serving(greet_and_wait) as server:
        words = [sys.executable, "-m", "smtp_shell", "send", "--server", server, *WHO]
        with subprocess.Popen(words, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as process:
            assert process.stdout is not None
            for line in process.stdout:
                if b"MAIL" in line:
                    break
            process.send_signal(signal.SIGINT)
            _, told = process.communicate(timeout=60)
    assert (process.returncode, told) == (130, b"smtp-shell: interrupted.\n")


def greet_and_wait(peer: Peer) -> None:
    peer.say("220 x")
    peer.hear()
    peer.say("250 x")
    peer.hear_end()
