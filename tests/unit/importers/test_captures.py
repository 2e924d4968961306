from __future__ import annotations

import io
import itertools
import json
import random
from pathlib import Path

import pytest

from smtp_shell.errors import TranscriptError
from smtp_shell.export.json_lines import write_json
from smtp_shell.export.synthetic import write_pcapng
from smtp_shell.recording.decoder import entries
from smtp_shell.transcript.reader import open_transcript
from tests.support.foreign_text import lines_of, records, taken_for
from tests.support.wire_packets import ETHERNET, LOOP, NULL, RAW, SLL, SLL2, Wire, pcap

TRANSCRIPTS = Path(__file__).parents[3] / "transcripts"
SAID = [
    "*: connect 192.0.2.25:25",
    "S: 220 mail.example.com ESMTP",
    "C: EHLO client.example.org",
    "S: 250-mail.example.com",
    "S: 250 SIZE 1000",
    "C: QUIT",
    "S: 221 bye",
    "*: close server",
]


def talk(wire: Wire) -> Wire:
    """Have a short dialogue."""
    wire.server(b"220 mail.example.com ESMTP\r\n").client(b"EHLO client.example.org\r\n")
    wire.server(b"250-mail.example.com\r\n250 SIZE 1000\r\n").client(b"QUIT\r\n").server(b"221 bye\r\n")
    return wire.close(by_client=False)


def said(packets: list[bytes], link: int = ETHERNET, *, notes: bool = False) -> list[str]:
    return lines_of(records(pcap(packets, link), "pcap"), notes=notes)


@pytest.mark.parametrize("link", [ETHERNET, NULL, LOOP, RAW, SLL, SLL2])
@pytest.mark.parametrize(("order", "nano"), [("<", False), (">", False), ("<", True)])
def test_every_link_and_form_of_pcap_is_read(link: int, order: str, nano: bool) -> None:
    capture = pcap(talk(Wire(link).open()).packets, link, order=order, nano=nano)
    assert taken_for(capture) == "pcap"
    found = records(capture, "pcap")
    assert lines_of(found) == SAID
    times = [record.at for record in found if record.at is not None]
    assert times == sorted(times)
    assert times[-1] - times[0] == pytest.approx(0.5, abs=0.01)


def test_vlans_and_ipv6_are_read() -> None:
    assert said(talk(Wire(vlan=True).open()).packets) == SAID
    six = Wire(client=("2001:db8::1", 50_000), server=("2001:db8::25", 2525)).open()
    assert said(talk(six).packets) == ["*: connect [2001:db8::25]:2525", *SAID[1:]]


@pytest.mark.parametrize("start", [1_000, 2**32 - 40, 2**31 - 30])
def test_segments_may_come_twice_and_out_of_order(start: int) -> None:
    packets = talk(Wire(start=start).open()).packets
    assert said([packet for packet in packets for _ in range(2)]) == SAID
    wire = Wire(start=start).open().server(b"220 mail.example.com ESMTP\r\n")
    for part in (b"EHLO cl", b"ient.ex", b"ample.org\r\n"):
        wire.client(part)
    wire.server(b"250-mail.example.com\r\n250 SIZE 1000\r\n").client(b"QUIT\r\n").server(b"221 bye\r\n")
    head, parts, tail = wire.packets[:4], wire.packets[4:7], wire.close(by_client=False).packets[7:]
    for order in itertools.permutations(parts):
        assert said([*head, *order, *tail]) == SAID


def test_a_connection_whose_beginning_is_missing_is_read_from_there_on() -> None:
    found = said(talk(Wire().open()).packets[3:], notes=True)
    assert [line for line in found if not line.startswith("#")] == SAID
    assert "# the capture begins within this connection" in found


def test_a_lost_segment_is_a_note_with_its_size() -> None:
    packets = talk(Wire().open()).packets
    del packets[4]  # EHLO
    found = said(packets, notes=True)
    assert "# the capture lacks 25 octets of the client here" in found
    assert "C: QUIT" in found


def test_two_connections_stand_one_after_the_other() -> None:
    one = talk(Wire().open()).packets
    two = talk(Wire(client=("192.0.2.2", 50_001), server=("192.0.2.26", 2525)).open()).packets
    mixed = [packet for pair in zip(one, two, strict=True) for packet in pair]
    assert said(mixed) == [*SAID, "*: connect 192.0.2.26:2525", *SAID[1:]]


def test_what_is_no_smtp_is_left_out() -> None:
    web = Wire(server=("192.0.2.80", 80)).open().client(b"GET / HTTP/1.1\r\n\r\n").server(b"HTTP/1.1 200 OK\r\n\r\n")
    files = (
        Wire(server=("192.0.2.21", 21))
        .open()
        .server(b"220 FTP ready\r\n")
        .client(b"USER ann\r\n")
        .server(b"331 go\r\n")
    )
    mailbox = Wire(server=("192.0.2.110", 110)).open().server(b"+OK ready\r\n").client(b"QUIT\r\n")
    packets = [*web.close().packets, *files.close().packets, *mailbox.close().packets, *talk(Wire().open()).packets]
    assert said(packets) == SAID


