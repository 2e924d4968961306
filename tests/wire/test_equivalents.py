"""What `/as` and `convert --to` print does the same again: each script is run by its tool, and delivers the same message."""

import base64
import json
import os
import subprocess
import sys
import time
from pathlib import Path

import pytest

from smtp_shell.protocol.secret import Secret
from smtp_shell.servers.practice import PracticeServer, PracticeSettings
from tests.support.dovecot import Dovecot
from tests.support.exim import Exim
from tests.support.postfix import Postfix
from tests.wire.test_shell import wait_for_mail

PROGRAM = (sys.executable, "-m", "smtp_shell")
TOOLS = ("swaks", "openssl", "curl", "python")

PLAIN = 'Subject: {subject}\n\nit\'s "quoted" `id` $HOME $(id) \\n %DATE% 100%\n.a dot\n\n..\nžluťoučký kůň\n'
SIMPLE = 'Subject: {subject}\nTo: bob@example.org\n\n.\nit\'s "quoted" `id` $HOME $(id) \\ 100%\n.a dot\n\n..\nžluťoučký kůň\n.\n'
HOSTILE = b"Subject: {subject}\nX-A: \x1b[2J\xff\xfe\n\nEND_OF_MESSAGE\n$(id)`id`'\"\\%s\\n%BODY%\n\x00\x07\xe2\x80\xae\n-n\n.\n"
MESSAGES = {"plain": PLAIN.encode(), "simple": SIMPLE.encode(), "hostile": HOSTILE}


def environment(**more: str) -> dict[str, str]:
    return {**os.environ, "LC_ALL": "C.UTF-8", **more}


def trusted(ca_file: Path) -> dict[str, str]:
    """Return what makes each tool trust an authority; curl has a variable of its own."""
    return {"SSL_CERT_FILE": str(ca_file), "CURL_CA_BUNDLE": str(ca_file)}


def convert(transcript: Path, tool: str) -> str:
    done = subprocess.run(
        [*PROGRAM, "convert", str(transcript), "-", "--to", tool], capture_output=True, timeout=60, env=environment()
    )
    assert done.returncode == 0, done.stderr
    script = done.stdout.decode()
    assert all(line.isprintable() for line in script.split("\n"))
    return script


def run_script(script: str, tool: str, folder: Path, **more: str) -> "subprocess.CompletedProcess[bytes]":
    path = folder / f"{tool}.script"
    path.write_text(script, "utf-8")
    program = sys.executable if tool == "python" else "sh"
    return subprocess.run(
        [program, str(path)], stdin=subprocess.DEVNULL, capture_output=True, timeout=60, env=environment(**more)
    )


def record(folder: Path, *words: str, lines: tuple[str, ...], **more: str) -> Path:
    """Run the shell on lines, and return the transcript."""
    transcript = folder / "session.smtp"
    done = subprocess.run(
        [*PROGRAM, *words, "--record", str(transcript), "--force", "-f", "-"],
        input="\n".join(lines).encode("utf-8", "surrogateescape"),
        capture_output=True,
        timeout=60,
        env=environment(**more),
    )
    assert done.returncode == 0, done.stderr
    return transcript


def message(name: str, folder: Path, subject: str) -> tuple[Path, bytes]:
    """Write a message into a file; return it, and its octets as they arrive."""
    octets = MESSAGES[name].replace(b"{subject}", subject.encode())
    path = folder / "letter.eml"
    path.write_bytes(octets)
    return path, octets.replace(b"\n", b"\r\n")


def new_messages(practice: PracticeServer, before: int) -> list[bytes]:
    return [practice.inbox.read(number) for number in range(before + 1, len(practice.inbox.messages()) + 1)]


def encoded_login(practice: PracticeServer) -> bytes:
    return base64.b64encode(f"\0{practice.user}\0{practice.password.reveal()}".encode())


