"""The mock server: the server's side of a transcript, for the client under test to talk to.

`compiling` makes a script of the transcript, `dialogue` holds the dialogue with one client (no socket, no clock), `wire` puts TLS in
between, `connection` and `server` do it on asyncio, `results` has what differed.
"""

from __future__ import annotations

from smtp_shell.servers.mock.comparing import ClientMatch
from smtp_shell.servers.mock.compiling import compile_script
from smtp_shell.servers.mock.results import Difference, Kind, ServedSession
from smtp_shell.servers.mock.server import MockServer
from smtp_shell.servers.mock.settings import Extra, MockSettings

__all__ = [
    "ClientMatch",
    "Difference",
    "Extra",
    "Kind",
    "MockServer",
    "MockSettings",
    "ServedSession",
    "compile_script",
]
