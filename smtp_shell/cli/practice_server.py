"""The practice server as a command or a shell starts it: what is kept from one run to the next, and what its user is told."""

from __future__ import annotations

from itertools import chain
from typing import TYPE_CHECKING

from msgspec.structs import replace

from smtp_shell.cli.first_start import PRACTICE_FOLDER, in_practice, is_first_practice
from smtp_shell.cli.listening import complain, from_elsewhere, kept_folder
from smtp_shell.config import key_log_file
from smtp_shell.protocol.octets import escape_str

if TYPE_CHECKING:
    from collections.abc import Iterator

    from smtp_shell.recording.capture import Capture
    from smtp_shell.servers.practice import PracticeServer, PracticeSettings

USER = "student"
"""Who may authenticate, unless --user says otherwise."""


def start_practice(at_prompt: bool) -> tuple[PracticeServer, Iterator[str]]:
    """Start a practice server for a shell that runs without one, and return it with what to tell its user.

    Args:
        at_prompt: Whether a user reads it, who is told what to try as well.

    Raises:
        ConnectFailed: No port of loopback can be listened on.
    """
    from smtp_shell.cli.watching import make_watch
    from smtp_shell.servers.practice import PracticeServer, PracticeSettings

    first = is_first_practice()
    settings, remark = with_what_is_kept(PracticeSettings(user=USER))
    server = PracticeServer(settings, make_watch(shows=False, keep=None, on_failure=complain))
    server.start()
    introduction = in_practice(first=first) if at_prompt else ()
    return server, chain((f"  {line}" for line in facts(server, None)), (remark,) if remark else (), introduction)


def with_what_is_kept(settings: PracticeSettings) -> tuple[PracticeSettings, str]:
    """Return settings with the password, the token and the folder that were kept, and a remark if nothing can be kept."""
    import os

    from smtp_shell.config import PASSWORD_VARIABLE
    from smtp_shell.errors import ConfigError
    from smtp_shell.private_files import private_folder, reason_of
    from smtp_shell.protocol.secret import Secret
    from smtp_shell.servers.passwords import keep_password, keep_token

    if given := os.environ.get(PASSWORD_VARIABLE):
        settings = replace(settings, password=Secret(given), password_shown=f"from {PASSWORD_VARIABLE}")
    folder, reason = kept_folder(PRACTICE_FOLDER)
    if folder is not None:
        try:
            password, token = settings.password or keep_password(folder), keep_token(folder)
            # A certificate for other names must not replace the one that clients on this machine trust.
            kept = private_folder(folder / "network") if settings.anywhere else folder
            return replace(settings, password=password, token=token, kept=kept), ""
        except OSError as error:
            reason = f"{escape_str(str(folder))} cannot be used: {reason_of(error)}."
        except ConfigError as error:
            reason = error.message
    return settings, f"Password and certificate are for this run only: {reason}"


def facts(server: PracticeServer, capture: Capture | None) -> Iterator[str]:
    """Yield the address at once, and each other fact as soon as the server knows it: the certificate takes a while."""
    yield from _address(server)
    yield f"user             {escape_str(server.user)}"
    yield f"password         {server.shown_password}"
    yield f"token            {server.token.reveal()} (for XOAUTH2, OAUTHBEARER)"
    yield f"certificate      {escape_str(str(server.ca_file))}"
    yield f"mail goes to     {escape_str(str(server.maildir))}"
    if (key_log := key_log_file()) is not None:
        yield f"keys of TLS to   {escape_str(str(key_log))} (SSLKEYLOGFILE): whoever reads it can decrypt the connections"
    if capture is not None:
        from smtp_shell.export.wireshark import decode_as_advice
        from smtp_shell.recording.capture import WARNING

        yield f"captured to      {escape_str(str(capture.path))}: {WARNING}"
        if advice := decode_as_advice(server.port):
            yield f"in Wireshark     {advice}"


def _address(server: PracticeServer) -> Iterator[str]:
    if not server.is_open_to_all:
        yield f"practice server  {server.host}:{server.port} (this machine only)"
    else:
        yield f"practice server  {server.host}:{server.port}"
        yield f"another machine  {from_elsewhere(server.reachable, server.port)}"
        yield "WARNING          whoever reaches this machine can connect; Ctrl-C ends it"
    if server.offers_auth_in_clear:
        yield "WARNING          AUTH is offered without TLS: base64 hides nothing, whoever listens reads the password"
