"""The key log of the user."""

import errno
import gc
import os
import ssl
from pathlib import Path

import pytest

from smtp_shell.net.key_log import user_key_log
from smtp_shell.net.memory_key_log import log_in_memory, logged_in_memory
from smtp_shell.net.session_keys import SessionKeys


def test_only_the_log_that_the_user_named_is_one_of_the_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    SessionKeys().follow(context)
    assert user_key_log(context) == ""
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys.log"))
    assert user_key_log(context) == ""
    context.keylog_filename = str(tmp_path / "keys.log")
    assert user_key_log(context) == str(tmp_path / "keys.log")


def test_a_system_without_room_for_a_log_in_memory_goes_without(
    monkeypatch: pytest.MonkeyPatch, recwarn: pytest.WarningsRecorder
) -> None:
    def refuse(*args: object) -> None:
        raise OSError(errno.EMFILE, "Too many open files")

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    monkeypatch.setattr(os, "memfd_create", refuse, raising=False)
    log_in_memory(context)
    gc.collect()
    assert logged_in_memory(context) is None
    assert not recwarn.list, "freeing the log that was not made raised"


@pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="only Linux has files in memory")
def test_a_log_in_memory_that_cannot_be_read_is_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*args: object) -> None:
        raise OSError(errno.EIO, "Input/output error")

    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    log_in_memory(context)
    with monkeypatch.context() as patched:
        patched.setattr(os, "fstat", refuse)
        octets = logged_in_memory(context)
    assert octets == b""


@pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="this system keeps no files in memory")
def test_a_log_in_memory_whose_descriptor_cannot_be_closed_leaves_no_traceback(
    monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def close(descriptor: int) -> None:
        real(descriptor)
        raise OSError(errno.EIO, os.strerror(errno.EIO))

    real = os.close
    context = ssl.create_default_context()
    log_in_memory(context)
    with monkeypatch.context() as patched:
        patched.setattr(os, "close", close)
        del context
        gc.collect()
    assert capfd.readouterr() == ("", "")