def test_mail_data_and_chunks_are_read_by_what_they_are() -> None:
    wire = Wire().open().server(b"220 hi ESMTP\r\n").client(b"DATA\r\n").server(b"354 go\r\n")
    wire.client(b"Subject: x\r\n\r\n250 no reply\r\nBDAT 100\r\n.\r\nBDAT 10 LAST\r\n").client(
        b"EHLO x\r\n\r\nQUIT\r\n"
    )
    wire.server(b"250 one\r\n250 two\r\n221 bye\r\n")
    assert said(wire.close().packets) == [
        "*: connect 192.0.2.25:25",
        "S: 220 hi ESMTP",
        "C: DATA",
        "S: 354 go",
        "C: Subject: x",
        "C:",
        "C: 250 no reply",
        "C: BDAT 100",
        "C: .",
        "C: BDAT 10 LAST",
        r"C| EHLO x\x0d\x0a\x0d\x0a",
        "C: QUIT",
        "S: 250 one",
        "S: 250 two",
        "S: 221 bye",
        "*: close",
    ]


def test_a_bare_lf_and_a_cut_line_are_octets() -> None:
    wire = Wire().open().server(b"220 hi ESMTP\n").client(b"EHLO x\r\n").server(b"250 ok\r\n").client(b"NOO")
    assert said(wire.reset().packets) == [
        "*: connect 192.0.2.25:25",
        r"S| 220 hi ESMTP\x0a",
        "C: EHLO x",
        "S: 250 ok",
        "C| NOO",
        "*: close",
    ]


def test_what_is_encrypted_is_a_note_with_its_size() -> None:
    wire = Wire().open().server(b"220 hi ESMTP\r\n").client(b"STARTTLS\r\n").server(b"220 go\r\n")
    wire.client(b"\x16\x03\x01" + bytes(100)).server(b"\x16\x03\x03\x00\x02\x02\x00").client(bytes(10))
    found = said(wire.close().packets, notes=True)
    assert any("113 octets of the client and 7 of the server" in line for line in found)
    assert [line for line in found if line.startswith("C")] == ["C: STARTTLS"]


def test_a_capture_of_nothing_but_tls_says_so() -> None:
    wire = Wire(server=("192.0.2.1", 8443)).open().client(b"\x16\x03\x01" + bytes(100)).server(bytes(100)).close()
    with pytest.raises(TranscriptError, match="encrypted from its first octet"):
        records(pcap(wire.packets), "pcap")


def test_a_cut_capture_is_read_up_to_its_end() -> None:
    capture = pcap(talk(Wire().open()).packets)
    for end in range(24, len(capture), 7):
        found = lines_of(records(capture[:end], "pcap")) if end > 100 else []
        whole = [line for line in found if not line.startswith("*")]
        assert whole == [line for line in SAID if not line.startswith("*")][: len(whole)]


def test_a_packet_longer_than_any_is_an_error_and_no_allocation() -> None:
    with pytest.raises(TranscriptError, match="longer than any"):
        records(pcap([])[:24] + b"\xff" * 16 + b"x", "pcap")


def test_a_conversation_in_any_segments_is_the_same() -> None:
    chance = random.Random(13)
    client = [b"EHLO client.example.org\r\n", b"QUIT\r\n"]
    server = [b"220 mail.example.com ESMTP\r\n", b"250-mail.example.com\r\n250 SIZE 1000\r\n", b"221 bye\r\n"]
    for _ in range(50):
        wire = Wire().open()
        for index, reply in enumerate(server):
            for octets, send in ((reply, wire.server), (client[index] if index < 2 else b"", wire.client)):
                while octets:
                    size = chance.randint(1, len(octets))
                    send(octets[:size])
                    octets = octets[size:]
        assert said(wire.close(by_client=False).packets) == SAID


@pytest.mark.parametrize(
    "name",
    [
        "01-plain-delivery",
        "02-starttls",
        "03-auth-login",
        "04-auth-plain",
        "05-refused-relaying",
        "06-wrong-order",
        "07-multi-line-ehlo",
        "09-pipelining",
        "13-greylisting",
    ],
)
def test_our_own_capture_of_a_transcript_is_the_same_dialogue(name: str, tmp_path: Path) -> None:
    path, capture = TRANSCRIPTS / f"{name}.smtp", tmp_path / "x.pcapng"
    with open_transcript(path) as reader, capture.open("wb") as out:
        write_pcapng(entries(reader, path.parent, reader.header), out, "x")
    assert dialogue(capture) == dialogue(path)


def dialogue(path: Path) -> list[dict[str, object]]:
    out = io.StringIO()
    with open_transcript(path) as reader:
        write_json(entries(reader, path.parent, reader.header), out, "")
    steps = [json.loads(line) for line in out.getvalue().splitlines()]
    kept = ("dir", "text", "code", "data", "phase")
    return [{key: step[key] for key in kept if key in step} for step in steps if step["dir"] in ("C", "S")]
