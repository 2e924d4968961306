"""What `/as` and `convert --to` print does the same again: each script is run by its tool, and delivers the same message."""

import base64
import os
import subprocess
import sys
from pathlib import Path

import pytest

from smtp_shell.servers.practice import PracticeServer

PROGRAM = (sys.executable, "-m", "smtp_shell")
TOOLS = ("swaks", "openssl", "curl", "python")

PLAIN = "Subject: {subject}\n\nit's \"quoted\" `id` $HOME $(id) \\n %DATE% 100%\n.a dot\n\n..\nžluťoučký kůň\n"
SIMPLE = "Subject: {subject}\nTo: bob@example.org\n\n.\nit's \"quoted\" `id` $HOME $(id) \\ 100%\n.a dot\n\n..\nžluťoučký kůň\n.\n"
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
