"""What a transcript is replayed against: the user's word precedes the file's."""

from __future__ import annotations

import pytest

from smtp_shell.config import Place, TlsSettings
from smtp_shell.errors import UsageError
from smtp_shell.net.target import Target, Way
from smtp_shell.replay.settings import ReplaySettings
from smtp_shell.replay.targets import find_target

GIVEN = Target(Way.TCP, "given.example", 26)


@pytest.mark.parametrize(
    ("server", "options", "address", "file_tls", "host", "port", "tls", "starttls"),
    [
        (GIVEN, {}, "a.example:25", True, "given.example", 26, False, False),
        ("b.example", {}, "a.example:25", False, "b.example", 25, False, False),
        ("b.example:2525", {}, "a.example:25", True, "b.example", 2525, True, False),
        ("b.example:2525", {"starttls": True}, "a.example:25", True, "b.example", 2525, False, True),
        ("b.example:2525", {"tls": True}, "a.example:25", False, "b.example", 2525, True, False),
        ("smtp://b.example:2525", {}, "a.example:25", True, "b.example", 2525, False, False),
        ("smtps://b.example:2525", {}, "", False, "b.example", 2525, True, False),
        (None, {}, "a.example:2526", False, "a.example", 2526, False, False),
        (None, {}, "a.example:2526", True, "a.example", 2526, True, False),
        (None, {"tls": True}, "a.example:2526", False, "a.example", 2526, True, False),
        (None, {"starttls": True}, "a.example:2526", False, "a.example", 2526, False, True),
        (None, {"starttls": True}, "a.example:2526", True, "a.example", 2526, False, True),
    ],
)
def test_where_a_replay_goes(
    server: str | Target | None,
    options: dict[str, bool],
    address: str,
    file_tls: bool,
    host: str,
    port: int,
    tls: bool,
    starttls: bool,
) -> None:
    settings = ReplaySettings(server=server, tls="tls" in options, starttls="starttls" in options)
    found = find_target("x.smtp", settings, address, tls=file_tls)
    assert (found.host, found.port, found.tls, found.starttls) == (host, port, tls, starttls)


@pytest.mark.parametrize("server", ["pipe:cat", "lmtp+unix:/tmp/x", "smtp+unix:/tmp/x"])
def test_tls_of_the_file_is_not_for_what_has_none(server: str) -> None:
    found = find_target("x.smtp", ReplaySettings(server=server), "a.example:25", tls=True)
    assert not found.tls
    assert found.way is not Way.TCP


@pytest.mark.parametrize(
    ("place", "address", "message"),
    [
        (Place.COMMAND_LINE, "", "x.smtp names no server; say where to replay it with --server URL."),
        (
            Place.COMMAND_LINE,
            "pipe:true",
            "x.smtp was made with pipe:true, which a file may not start; name it with --server.",
        ),
        (
            Place.COMMAND_LINE,
            "a.example:99999",
            "x.smtp names a server that cannot be one: ",
        ),
    ],
)
def test_a_server_of_the_file_that_cannot_be_used_is_refused(place: Place, address: str, message: str) -> None:
    settings = ReplaySettings(tls_settings=TlsSettings(place=place))
    with pytest.raises(UsageError) as raised:
        find_target("x.smtp", settings, address, tls=False)
    assert raised.value.message.startswith(message)
