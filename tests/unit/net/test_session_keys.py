"""The keys of TLS for a capture."""

import os
import ssl
import tempfile
from pathlib import Path

import pytest

from smtp_shell.net.session_keys import SessionKeys, are_complete, lines_with
from smtp_shell.net.tls_pair import TlsPair


@pytest.mark.parametrize("version", ["TLSv1.2", "TLSv1.3"])
def test_the_keys_of_one_connection_are_found_and_the_file_has_no_name(
    version: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(tempfile, "tempdir", str(tmp_path))
    pair = TlsPair(version, "", "mail.example")
    flights = pair.handshake()
    assert are_complete(pair.keys)
    assert {line.split()[1] for line in pair.keys.splitlines()} == {flights[0][1][11:43].hex().encode()}
    if os.name != "nt":
        assert list(tmp_path.iterdir()) == []


def test_without_keys_nothing_is_found_and_nothing_is_complete() -> None:
    keys = SessionKeys()
    keys.follow(ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT))
    assert keys.find(bytes(32)) == b""
    assert not are_complete(b"")
    assert not are_complete(b"CLIENT_TRAFFIC_SECRET_0 00 00\n")
    keys.close()
    assert keys.find(bytes(32)) == b""


def test_a_line_that_is_none_of_a_key_log_is_left_out(tmp_path: Path) -> None:
    log = tmp_path / "keys.log"
    random = bytes(range(32))
    good = b"CLIENT_RANDOM " + random.hex().encode() + b" " + b"ab" * 48
    log.write_bytes(
        b"# x "
        + random.hex().encode()
        + b"\n"
        + good
        + b"\r\nPASSWORD "
        + random.hex().encode()
        + b" cd\n"
        + good
        + b"\n"
    )
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    context.keylog_filename = str(log)
    keys = SessionKeys()
    keys.follow(context)
    assert keys.find(random) == good + b"\n"


@pytest.mark.parametrize("wanted", [b"ab", b"b a", b"x", b"", b"last"])
@pytest.mark.parametrize("end", [b"", b"\n", b"\r\n"])
@pytest.mark.parametrize("begins", [b"", b"\n", b"cut off ab\n"])
def test_the_lines_with_some_octets_are_those_that_a_split_into_lines_finds(
    wanted: bytes, end: bytes, begins: bytes
) -> None:
    log = begins + b"ab ab\n\nno\nb a ab \r\nab\nlast" + end
    expected = [line.rstrip() for line in log.split(b"\n") if wanted in line]
    assert [*filter(None, lines_with(log, wanted))] == [*filter(None, expected)]
