"""Whatever is in a log of a terminal or a server, or in a capture: it is read in bounded time, or refused with an error of ours."""

from __future__ import annotations

import io
import time
from pathlib import Path

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from smtp_shell.errors import TranscriptError
from smtp_shell.importers import dialects
from smtp_shell.importers.builder import StepBuilder
from smtp_shell.importers.dialect import Dialect
from smtp_shell.importers.lines import raw_lines, text_lines
from smtp_shell.importers.screen import shown
from smtp_shell.transcript.step import format_step
from tests.property.hostile import OCTETS
from tests.support.wire_packets import ETHERNET, RAW, SLL, SLL2, Wire, framed, ip, pcap, tcp

LOGS = Path(__file__).parent.parent / "unit" / "importers"
FORMS = [
    *("typescript", "putty", "s_client", "telnet", "nc", "socat", "postfix", "exim", "sendmail-x", "opensmtpd"),
    *("recordio", "haraka", "dovecot", "aiosmtpd", "exchange", "iis", "hmailserver", "mailenable", "follow"),
    *("tcpdump", "ngrep"),
]
SEEDS = {
    "typescript": ("terminals/typescript_basic.txt", "terminals/typescript_bash.txt"),
    "putty": ("terminals/typescript_auth.txt",),
    "s_client": ("terminals/s_client_auth.txt", "terminals/s_client_starttls_basic.txt"),
    "telnet": ("terminals/telnet_basic.txt", "terminals/telnet_brokendata.txt", "corpus/telnet_macos_wrap79.txt"),
    "nc": ("terminals/ncat_auth.txt",),
    "socat": ("terminals/socatv_basic.txt", "terminals/socatx_basic.txt"),
    "postfix": ("written/postfix.log",),
    "follow": ("captures/followa_basic.txt", "captures/followh_basic.txt", "captures/followy_basic.txt"),
    "tcpdump": ("captures/tcpdumpX_broken.txt", "captures/tcpdumpA_broken.txt"),
    "ngrep": ("captures/ngrep_basic.txt",),
}
PIECES = (
    b"220 hi ESMTP\n", b"250-a\n", b"250 b\n", b"354 go\n", b"334 \n", b"421 x\n", b"EHLO x\n", b"DATA\n", b".\n", b"QUIT\n",
    b"BDAT 99999999999 LAST\n", b"STARTTLS\n", b"AUTH PLAIN\n", b"CONNECTED(00000003)\n", b"---\n",
    b"DONE\n", b"Trying 1.1.1.1...\n",
    b"Connection closed by foreign host.\n", b"-----BEGIN CERTIFICATE-----\n", b"\x1b[", b"\x1b]0;", b"\x1b[99999C", b"\x08" * 50, b"\r",
    b"> 2026/01/01 00:00:00.0 length=1 from=0 to=1\n", b"A" * 300, b"[" * 200, b"0x" * 100, b'","' * 50, b"(b'" * 50,
    b"\\x" * 50, b"\n" * 3,
    b"\tFFFFFFFF  32 32 30\n", b"\t999999999\n", b"\xff\xfe", b"\0",
)  # fmt: skip
SECONDS = 20.0


def material(form: str) -> st.SearchStrategy[bytes]:
    """Return files of a form with pieces lost, doubled and put in, and such as nobody has written."""
    paths = SEEDS.get(form) or (f"written/{form}.log",)
    seeds = [(LOGS / path).read_bytes()[:20_000] for path in paths]
    lines = st.sampled_from(seeds).flatmap(lambda seed: st.lists(st.sampled_from(seed.splitlines(True)), max_size=60))
    junk = st.sampled_from(PIECES) | OCTETS
    mixed = st.lists(st.one_of(lines.map(b"".join), junk), max_size=12).map(b"".join)
    cut = st.tuples(st.sampled_from(seeds), st.integers(0, 20_000), junk, st.integers(0, 60)).map(
        lambda each: each[0][: each[1]] + each[2] + each[0][each[1] + each[3] :]
    )
    return mixed | cut


def check(dialect: Dialect, octets: bytes) -> None:
    """Read a file to its end, and write each of its steps."""
    began = time.monotonic()
    try:
        if dialect.parse_octets is not None:
            found = dialect.parse_octets(io.BytesIO(octets))
        else:
            assert dialect.parse is not None
            assert dialect.sniff is not None
            lines = [*text_lines(raw_lines(io.BytesIO(octets), ""), keeps_cr=dialect.keeps_cr)]
            assert 0 <= dialect.sniff(lines) <= 1
            found = dialect.parse(lines)
        size = 0
        for step in StepBuilder().build(found):
            text = format_step(step)
            assert text.isprintable() or not text.isascii()
            assert "\x1b" not in text
            size += len(text)
        assert size <= 400 * len(octets) + 20_000
    except TranscriptError:
        pass
    assert time.monotonic() - began < SECONDS


@pytest.mark.parametrize("form", FORMS)
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.too_slow, HealthCheck.data_too_large])
@given(data=st.data())
def test_a_log_is_read_whatever_is_in_it(form: str, data: st.DataObject) -> None:
    check(dialects()[form], data.draw(material(form)))


@settings(max_examples=200, deadline=None)
@given(st.text(alphabet=st.sampled_from("ab \b\x7f\r\x15\x1b[];0123456789CDGKPX@mHJ\x07\x9b\x00"), max_size=200))
def test_a_terminal_line_has_no_control_left_and_is_bounded(line: str) -> None:
    seen = shown(line)
    assert not any(char in seen for char in "\x1b\b\x7f\r\x9b\x00\x07")


FLAGS = st.integers(0, 63)
PACKETS = st.lists(
    st.one_of(
        st.binary(max_size=80),
        st.tuples(
            st.booleans(), st.integers(0, 2**32 - 1) | st.integers(990, 1_100), st.binary(max_size=40) | OCTETS, FLAGS
        ).map(
            lambda each: framed(
                ip("192.0.2.1", "192.0.2.25", tcp(50_000, 25, each[1], each[2], flags=each[3]))
                if each[0]
                else ip("192.0.2.25", "192.0.2.1", tcp(25, 50_000, each[1], each[2], flags=each[3]))
            )
        ),
    ),
    max_size=30,
)


@settings(max_examples=200, deadline=None)
@given(PACKETS, st.sampled_from([ETHERNET, RAW, SLL, SLL2, 0, 9, 999]), st.data())
def test_a_capture_is_read_whatever_is_in_it(packets: list[bytes], link: int, data: st.DataObject) -> None:
    begun = Wire(link=ETHERNET).open().server(b"220 hi ESMTP\r\n").client(b"EHLO x\r\n").packets
    octets = pcap([*begun, *packets], link)
    check(dialects()["pcap"], octets)
    at = data.draw(st.integers(0, len(octets)))
    check(dialects()["pcap"], octets[:at] + data.draw(st.binary(max_size=8)) + octets[at:])


@settings(max_examples=100, deadline=None)
@given(st.integers(0, 3_000), st.binary(max_size=30), st.integers(0, 12))
def test_a_pcapng_is_read_whatever_is_in_it(at: int, junk: bytes, lost: int) -> None:
    octets = (LOGS / "captures" / "pcapng_broken.pcapng").read_bytes()
    check(dialects()["pcapng"], octets[:at] + junk + octets[at + lost :])