@pytest.mark.parametrize("name", MESSAGES)
@pytest.mark.parametrize("tool", TOOLS)
def test_a_script_delivers_the_same_message(tool: str, name: str, practice: PracticeServer, tmp_path: Path) -> None:
    letter, octets = message(name, tmp_path, f"{tool} {name}")
    address = f"localhost:{practice.port}"
    secret = {"SMTP_SHELL_PASSWORD": practice.password.reveal()}
    options = ("--starttls", "--ca-file", str(practice.ca_file), "--user", practice.user, "--ehlo", "lab.example")
    lines = ("auth plain", "mail <>", "rcpt bob@example.org o'hara$x@example.org", f"data < {letter}", "quit")
    transcript = record(tmp_path, address, "-4", *options, lines=lines, **secret)
    before = len(practice.inbox.messages())
    script = convert(transcript, tool)
    assert practice.password.reveal() not in script
    done = run_script(script, tool, tmp_path, **trusted(practice.ca_file), **secret)
    assert done.returncode == 0, (script, done.stdout, done.stderr)
    shown = done.stdout + done.stderr
    assert practice.password.reveal().encode() not in shown
    assert encoded_login(practice) not in shown
    (arrived,) = practice.inbox.messages()[before:]
    assert (arrived.sender, arrived.recipients) == (b"", (b"bob@example.org", b"o'hara$x@example.org"))
    (found,) = new_messages(practice, before)
    assert found.replace(b"\r\n", b"\n").endswith(b"\n" + octets.replace(b"\r\n", b"\n")), script


def replayed(tool: str, transcript: Path, folder: Path, **more: str) -> "subprocess.CompletedProcess[bytes]":
    done = run_script(convert(transcript, tool), tool, folder, **more)
    assert done.returncode == 0, (convert(transcript, tool), done.stdout, done.stderr)
    return done


LETTER = ("data", "Subject: {}", "", "one line", ".")


@pytest.mark.parametrize("tool", TOOLS)
def test_a_second_message_is_sent_too(tool: str, practice: PracticeServer, tmp_path: Path) -> None:
    one = ("mail ann@example.org", "rcpt bob@example.org", *LETTER)
    two = ("noop", "rset", "mail ann@example.org", "rset", "mail <>", "rcpt carol@example.org", *LETTER)
    transcript = record(tmp_path, f"localhost:{practice.port}", "-4", "--insecure", lines=("ehlo", *one, *two, "quit"))
    before = len(practice.inbox.messages())
    replayed(tool, transcript, tmp_path, **trusted(practice.ca_file))
    arrived = practice.inbox.messages()[before:]
    assert [(each.sender, each.recipients) for each in arrived] == [
        (b"ann@example.org", (b"bob@example.org",)),
        (b"", (b"carol@example.org",)),
    ]


def test_what_a_tool_cannot_do_stands_in_comments(tmp_path: Path) -> None:
    transcript = tmp_path / "session.smtp"
    transcript.write_text(
        "C: EHLO a\nC: VRFY bob\nC: MAIL FROM:<a@example.org> RET=HDRS\nC: RSET\nC: RCPT TO:<b@example.org>\n"
        "C| NOOP\\r\\n\nC: MAIL FROM:<a@example.org>\nC: RCPT TO:<b@example.org>\nC: BDAT 3 LAST\nC| x\\r\\n\n",
        "utf-8",
    )
    for tool in ("swaks", "curl"):
        comments = [line for line in convert(transcript, tool).splitlines() if line.startswith("# ")]
        text = " ".join(line.removeprefix("# ") for line in comments)
        for words in ("VRFY bob", "RET=HDRS", "RSET", "RCPT TO:<b@example.org>", "/raw", "BDAT", "mail.example.com"):
            assert words in text, (tool, words)


@pytest.mark.parametrize("tool", ["openssl", "python"])
def test_octets_and_chunks_go_out_as_they_were(tool: str, practice: PracticeServer, tmp_path: Path) -> None:
    raw = (
        r"/raw EHLO lab.example\r\n",
        "/wait",
        r"/raw MAIL FROM:<ann@example.org>\r\nRCPT TO:<bob@example.org>\r\n",
        "/wait",
    )
    lines = (*raw, "data", "Subject: raw", "", "..", ".", "quit")
    transcript = record(tmp_path, f"localhost:{practice.port}", "-4", lines=lines)
    before = len(practice.inbox.messages())
    replayed(tool, transcript, tmp_path, **trusted(practice.ca_file))
    assert practice.inbox.read(before + 1).replace(b"\r\n", b"\n").endswith(b"Subject: raw\n\n..\n")


