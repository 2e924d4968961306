"""Composed messages arrive octet for octet, whichever way they go, and other programs read them as they were composed."""

import email
import email.policy
import json
import os
import re
import shutil
import subprocess
import time
from collections.abc import Callable
from email.message import EmailMessage
from pathlib import Path

import pytest
from msgspec.structs import replace

from smtp_shell.message.building import build
from smtp_shell.message.draft import Attachment, Draft, with_field
from smtp_shell.servers.practice import PracticeServer
from tests.support.daemon import program
from tests.support.dovecot import Dovecot
from tests.support.exim import UNPACKED, Exim
from tests.support.peer import Peer, ScriptedServer
from tests.support.postfix import Postfix
from tests.unit.cli.program import commands, run_text
from tests.wire.test_memory import run as run_measured

TEXT = "Grüße aus Köln, 你好 🙂\n.\n..two dots\nFrom here on\n" + "lang " * 300 + "\n"
HTML = "<p>Grüße 你好</p>\n"
SUBJECT = "Exzellente Übung: 你好 🙂 — was für ein Betreff, der länger als eine Zeile ist"
FILES = {"Übung 1.txt": "Erste Zeile: äöü\n.\n".encode(), "octets.bin": bytes(range(256)) * 40}
FIELDS = {
    "From": '"Müller, Jörg" <joerg@example.org>',
    "To": "Bob Example <bob@example.org>",
    "Bcc": "ann@example.org",
    "Subject": SUBJECT,
    "Date": "Fri, 27 Nov 2026 10:21:05 +0100",
}
# How the same message is sent.
WAYS = {
    "send": "/send",
    "send in chunks": "/send --bdat",
    "send pipelined": "/send --pipeline",
    "send in UTF-8": "/send --smtputf8",
    "data": "data < {}",
    "data untouched": "data < {} --raw",
    "bdat": "bdat < {}",
    "bdat untouched": "bdat < {} --raw",
}


def compose(folder: Path, message_id: str) -> tuple[Draft, list[str]]:
    """Return a draft, and the lines that compose it in the shell."""
    draft = Draft(body=TEXT, html=HTML)
    for name, value in {**FIELDS, "Message-ID": message_id}.items():
        draft = with_field(draft, name, value)
    for name, octets in FILES.items():
        (folder / name).write_bytes(octets)
    (folder / "text").write_text(TEXT, encoding="utf-8")
    (folder / "html").write_text(HTML, encoding="utf-8")
    lines = [
        f"/compose --text '{folder / 'text'}' --html '{folder / 'html'}'",
        *(f"/header {name}: {value}" for name, value in {**FIELDS, "Message-ID": message_id}.items()),
        *(f"/attach '{folder / name}'" for name in FILES),
    ]
    return replace(draft, attachments=tuple(Attachment(folder / name) for name in FILES)), lines


def send(way: str, folder: Path, url: str) -> tuple[str, bytes]:
    """Send the message in one of the ways; return its Message-ID and its octets."""
    message_id = f"<{way.replace(' ', '-')}.{os.urandom(8).hex()}@example.org>"
    draft, lines = compose(folder, message_id)
    octets = build(draft, smtputf8="UTF-8" in way)
    if not way.startswith("send"):
        (folder / "letter.eml").write_bytes(
            octets.replace(b"\r\n", b"\n") if "untouched" not in way else stuffed(way, octets)
        )
        lines = ["ehlo", "mail joerg@example.org", "rcpt bob@example.org ann@example.org"]
    typed = WAYS[way].format(f"'{folder / 'letter.eml'}'")
    done = run_text(url, "--timeout", "20", *commands(*lines, typed, "quit"))
    assert done.returncode == 0, done.stdout + done.stderr
    return message_id, octets


def stuffed(way: str, octets: bytes) -> bytes:
    """Return what has to be in a file that goes out untouched: DATA doubles dots."""
    return octets if "bdat" in way else octets.replace(b"\r\n.", b"\r\n..")


def stored(found: bytes) -> bytes:
    """Return a stored message without what servers put on top of it, with CRLF."""
    octets = found.replace(b"\r\n", b"\n").replace(b"\n", b"\r\n")
    return octets[re.search(rb'^From: (=\?utf-8|"M)', octets, re.MULTILINE).start() :]  # type: ignore[union-attr]


def await_message(find: Callable[[], list[bytes]], message_id: str) -> bytes:
    end = time.monotonic() + 60
    while True:
        for octets in find():
            if message_id.encode() in octets:
                return octets
        assert time.monotonic() < end, f"{message_id} did not arrive"
        time.sleep(0.1)


