"""Synthetic captures, with tshark as the judge: it reads the commands and reply codes of the transcript, and finds nothing wrong."""

from __future__ import annotations

import re
import stat
from pathlib import Path

import pytest

from smtp_shell.export.synthetic import PLACEHOLDER
from tests.support.tshark import dialogue, fields, needs_tshark, tshark, wrong_packets
from tests.unit.cli.program import run

pytestmark = needs_tshark

LESSONS = Path(__file__).parents[2] / "transcripts"
HEADER = "Transcript: 1\nServer: mail.example.com:{port}\nDate: Sun, 22 Nov 2026 10:21:05 +0100\nClient: smtp-shell 0.1.0\n\n"
GREETING = (
    "  0.021 S: 220 mail.example.com ESMTP\n  0.022 C: EHLO laptop.example\n"
    "  0.040 S: 250-mail.example.com\n  0.040 S: 250 PIPELINING\n"
)
STARTTLS = (
    "  0.050 C: STARTTLS\n  0.060 S: 220 2.0.0 Ready\n  0.090 *: tls {version} {cipher} verified CN=mail.example.com\n"
)
AGAIN = "  0.100 C: EHLO laptop.example\n  0.120 S: 250 mail.example.com\n"
LETTER = "From: Ann <ann@example.org>\nTo: bob@example.org\nSubject: Lunch\nDate: Sun, 22 Nov 2026 10:21:05 +0100\n\nAt one?\n..\n"
DELIVERY = (
    "  1.000 C: MAIL FROM:<ann@example.org>\n  1.010 S: 250 2.1.0 Ok\n  1.020 C: RCPT TO:<bob@example.org>\n"
    "  1.030 S: 250 2.1.5 Ok\n  1.040 C: DATA\n  1.050 S: 354 Go ahead\n"
    + "".join(f"  1.060 C: {line}\n" for line in LETTER.splitlines())
    + "  1.070 C: .\n  1.080 S: 250 2.0.0 Ok: queued\n  2.000 C: QUIT\n  2.010 S: 221 2.0.0 Bye\n  2.011 *: close server\n"
)
PIPELINED = (
    "  1.000 C& MAIL FROM:<ann@example.org>\n  1.000 C& RCPT TO:<bob@example.org>\n  1.000 C: DATA\n"
    "  1.010 S: 250 2.1.0 Ok\n  1.010 S: 250 2.1.5 Ok\n  1.010 S: 354 Go ahead\n"
    + "".join(f"  1.060 C: {line}\n" for line in LETTER.splitlines())
    + "  1.070 C: .\n  1.080 S: 250 2.0.0 Ok: queued\n"
)
LMTP = (
    "  0.021 S: 220 mail.example.com LMTP\n  0.022 C: LHLO laptop.example\n  0.040 S: 250-mail.example.com\n  0.040 S: 250 8BITMIME\n"
    "  1.000 C: MAIL FROM:<ann@example.org>\n  1.010 S: 250 2.1.0 Ok\n  1.020 C: RCPT TO:<bob@example.org>\n  1.030 S: 250 2.1.5 Ok\n"
    "  1.020 C: RCPT TO:<eve@example.org>\n  1.030 S: 250 2.1.5 Ok\n  1.040 C: DATA\n  1.050 S: 354 Go ahead\n"
    + "".join(f"  1.060 C: {line}\n" for line in LETTER.splitlines())
    + "  1.070 C: .\n  1.080 S: 250 2.0.0 Ok\n  1.080 S: 450 4.2.2 Full\n  2.000 C: QUIT\n  2.010 S: 221 2.0.0 Bye\n"
)


def transcript(lines: str, port: int = 25, *, tls: bool = False) -> str:
    return HEADER.format(port=port) + f"*: connect mail.example.com:{port}{' tls' if tls else ''}\n{lines}"


def in_tls(version: str, cipher: str, lines: str = AGAIN + DELIVERY) -> str:
    return transcript(GREETING + STARTTLS.format(version=version, cipher=cipher) + lines, 587)