@pytest.mark.parametrize("tool", ["swaks", "python"])
def test_commands_of_one_write(tool: str, practice: PracticeServer, tmp_path: Path) -> None:
    transcript = tmp_path / "session.smtp"
    transcript.write_text(
        f"*: connect 127.0.0.1:{practice.port}\nC: EHLO lab.example\nC& MAIL FROM:<ann@example.org>\nC& RCPT TO:<bob@example.org>\n"
        "C: DATA\nC: Subject: x\nC:\nC: y\nC: .\nC: QUIT\n",
        "utf-8",
    )
    before = len(practice.inbox.messages())
    replayed(tool, transcript, tmp_path)
    assert len(practice.inbox.messages()) == before + 1


@pytest.mark.parametrize("stage", ["ehlo", "mail ann@example.org", "rcpt bob@example.org"])
@pytest.mark.parametrize("tool", ["swaks", "curl", "python"])
def test_a_dialogue_without_a_message(tool: str, stage: str, practice: PracticeServer, tmp_path: Path) -> None:
    every = ("ehlo", "mail ann@example.org", "rcpt bob@example.org")
    lines = (*every[: every.index(stage) + 1], "quit")
    transcript = record(tmp_path, f"127.0.0.1:{practice.port}", lines=lines)
    before = len(practice.inbox.messages())
    done = replayed(tool, transcript, tmp_path)
    assert len(practice.inbox.messages()) == before
    if tool == "swaks":
        assert stage.split(" ")[0].upper().encode() in done.stdout


@pytest.mark.parametrize("mechanism", ["plain", "login", "cram-md5"])
@pytest.mark.parametrize("tool", TOOLS)
def test_each_mechanism(tool: str, mechanism: str, practice: PracticeServer, tmp_path: Path) -> None:
    secret = {"SMTP_SHELL_PASSWORD": practice.password.reveal()}
    options = ("--starttls", "--ca-file", str(practice.ca_file), "--user", practice.user)
    lines = (f"auth {mechanism}", "mail ann@example.org", "rcpt bob@example.org", *LETTER, "quit")
    transcript = record(tmp_path, f"localhost:{practice.port}", "-4", *options, lines=lines, **secret)
    before = len(practice.inbox.messages())
    replayed(tool, transcript, tmp_path, **trusted(practice.ca_file), **secret)
    assert len(practice.inbox.messages()) == before + 1


@pytest.mark.postfix
@pytest.mark.parametrize("mechanism", ["plain", "scram-sha-256"])
@pytest.mark.parametrize("tool", TOOLS)
def test_postfix_takes_what_each_tool_sends(tool: str, mechanism: str, postfix: Postfix, tmp_path: Path) -> None:
    secret = {"SMTP_SHELL_PASSWORD": postfix.password}
    subject = f"again by {tool} {mechanism}"
    options = ("--tls", "--ca-file", str(postfix.ca_file), "--user", postfix.user)
    lines = (
        f"auth {mechanism}",
        "mail ann@example.org",
        "rcpt bob@example.org",
        "data",
        "Subject: {}",
        "",
        "one line",
        ".",
        "quit",
    )
    transcript = record(tmp_path, f"localhost:{postfix.smtps}", "-4", *options, lines=("ehlo", *lines), **secret)
    transcript.write_text(transcript.read_text("utf-8").replace("Subject: {}", f"Subject: {subject}"), "utf-8")
    replayed(tool, transcript, tmp_path, **trusted(postfix.ca_file), **secret)
    assert wait_for_mail(postfix.maildir / "bob", subject)


@pytest.mark.dovecot
@pytest.mark.parametrize("tool", ["swaks", "python"])
def test_lmtp_has_a_reply_for_each_recipient(tool: str, dovecot: Dovecot, tmp_path: Path) -> None:
    lines = ("lhlo", "mail <>", "rcpt ann@example.org bob@example.org", *LETTER, "quit")
    transcript = record(tmp_path, f"lmtp://{dovecot.host}:{dovecot.lmtp}", lines=lines)
    done = replayed(tool, transcript, tmp_path)
    assert done.stdout.count(b"Saved") == 2


