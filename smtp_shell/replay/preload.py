"""What a replay will need, loaded while it waits for replies."""

from __future__ import annotations

from contextlib import suppress
from functools import partial
from typing import TYPE_CHECKING

from smtp_shell.errors import ConfigError

if TYPE_CHECKING:
    from collections.abc import Callable

    from smtp_shell.config import TlsSettings
    from smtp_shell.replay.plan import ReplayPlan
    from smtp_shell.replay.settings import ReplaySettings


def preloads(settings: ReplaySettings, checked: ReplayPlan) -> list[Callable[[], object]]:
    """Return what a replay will need, to be loaded while it waits; the last comes first.

    It is worth a tenth of a whole process with STARTTLS and AUTH.
    """
    if not settings.preloads:
        return []
    found: list[Callable[[], object]] = []
    if checked.uses_sasl:
        found.append(_load_authentication)
    if checked.starts_tls:
        found.append(partial(_make_tls_context, settings.tls_settings))
    return found


def _make_tls_context(settings: TlsSettings) -> None:
    from smtp_shell.net.tls_context import make_context

    with suppress(ConfigError):  # it is reported where TLS is to start
        make_context(settings)


def _load_authentication() -> None:
    import smtp_shell.client.authentication  # noqa: F401
