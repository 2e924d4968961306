"""Captures of live connections, without a connection."""

import io
import sys
import time
from pathlib import Path

import pytest

from smtp_shell.errors import UsageError
from smtp_shell.net.tap import Place
from smtp_shell.recording.capture import Capture
from smtp_shell.recording.live import insert_secrets
from tests.support.pcapng import Read, read

CLIENT, SERVER = ("127.0.0.1", 40_000), ("127.0.0.1", 587)


def captured(path: Path) -> Read:
    return read(path.read_bytes())


def test_what_is_there_is_never_replaced(tmp_path: Path) -> None:
    (tmp_path / "x.pcapng").write_text("mine")
    with pytest.raises(UsageError, match="is there already and is left as it is; choose another name"):
        Capture.create(tmp_path / "x.pcapng")
    with pytest.raises(UsageError, match="cannot be created: there is no such file; choose another place"):
        Capture.create(tmp_path / "none" / "x.pcapng")
    with pytest.raises(UsageError, match="is no file name"):
        Capture.create(Path("a\0b"))


def test_it_is_written_although_nothing_more_happens(tmp_path: Path) -> None:
    capture = Capture.create(tmp_path / "x.pcapng")
    capture.begin(CLIENT, SERVER, opened=True).sent(b"EHLO x\r\n")
    deadline = time.monotonic() + 10
    while captured(capture.path).sent(by_client=True) != b"EHLO x\r\n":
        assert time.monotonic() < deadline
    capture.close()
    capture.close()


@pytest.mark.parametrize(("client", "server"), [(None, None), (CLIENT, None), (("::1", 1), SERVER), (("x", 1), SERVER)])
def test_ends_without_an_address_get_one(tmp_path: Path, client: Place, server: Place) -> None:
    capture = Capture.create(tmp_path / "x.pcapng")
    capture.begin(client, server, opened=True).received(b"220 x\r\n")
    capture.close()
    found = captured(capture.path)
    assert next(iter(found.directions))[2:] == (bytes([192, 0, 2, 25]), 25)


def test_a_handshake_whose_keys_never_come_is_written_all_the_same(tmp_path: Path) -> None:
    capture = Capture.create(tmp_path / "x.pcapng")
    tap = capture.begin(CLIENT, SERVER, opened=True)
    hello = b"\x16\x03\x01" + bytes(60)
    tap.sent(hello[:20])
    tap.sent(hello[20:])
    tap.received(b"\x15\x03\x03\0\2\2\x28")
    capture.flush()
    assert captured(capture.path).packets == 3
    tap.ended(by_client=False, reset=True)
    capture.flush()
    assert captured(capture.path).sent(by_client=True) == hello
    capture.close()


def test_memory_is_bounded_while_nobody_waits(tmp_path: Path) -> None:
    capture = Capture.create(tmp_path / "x.pcapng")
    tap = capture.begin(CLIENT, SERVER, opened=True)
    tap.sent(bytes(300_000))
    assert captured(capture.path).sent(by_client=True) == bytes(300_000)
    capture.close()


def test_keys_are_put_before_the_packets(tmp_path: Path) -> None:
    path = tmp_path / "x.pcapng"
    capture = Capture.create(path)
    capture.begin(CLIENT, SERVER, opened=True)
    capture.close()
    before = captured(path)
    insert_secrets(path, b"CLIENT_RANDOM 00 00\n")
    after = captured(path)
    assert (after.secrets, after.packets) == ([b"CLIENT_RANDOM 00 00\n"], before.packets)
    assert list(tmp_path.iterdir()) == [path]


def test_another_file_is_left_as_it_is(tmp_path: Path) -> None:
    path = tmp_path / "x.pcapng"
    path.write_bytes(b"none" * 20)
    with pytest.raises(OSError, match="it is no pcapng file"):
        insert_secrets(path, b"x")
    assert path.read_bytes() == b"none" * 20
    assert list(tmp_path.iterdir()) == [path]


@pytest.mark.skipif(sys.platform == "win32", reason="needs a limit of the size of files")
def test_a_capture_whose_first_block_does_not_fit_is_not_there(tmp_path: Path) -> None:
    import resource

    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (200, before[1]))
    try:
        with pytest.raises(UsageError, match=r"x.pcapng cannot be created: file too large; choose another place\."):
            Capture.create(tmp_path / "x.pcapng")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)
    assert not [*tmp_path.iterdir()]
    Capture.create(tmp_path / "x.pcapng").close()


def test_a_file_that_cannot_be_written_to_stops_the_capture_once() -> None:
    heard: list[str] = []

    class Full(io.BytesIO):
        def flush(self) -> None:
            raise OSError(28, "No space left on device")

    capture = Capture(Path("x.pcapng"), Full(), on_failure=heard.append)
    tap = capture.begin(CLIENT, SERVER, opened=True)
    tap.sent(b"x")
    capture.flush()
    tap.sent(b"y")
    capture.close()
    assert heard == ["the capture x.pcapng has stopped: no space left on device; what follows is not captured."]