@pytest.mark.parametrize("content", [b"", b"x", b"one line\n" * 8])
def test_the_preview_shows_the_lines_that_are_sent(content: bytes, tmp_path: Path) -> None:
    for name in ("one.txt", "two \u00e4.txt"):
        (tmp_path / name).write_bytes(content)
    saved = tmp_path / "saved.eml"
    fields = f"/compose --from 'J\u00f6rg <ann@example.org>' --to bob@example.org --subject '{SUBJECT}' --body 'Gr\u00fc\u00dfe'"
    attached = [f"/attach '{tmp_path / name}'" for name in ("one.txt", "two \u00e4.txt")]
    done = run_text(*commands(fields, *attached, "/compose", f"/compose --save '{saved}'"))
    assert done.returncode == 0, done.stderr
    assert "octets, the header in ASCII:" in done.stdout.splitlines()[0]
    preview = done.stdout.partition(":\n")[2].partition("  envelope:")[0].splitlines()
    shown = [line.removeprefix("  ") for line in preview if not line.startswith("        means:")]
    sent = saved.read_bytes().decode("ascii").removesuffix("\r\n").split("\r\n")
    if len(content) > 60:
        shown = [line for line in shown if not line.startswith("\u2026")]
        sent = [line for line in sent if not line or line in shown]
    assert shown == sent
    as_json = run_text("--json", *commands(fields, *attached, "/compose"))
    (draft,) = (row for row in map(json.loads, as_json.stdout.splitlines()) if row.get("what") == "draft")
    assert (draft["to"], draft["attachments"]) == (["bob@example.org"], ["one.txt", "two \u00e4.txt"])
    assert {each["name"]: each["meaning"] for each in draft["fields"]}["Subject"] == SUBJECT


@pytest.mark.parametrize("way", WAYS)
def test_a_message_arrives_at_the_practice_server_octet_for_octet(
    way: str, practice: PracticeServer, tmp_path: Path
) -> None:
    url = f"smtp://127.0.0.1:{practice.port}"
    message_id, octets = send(way, tmp_path, url)

    def find() -> list[bytes]:
        return [practice.inbox.read(each.number) for each in practice.inbox.messages()]

    assert stored(await_message(find, message_id)) == octets


@pytest.mark.postfix
@pytest.mark.parametrize("way", WAYS)
def test_a_message_arrives_at_postfix_octet_for_octet(way: str, postfix: Postfix, tmp_path: Path) -> None:
    message_id, octets = send(way, tmp_path, f"smtp://127.0.0.1:{postfix.smtp}")
    for mailbox in ("bob", "ann"):

        def find(mailbox: str = mailbox) -> list[bytes]:
            return [path.read_bytes() for path in (postfix.maildir / mailbox).glob("new/*")]

        assert stored(await_message(find, message_id)) == octets


@pytest.mark.exim
@pytest.mark.parametrize("way", WAYS)
def test_a_message_arrives_at_exim_octet_for_octet(way: str, exim: Exim, tmp_path: Path) -> None:
    message_id, octets = send(way, tmp_path, f"smtp://127.0.0.1:{exim.smtp}")
    assert stored(await_message(lambda: queue_of(exim), message_id)) == octets


@pytest.mark.dovecot
def test_lmtp_has_an_outcome_for_each_recipient(dovecot: Dovecot) -> None:
    lines = (
        "/compose --from joerg@example.org --to ann@example.org --to nobody@example.org --cc bob@example.org --body x",
        "/send",
    )
    done = run_text(f"lmtp://{dovecot.host}:{dovecot.lmtp}", "--timeout", "20", *commands(*lines))
    assert done.returncode == 1
    outcomes = [line for line in done.stderr.splitlines() if line.startswith("  ") and "@" in line]
    assert [line.split(":")[0] for line in outcomes] == [
        "  ann@example.org  accepted",
        "  nobody@example.org  refused",
        "  bob@example.org  accepted",
    ]
    assert "<ann@example.org>" in outcomes[0]
    assert "<bob@example.org>" in outcomes[2]


def queue_of(exim: Exim) -> list[bytes]:
    """Return the messages in Exim's queue, where the fixture leaves them."""
    folder = exim.log.parent.parent
    exim4 = program("exim4", UNPACKED) or program("exim", UNPACKED) or "exim4"
    names = [path.name.removesuffix("-D") for path in (folder / "spool" / "input").rglob("*-D")]
    show = [exim4, "-C", str(folder / "exim.conf"), "-Mvc"]
    return [subprocess.run([*show, name], capture_output=True, timeout=60, check=True).stdout for name in names]


def letter(folder: Path, practice: PracticeServer) -> bytes:
    """Return the message as the practice server has it."""
    send("send", folder, f"smtp://127.0.0.1:{practice.port}")
    return practice.inbox.read(practice.inbox.messages()[-1].number)