def test_the_command_of_the_shell_prints_a_script(practice: PracticeServer, tmp_path: Path) -> None:
    lines = ("ehlo", "mail ann@example.org", "rcpt bob@example.org", *LETTER, "quit", "/as python")
    for option in ((), ("--json",)):
        done = subprocess.run(
            [*PROGRAM, f"127.0.0.1:{practice.port}", *option, "-f", "-"],
            input="\n".join(lines).encode(),
            capture_output=True,
            timeout=60,
            env=environment(),
        )
        assert done.returncode == 0, done.stderr
        if option:
            rows = [json.loads(line) for line in done.stdout.splitlines()]
            text = "\n".join(row["text"] for row in rows if row.get("tool") == "python")
        else:
            text = done.stdout.decode()[done.stdout.decode().index("#!/usr/bin") :]
        before = len(practice.inbox.messages())
        assert run_script(text, "python", tmp_path).returncode == 0
        assert len(practice.inbox.messages()) == before + 1


@pytest.mark.exim
@pytest.mark.parametrize("tool", TOOLS)
def test_chunks_of_a_message_at_exim(tool: str, exim: Exim, tmp_path: Path) -> None:
    letter, _ = message("plain", tmp_path, f"chunks {tool}")
    lines = ("ehlo", "mail ann@example.org", "rcpt bob@example.org", f"bdat < {letter}", "quit")
    transcript = record(tmp_path, f"127.0.0.1:{exim.smtp}", lines=lines)
    before = exim.log.read_text("utf-8", "replace").count(" <= ann@example.org")
    replayed(tool, transcript, tmp_path, **trusted(exim.ca_file))
    end = time.monotonic() + 20
    while exim.log.read_text("utf-8", "replace").count(" <= ann@example.org") == before and time.monotonic() < end:
        time.sleep(0.05)
    assert exim.log.read_text("utf-8", "replace").count(" <= ann@example.org") == before + 1


@pytest.mark.parametrize("tool", TOOLS)
def test_names_and_passwords_of_any_characters(tool: str, tmp_path: Path) -> None:
    user, password = "o'h\"ara$HOME`id`", "a\"b\\c$HOME`id`'d %s #e"
    with PracticeServer(PracticeSettings(user=user, password=Secret(password))) as practice:
        options = ("--starttls", "--ca-file", str(practice.ca_file), "--user", user)
        lines = ("auth plain", "mail ann@example.org", "rcpt bob@example.org", *LETTER, "quit")
        transcript = record(
            tmp_path, f"localhost:{practice.port}", "-4", *options, lines=lines, SMTP_SHELL_PASSWORD=password
        )
        replayed(tool, transcript, tmp_path, **trusted(practice.ca_file), SMTP_SHELL_PASSWORD=password)
        assert len(practice.inbox.messages()) == 2


@pytest.mark.parametrize("tool", TOOLS)
def test_credentials_in_a_transcript_stay_out_of_a_script(tool: str, tmp_path: Path) -> None:
    secret = base64.b64encode(b"\0ann\0hunter2hunter2").decode()
    word = base64.b64encode(b"hunter2hunter2").decode()
    transcript = tmp_path / "session.smtp"
    for header in ("", "Transcript: 1\nSecrets: included\n\n"):
        transcript.write_text(
            f"{header}C: EHLO a\nC: AUTH PLAIN {secret}\nS: 535 no\nC: AUTH LOGIN\nS: 334 VXNlcm5hbWU6\nC: YW5u\n"
            f"S: 334 UGFzc3dvcmQ6\nC: {word}\nS: 235 yes\nC| AUTH PLAIN {secret}\\r\\n\n",
            "utf-8",
        )
        script = convert(transcript, tool)
        assert secret not in script
        assert word not in script
        done = subprocess.run(
            [*PROGRAM, "-c", f"/as {tool} {transcript}"], capture_output=True, timeout=60, env=environment()
        )
        assert done.returncode == 0
        assert secret.encode() not in done.stdout + done.stderr
        assert word.encode() not in done.stdout + done.stderr


def test_a_wrong_word_after_the_command_is_one_sentence() -> None:
    for line in ("/as", "/as telnet", "/as swaks one two", "/as swaks", "/as swaks /nowhere/file"):
        done = subprocess.run([*PROGRAM, "-c", line], capture_output=True, timeout=60, env=environment())
        assert (done.returncode, done.stdout) == (2, b"")
        assert done.stderr.startswith(b"smtp-shell: -c /as")
