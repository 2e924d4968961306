"""TLS settings checked before anything is connected to."""

from __future__ import annotations

from smtp_shell.config import TlsSettings, key_log_file


def check_tls(settings: TlsSettings) -> None:
    """Check the files, versions and ciphers that TLS settings name, before anything is connected to.

    Where they name none, nothing is loaded. Else the context is made that the handshake will use.

    Raises:
        ConfigError: One cannot be used; the message names it.
    """
    plain = TlsSettings(
        insecure=settings.insecure, pins=settings.pins, detailed=settings.detailed, place=settings.place
    )
    if settings == plain and key_log_file() is None:
        return
    from smtp_shell.net.tls_context import make_context

    make_context(settings)
