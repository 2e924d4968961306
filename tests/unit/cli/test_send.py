"""`smtp-shell send` before it connects: wrong options and values, and `--dry-run`."""

import os
from email import message_from_bytes, policy
from pathlib import Path

import pytest

from tests.unit.cli.program import run, sentence

SERVER = ("--server", "127.0.0.1:1")
WHO = ("--from", "ann@example.org", "--to", "bob@example.org")


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (WHO, "--server"),
        ((*SERVER,), "--from is missing"),
        ((*SERVER, "--from", "ann@example.org"), "--to is missing"),
        ((*SERVER, "--from", "", "--to", "b@example.org"), "--from is empty"),
        ((*SERVER, "--from", "ann@example.org", "--to", " , "), "is no mail address"),
        ((*SERVER, "--from", "ann@example.org", "--to", ""), "--to is missing"),
        ((*SERVER, "--from", "ann@example.org\r\nRCPT TO:<x@y>", "--to", "b@example.org"), "holds CR"),
        ((*SERVER, "--from", "ann@example.org", "--to", "b@example.org\nx"), "holds LF"),
        ((*SERVER, *WHO, "--mail-from", "a@example.org\nX"), "holds LF"),
        ((*SERVER, *WHO, "--subject", "a\nBcc: x@example.org"), "holds LF"),
        ((*SERVER, *WHO, "--header", "no colon"), "a colon after the name"),
        ((*SERVER, *WHO, "--header", "X Y: z"), "is no name of a header field"),
        ((*SERVER, *WHO, "--header", "X: \x1b[2J\r\nY: z"), "holds CR"),
        ((*SERVER, "--from", "\x1b[2J", "--to", "b@example.org"), r"\x1b[2J"),
        ((*SERVER, "--from", "<>", "--to", "b@example.org"), "--mail-from '<>'"),
        ((*SERVER, *WHO, "--attach", "/nowhere/file"), "cannot be attached"),
        ((*SERVER, *WHO, "--body", "@/nowhere/file"), "cannot be read"),
        ((*SERVER, *WHO, "--data", "/nowhere/file"), "cannot be read"),
        ((*SERVER, *WHO, "--data", "-"), "standard input is empty"),
        ((*SERVER, *WHO, "--data", "/dev/zero"), "; nothing was sent."),
        ((*SERVER, *WHO, "--data", os.devnull), "; nothing was sent."),
        ((*SERVER, *WHO, "--data", "-", "--body", "-"), "--body is a part of one"),
        ((*SERVER, *WHO, "--body", "-", "--html", "-"), "can be read once"),
        ((*SERVER, *WHO, "--attach-name", "x"), "there is none"),
        ((*SERVER, *WHO, "--var", "a=b"), "--template FILE"),
        ((*SERVER, *WHO, "--template", "/nowhere/file"), "cannot be read"),
        ((*SERVER, *WHO, "--auth-if-offered"), "--user NAME"),
        ((*SERVER, *WHO, "--raw"), "name the file"),
        ((*SERVER, *WHO, "--quit-after", "vrfy"), "there is no such stop"),
        ((*SERVER, *WHO, "--quit-after", "data"), "--drop-after data"),
        ((*SERVER, *WHO, "--quit-after", "mail", "--drop-after", "rcpt"), "are two ends"),
        ((*SERVER, *WHO, "--drop-after-send", "auth"), "there is no such stop"),
        ((*SERVER, *WHO, "--starttls", "--starttls-if-offered"), "give one"),
        ((*SERVER, *WHO, "--mechanism", "PLAIN x\r\n"), "no name of a mechanism"),
        ((*SERVER, *WHO, "--password", "hunter2"), "never an option's value"),
        ((*SERVER, *WHO, "--dry-run", "--json"), "leave one of them out"),
        ((*SERVER, *WHO, "--no-times"), "--record"),
        (("--server", "ftp://x", *WHO), "no scheme for mail"),
    ],
)
def test_what_is_wrong_is_one_sentence(words: tuple[str, ...], said: str) -> None:
    done = run("send", *words)
    assert (done.returncode, done.stdout) == (2, b"")
    assert said in sentence(done)
    assert "hunter2" not in sentence(done)


def test_a_missing_attachment_is_found_before_the_connection(tmp_path: Path) -> None:
    done = run("send", *SERVER, *WHO, "--attach", str(tmp_path), "--dry-run")
    assert done.returncode == 2
    assert "cannot be attached" in sentence(done) or "no file that can be" in sentence(done)


def test_a_dry_run_prints_the_octets_and_connects_to_nothing(tmp_path: Path) -> None:
    (tmp_path / "a.txt").write_text("kůň\n", "utf-8")
    words = ("--subject", "Žluťoučký", "--body", "@" + str(tmp_path / "a.txt"), "--attach", str(tmp_path / "a.txt"))
    done = run("send", *SERVER, *WHO, *words, "--dry-run")
    assert (done.returncode, done.stderr) == (0, b"")
    assert b"\n" not in done.stdout.replace(b"\r\n", b"")
    message = message_from_bytes(done.stdout, policy=policy.default)
    assert message["Subject"] == "Žluťoučký"
    assert [part.get_content().strip() for part in message.iter_parts()] == ["kůň", "kůň"]


def test_a_dry_run_of_a_file_shows_what_would_be_sent(tmp_path: Path) -> None:
    octets = b"Subject: x\n\n.\xff\x00\r\nend"
    (tmp_path / "letter.eml").write_bytes(octets)
    words = (*SERVER, *WHO, "--data", str(tmp_path / "letter.eml"), "--dry-run")
    assert run("send", *words).stdout == b"Subject: x\r\n\r\n.\xff\x00\r\nend"
    assert run("send", *words, "--raw").stdout == octets


@pytest.mark.skipif(not hasattr(os, "mkfifo"), reason="named pipes are a thing of POSIX")
def test_a_message_can_come_through_a_pipe(tmp_path: Path) -> None:
    import threading

    pipe = tmp_path / "pipe"
    os.mkfifo(pipe)
    writer = threading.Thread(target=pipe.write_bytes, args=(b"Subject: x\n\nfrom a pipe\n",), daemon=True)
    writer.start()
    done = run("send", *SERVER, *WHO, "--data", str(pipe), "--dry-run")
    assert done.stdout == b"Subject: x\r\n\r\nfrom a pipe\r\n"
    writer.join(20)


@pytest.mark.parametrize(("text", "expected"), [("@@home", "@home"), ("- a list", "- a list"), ("$(id)", "$(id)")])
def test_a_text_is_itself(text: str, expected: str) -> None:
    done = run("send", *SERVER, *WHO, f"--body={text}", "--dry-run")
    assert done.stdout.endswith(b"\r\n\r\n" + expected.encode() + b"\r\n")


def test_a_template_is_filled(tmp_path: Path) -> None:
    (tmp_path / "letter.txt").write_text("From: ann@example.org\nSubject: ${what}\n\nDear ${name}\n", "utf-8")
    words = ("--template", str(tmp_path / "letter.txt"), "--to", "bob@example.org", "--var", "what=Grüße")
    done = run("send", *SERVER, *words, "--var", "name=Bob", "--dry-run")
    message = message_from_bytes(done.stdout, policy=policy.default)
    assert (message["Subject"], message["From"], message.get_content().replace("\r\n", "\n")) == (
        "Grüße",
        "ann@example.org",
        "Dear Bob\n",
    )
    done = run("send", *SERVER, *words, "--dry-run")
    assert (done.returncode, "name" in sentence(done)) == (2, True)
