"""What a transcript is replayed against: what the user named, and only without that what the file names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtp_shell.errors import UsageError
from smtp_shell.net.target import UNIX, Target, Way, parse_target

if TYPE_CHECKING:
    from smtp_shell.replay.settings import ReplaySettings


def find_target(name: str, settings: ReplaySettings, address: str, *, tls: bool) -> Target:
    """Return what to connect to: what the user named, and only without that what the transcript names.

    Args:
        name: The transcript's name, escaped.
        settings: What the user named.
        address: The server that the transcript names; empty for none.
        tls: Whether the transcript begins with TLS.

    Raises:
        UsageError: There is no server, or the transcript names one that a file may not start.
    """
    if isinstance(settings.server, Target):
        return settings.server
    if settings.server is not None:
        bare = "://" not in settings.server and not settings.server.startswith(("pipe:", *UNIX))
        implicit = settings.tls or (tls and bare and not settings.starttls)
        return parse_target(settings.server, tls=implicit, starttls=settings.starttls)
    if not address:
        raise UsageError(f"{name} names no server; say where to replay it with {_server(settings, 'URL')}.")
    try:
        target = parse_target(address, tls=(tls or settings.tls) and not settings.starttls, starttls=settings.starttls)
    except UsageError as error:
        raise UsageError(f"{name} names a server that cannot be one: {error.message}") from None
    if target.way is not Way.TCP:
        raise UsageError(
            f"{name} was made with {target}, which a file may not start; name it with {_server(settings)}."
        )
    return target


def _server(settings: ReplaySettings, value: str = "") -> str:
    return settings.tls_settings.place.option("server", value)