def words(text: str) -> list[str]:
    """Return what tshark is to find: of each command four letters, of each reply its code. Read from the file, without our reader."""
    found: list[str] = []
    in_data = False
    for line in text.splitlines():
        match = re.match(r" *[0-9.]* *(C:|C&|S:) ?(.*)", line)
        if match is None:
            continue
        sign, content = match.groups()
        if sign == "S:":
            found += [content[:3]] if content[3:4] != "-" else []
            in_data = in_data or content.startswith("354")
        elif in_data:
            in_data = content != "."
        else:
            found.append(content[:4])
    return found


SAMPLES = {
    "plain": (transcript(GREETING + DELIVERY), ()),
    "STARTTLS, TLS 1.3": (in_tls("TLSv1.3", "TLS_AES_256_GCM_SHA384"), ()),
    "STARTTLS, TLS 1.2": (in_tls("TLSv1.2", "ECDHE-RSA-AES128-GCM-SHA256"), ()),
    "implicit TLS": (
        transcript("0.01 *: tls TLSv1.3 TLS_AES_128_GCM_SHA256 verified CN=x\n" + GREETING + DELIVERY, 465, tls=True),
        (),
    ),
    "pipelined": (transcript(GREETING + PIPELINED + DELIVERY), ()),
    "pipelined in TLS": (in_tls("TLSv1.3", "x", AGAIN + PIPELINED + DELIVERY), ()),
    "LMTP": (transcript(LMTP, 24), ("-d", "tcp.port==24,smtp")),
    "several connections": (transcript(GREETING + DELIVERY) + "*: connect 192.0.2.99:587\n" + GREETING + DELIVERY, ()),
    "IPv6": (
        transcript(GREETING + DELIVERY).replace("*: connect mail.example.com:25", "*: connect [2001:db8::25]:25"),
        (),
    ),
}


def captured(tmp_path: Path, text: str) -> Path:
    (tmp_path / "lab.smtp").write_text(text)
    capture = tmp_path / "lab.pcapng"
    done = run("convert", str(tmp_path / "lab.smtp"), str(capture))
    assert done.returncode == 0, done.stderr
    return capture


@pytest.mark.parametrize("name", SAMPLES)
def test_the_commands_and_codes_are_the_transcripts_and_nothing_is_wrong(tmp_path: Path, name: str) -> None:
    text, options = SAMPLES[name]
    capture = captured(tmp_path, text)
    assert dialogue(capture, *options) == words(text)
    assert wrong_packets(capture, *options) == []
    assert set(fields(capture, "imf", "imf.subject", *options)) == {"Lunch"}
    assert stat.S_IMODE(capture.stat().st_mode) == 0o600


@pytest.mark.parametrize(("version", "code"), [("TLSv1.2", "0x0303"), ("TLSv1.3", "0x0304")])
def test_the_handshake_is_one_of_the_transcripts_version(tmp_path: Path, version: str, code: str) -> None:
    capture = captured(tmp_path, in_tls(version, "ECDHE-RSA-AES128-GCM-SHA256"))
    hello = "tls.handshake.type == 2"
    found = fields(capture, hello, "tls.handshake.extensions.supported_version") or fields(
        capture, hello, "tls.handshake.version"
    )
    assert found == [code]
    assert fields(capture, "tls", "tls.handshake.extensions_server_name") == ["mail.example.com"]


def test_a_message_of_a_megabyte_is_put_together_again(tmp_path: Path) -> None:
    body = "".join(f"{number:08} {'x' * 67}\n" for number in range(14_000))
    (tmp_path / "big.eml").write_text(LETTER.replace("..\n", "") + body)
    for name, start in (("plain", transcript(GREETING)), ("tls", in_tls("TLSv1.3", "x", AGAIN))):
        folder = tmp_path / name
        folder.mkdir()
        (folder / "big.eml").write_bytes((tmp_path / "big.eml").read_bytes())
        text = start + re.sub(
            r"354 Go ahead\n.*C: \.\n", "354 Go ahead\n  1.06 C< big.eml\n", DELIVERY, flags=re.DOTALL
        )
        capture = captured(folder, text)
        assert dialogue(capture) == words(text.replace("C< big.eml", "C: ."))
        assert wrong_packets(capture) == []
        assert fields(capture, "imf", "imf.subject") == ["Lunch"]
        (shown,) = fields(capture, "imf", "smtp.data.reassembled.length")
        assert int(shown) == len((tmp_path / "big.eml").read_bytes()) + (tmp_path / "big.eml").read_text().count("\n")


