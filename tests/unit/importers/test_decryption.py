from __future__ import annotations

import ssl
from contextlib import suppress
from pathlib import Path

import pytest
import trustme

from smtp_shell.importers.decryption import Decryption, KeyLog, Undecipherable
from smtp_shell.transcript.reader import open_transcript
from tests.support.foreign_text import lines_of, records

TALK = [(False, b"220 hi\r\n"), (True, b"EHLO x\r\n"), (False, b"250 " + b"x" * 40_000 + b"\r\n"), (True, b"QUIT\r\n")]


class Pair:
    """Both ends of a TLS connection in memory, and what each has put on the wire."""

    def __init__(self, folder: Path, version: ssl.TLSVersion, cipher: str) -> None:
        client, server = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT), ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        client.check_hostname = False
        client.verify_mode = ssl.CERT_NONE
        client.minimum_version = client.maximum_version = version
        if cipher:
            client.set_ciphers(cipher)
        self.log = folder / "keys"
        client.keylog_filename = str(self.log)
        trustme.CA().issue_cert("mail.example.com").configure_cert(server)
        inbound, outbound = ssl.MemoryBIO(), ssl.MemoryBIO()
        self.bios = {True: outbound, False: inbound}
        self.ends = {True: client.wrap_bio(inbound, outbound), False: server.wrap_bio(outbound, inbound, True)}
        self.wire: list[tuple[bool, bytes]] = []
        self._copies = {True: ssl.MemoryBIO(), False: ssl.MemoryBIO()}
        # What an end writes is noted on its way to the other one.
        self.ends[True] = client.wrap_bio(self._copies[False], outbound)
        self.ends[False] = server.wrap_bio(self._copies[True], inbound, True)

    def pump(self) -> None:
        for by_client in (True, False):
            octets = self.bios[by_client].read()
            if octets:
                self.wire.append((by_client, octets))
                self._copies[by_client].write(octets)

    def handshake(self) -> None:
        for _ in range(6):
            for end in self.ends.values():
                with suppress(ssl.SSLWantReadError):
                    end.do_handshake()
                self.pump()

    def say(self, by_client: bool, octets: bytes) -> None:
        self.ends[by_client].write(octets)
        self.pump()
        assert self.ends[not by_client].read(100_000)


@pytest.fixture(
    params=[
        (ssl.TLSVersion.TLSv1_3, ""),
        (ssl.TLSVersion.TLSv1_2, "ECDHE-RSA-AES128-GCM-SHA256:ECDHE-ECDSA-AES128-GCM-SHA256"),
        (ssl.TLSVersion.TLSv1_2, "ECDHE-RSA-AES256-GCM-SHA384:ECDHE-ECDSA-AES256-GCM-SHA384"),
        (ssl.TLSVersion.TLSv1_2, "ECDHE-RSA-CHACHA20-POLY1305:ECDHE-ECDSA-CHACHA20-POLY1305"),
    ],
    ids=["1.3", "1.2 AES 128", "1.2 AES 256", "1.2 ChaCha20"],
)
def pair(request: pytest.FixtureRequest, tmp_path: Path) -> Pair:
    made = Pair(tmp_path, *request.param)
    made.handshake()
    for by_client, octets in TALK:
        made.say(by_client, octets)
    return made


def decrypted(pair: Pair, size: int) -> dict[bool, bytes]:
    keys = KeyLog()
    keys.add(pair.log.read_bytes())
    decryption = Decryption(keys.of(pair.wire[0][1]))
    said = {True: b"", False: b""}
    for by_client, octets in pair.wire:
        for start in range(0, len(octets), size):
            said[by_client] += decryption.add(octets[start : start + size], by_client=by_client)
    assert decryption.words.startswith("TLSv1.")
    return said


@pytest.mark.parametrize("size", [100_000, 1_000, 7])
def test_what_was_said_is_decrypted_in_any_pieces(pair: Pair, size: int) -> None:
    assert decrypted(pair, size) == {side: b"".join(said for by, said in TALK if by is side) for side in (True, False)}


def test_keys_of_another_connection_do_not_fit(pair: Pair) -> None:
    keys = KeyLog()
    keys.add(pair.log.read_bytes())
    secrets = {label: bytes(len(secret)) for label, secret in keys.of(pair.wire[0][1]).items()}
    decryption = Decryption(secrets)

    def all_of_it() -> None:
        for by_client, octets in pair.wire:
            decryption.add(octets, by_client=by_client)

    with pytest.raises(Undecipherable):
        all_of_it()


def test_no_keys_are_in_a_repr(pair: Pair) -> None:
    keys = KeyLog()
    keys.add(pair.log.read_bytes())
    secret = pair.log.read_text().split()[-1]
    assert secret not in repr(keys)
    assert secret not in repr(Decryption(keys.of(pair.wire[0][1])))


def test_our_own_capture_of_tls_from_the_first_octet_comes_back(tmp_path: Path) -> None:
    from smtp_shell.export.synthetic import write_pcapng
    from smtp_shell.recording.decoder import entries

    path, capture = tmp_path / "a.smtp", tmp_path / "a.pcapng"
    path.write_text(
        "*: connect mail.example.com:465 tls\n*: tls TLSv1.3 TLS_AES_256_GCM_SHA384\nS: 220 hi ESMTP\nC: EHLO x\nS: 250 ok\n"
        "C: QUIT\nS: 221 bye\n*: close server\n"
    )
    with open_transcript(path) as reader, capture.open("wb") as out:
        write_pcapng(entries(reader, tmp_path, reader.header), out, "x")
    said = lines_of(records(capture.read_bytes(), "pcapng"))
    assert said[0].endswith(":465 tls")
    assert said[1].startswith("*: tls TLSv1.3")
    assert said[2:-1] == ["S: 220 hi ESMTP", "C: EHLO x", "S: 250 ok", "C: QUIT", "S: 221 bye"]
