"""Settings from the environment: `SMTP_SHELL_THEME` is the setting `theme`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

PREFIX: Final = "SMTP_SHELL_"
_OTHERS: Final = ("CONFIG", "CONFIG_DIR", "STATE_DIR", "PASSWORD", "PROXY_PASSWORD")
"""Variables of smtp-shell that are no settings."""


def variable(name: str) -> str:
    """Return the variable of a setting, given its name with `_` or `-`."""
    return f"{PREFIX}{name.replace('-', '_').upper()}"


def environment_settings(names: Collection[str], environ: Mapping[str, str]) -> dict[str, str]:
    """Return the settings that the environment names. One that is empty says nothing.

    Args:
        names: The settings that there are, as fields.
        environ: The environment.
    """
    return {name: text for name in names if (text := environ.get(variable(name), ""))}


def unknown_variables(names: Collection[str], environ: Mapping[str, str]) -> list[str]:
    """Return the variables that begin as ours do and mean nothing.

    Args:
        names: The settings that there are, as fields.
        environ: The environment.
    """
    known = {variable(name) for name in (*names, *_OTHERS)}
    return sorted(name for name in environ if name.startswith(PREFIX) and name not in known)
