"""The key log of the user."""

import ssl
from pathlib import Path

import pytest

from smtp_shell.net.key_log import user_key_log
from smtp_shell.net.session_keys import SessionKeys


def test_only_the_log_that_the_user_named_is_one_of_the_users(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_CLIENT)
    SessionKeys().follow(context)
    assert user_key_log(context) == ""
    monkeypatch.setenv("SSLKEYLOGFILE", str(tmp_path / "keys.log"))
    assert user_key_log(context) == ""
    context.keylog_filename = str(tmp_path / "keys.log")
    assert user_key_log(context) == str(tmp_path / "keys.log")