def test_the_standard_library_reads_what_was_composed(practice: PracticeServer, tmp_path: Path) -> None:
    message = email.message_from_bytes(letter(tmp_path, practice), policy=email.policy.default)
    assert isinstance(message, EmailMessage)
    assert not message.defects
    assert message["subject"] == SUBJECT
    assert message["from"].addresses[0].display_name == "Müller, Jörg"
    assert message["bcc"] is None
    for kind, text in (("plain", TEXT), ("html", HTML)):
        part = message.get_body((kind,))
        assert part is not None
        assert part.get_content().replace("\r\n", "\n") == text
    parts = list(message.iter_attachments())
    assert {part.get_filename(): part.get_payload(decode=True) for part in parts} == FILES
    assert [part.get_content_type() for part in parts] == ["text/plain", "application/octet-stream"]


@pytest.mark.skipif(shutil.which("munpack") is None, reason="needs munpack (Debian: apt-get install mpack)")
def test_munpack_unpacks_what_was_composed(practice: PracticeServer, tmp_path: Path) -> None:
    octets = letter(tmp_path, practice).replace(b"\r\n", b"\n")
    folder = tmp_path / "unpacked"
    folder.mkdir()
    done = subprocess.run(
        ["munpack", "-t", "-f"], input=octets, cwd=folder, capture_output=True, timeout=60, check=True
    )
    assert b"part1 (text/plain)" in done.stdout
    found = {path.name: path.read_bytes() for path in folder.iterdir()}
    assert found.pop("octets.bin") == FILES["octets.bin"]
    # It knows no RFC 2231, and names the other file itself; it puts empty lines around texts.
    texts = [TEXT.encode(), HTML.encode(), FILES["Übung 1.txt"]]
    assert sorted(each.strip() for each in found.values()) == sorted(each.strip() for each in texts)


@pytest.mark.terminal
@pytest.mark.skipif(shutil.which("mutt") is None, reason="needs mutt (Debian: apt-get install mutt)")
def test_mutt_shows_what_was_composed(practice: PracticeServer, tmp_path: Path) -> None:
    import pexpect

    octets = letter(tmp_path, practice).replace(b"\r\n", b"\n")
    (tmp_path / "mbox").write_bytes(b"From x Thu Jan  1 00:00:00 2026\n" + octets.replace(b"\nFrom ", b"\n>From "))
    keys = f'set folder={tmp_path} pipe_decode=yes wait_key=no charset=utf-8; push "|cat > {tmp_path}/shown\\nx"'
    mutt = pexpect.spawn(
        "mutt",
        ["-n", "-F", "/dev/null", "-R", "-f", str(tmp_path / "mbox"), "-e", keys],
        env={**os.environ, "LC_ALL": "C.UTF-8", "TERM": "xterm", "HOME": str(tmp_path)},
        timeout=60,
    )
    mutt.expect(pexpect.EOF)
    mutt.close()
    shown = (tmp_path / "shown").read_text(encoding="utf-8")
    header, _, text = shown.partition("\n\n")
    assert f"Subject: {SUBJECT}" in header.replace("\n ", " ").replace("\n\t", " ")
    assert 'From: "Müller, Jörg" <joerg@example.org>' in header
    assert TEXT in text.replace("\n>From ", "\nFrom ")
    assert FILES["Übung 1.txt"].decode() in text


def swallow(peer: Peer) -> None:
    """Take a message of any size, and keep nothing of it."""
    peer.say("220 ready")
    data = b""
    with peer.sock.makefile("rwb", buffering=1 << 20) as stream:
        for line in stream:
            verb = line[:4].upper()
            stream.write({b"DATA": b"354 go on\r\n", b"QUIT": b"221 bye\r\n"}.get(verb, b"250 ok\r\n"))
            stream.flush()
            if verb == b"DATA":
                while data[-5:] != b"\r\n.\r\n":
                    piece = peer.sock.recv(1 << 20)
                    assert piece, "the connection was closed in the mail data"
                    data = data[-4:] + piece
                stream.write(b"250 taken\r\n")
                stream.flush()


def send_file_of(size: int, folder: Path) -> int:
    """Send a message with an attachment of a size; return the peak memory of the shell in MiB."""
    path = folder / "large.bin"
    with path.open("wb") as stream:
        stream.truncate(size)
    lines = (
        "/compose --from a@example.org --to b@example.org --body x --subject x",
        f"/attach '{path}'",
        "/send",
        "quit",
    )
    with ScriptedServer(swallow) as server:
        status, memory, words = run_measured(server.address, "--no-record", *commands(*lines))
    assert status == 0, words
    return memory


def test_memory_does_not_grow_with_an_attachment(tmp_path: Path) -> None:
    small = send_file_of(2 << 20, tmp_path)
    large = send_file_of(200 << 20, tmp_path)
    assert large < small + 8
    assert large < 120