@pytest.mark.parametrize("name", ["plain", "STARTTLS, TLS 1.3", "STARTTLS, TLS 1.2", "pipelined in TLS"])
def test_show_names_the_packets_that_wireshark_finds(tmp_path: Path, name: str) -> None:
    capture = captured(tmp_path, SAMPLES[name][0])
    shown = run("show", "--packets", str(tmp_path / "lab.smtp")).stdout.decode()
    wanted = re.findall(r"^ +(\d+)(?:-\d+)? +[\d.]+ .{4}C: ([A-Z]{4})", shown, re.MULTILINE)
    lines = tshark(capture, "-Y", "smtp.req.command", "-T", "fields", "-e", "frame.number", "-e", "smtp.req.command")
    assert wanted == [(number, word) for number, words in map(str.split, lines) for word in words.split(",")]


def test_the_times_are_the_transcripts(tmp_path: Path) -> None:
    capture = captured(tmp_path, SAMPLES["plain"][0])
    times = fields(capture, "smtp.req.command", "frame.time_relative")
    assert [round(float(each), 3) for each in times] == [0.022, 1.0, 1.02, 1.04, 2.0]
    (first,) = fields(capture, "frame.number == 1", "frame.time_epoch")
    assert float(first) == 1795339265  # Sun, 22 Nov 2026 10:21:05 +0100


def test_notes_are_comments_of_packets_and_the_file_says_what_it_is(tmp_path: Path) -> None:
    capture = captured(tmp_path, transcript(GREETING + "# why EHLO?\n" + DELIVERY))
    assert fields(capture, "frame.comment", "frame.comment") == ["why EHLO?"]
    assert b"SYNTHETIC: smtp-shell made this capture" in capture.read_bytes()


def test_the_end_is_the_transcripts(tmp_path: Path) -> None:
    ends = {"close server": ("25", "0"), "close": ("49153", "0"), "close reset": ("49153", "1")}
    for number, (event, (port, reset)) in enumerate(ends.items()):
        folder = tmp_path / str(number)
        folder.mkdir()
        capture = captured(folder, transcript(GREETING + f"1.0 *: {event}\n"))
        shown = "tcp.flags.fin == 1 || tcp.flags.reset == 1"
        assert fields(capture, shown, "tcp.srcport")[0] == port, event
        assert fields(capture, shown, "tcp.flags.reset")[0] == reset, event
        assert wrong_packets(capture) == []


def test_a_credential_is_never_in_it(tmp_path: Path) -> None:
    text = transcript(GREETING + "C: AUTH PLAIN AHN0dWRlbnQAY2FuYXJ5\nS: 235 ok\nC: QUIT\nS: 221 bye\n")
    capture = captured(tmp_path, text)
    octets = capture.read_bytes()
    assert b"AHN0dWRlbnQAY2FuYXJ5" not in octets
    assert b"AUTH PLAIN " + PLACEHOLDER in octets
    assert wrong_packets(capture) == []


@pytest.mark.parametrize("path", sorted(LESSONS.glob("*.smtp")), ids=lambda path: path.stem)
def test_nothing_is_wrong_in_the_capture_of_a_lesson(tmp_path: Path, path: Path) -> None:
    capture = tmp_path / "lesson.pcapng"
    assert run("convert", str(path), str(capture)).returncode == 0
    assert wrong_packets(capture) == []
    assert tshark(capture, "-Y", "smtp")


def test_a_script_without_replies_gets_its_tls_too(tmp_path: Path) -> None:
    capture = captured(tmp_path, "C: EHLO laptop.example\nC: STARTTLS\nC: EHLO laptop.example\nC: QUIT\n")
    assert dialogue(capture) == ["EHLO", "STAR", "220", "EHLO", "QUIT"]
    assert wrong_packets(capture) == []
