"""Profiles in the shell: taking one over for a connection, and going back to what there was before.

What a profile says holds for its own server only. Its password is not offered to another one.
"""

from __future__ import annotations

from contextlib import contextmanager
from typing import TYPE_CHECKING

from msgspec.structs import replace

from smtp_shell.net.settings import Words, with_proxy_password, with_words
from smtp_shell.shell.configured import Configured, profile_origin, with_profile
from smtp_shell.shell.settings import ProfileInUse

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from smtp_shell.client.credentials import CredentialSource
    from smtp_shell.configuration.profile import Profile
    from smtp_shell.net.settings import ConnectSettings
    from smtp_shell.net.target import Target
    from smtp_shell.shell.settings import ShellOptions
    from smtp_shell.shell.shell import Shell


def is_profile(shell: Shell, name: str) -> bool:
    """Return whether there is a profile of that name. A host of the same name is reached as smtp://NAME."""
    return shell.options.configuration is not None and name in shell.options.configuration.profiles


def use_profile(shell: Shell, name: str) -> Target:
    """Use what a profile says, in place of another one; what the command line and `/set` say stays.

    Args:
        shell: The shell.
        name: The profile's name.

    Returns:
        Its server.

    Raises:
        ConfigError: A value of it cannot be used, and nothing was changed.
        UsageError: There is no such profile.
    """
    configuration = shell.options.configuration
    assert configuration is not None
    profile = configuration.profile(name)
    leave_profile(shell)
    before = ProfileInUse(name, profile, shell.options, shell.settings, dict(shell.origins))
    found = with_profile(Configured(shell.settings, shell.origins), name, profile, configuration.folder)
    options = shell.options
    connection = _connection(options.connection, profile)
    shell.options = replace(
        options,
        credentials=_credentials(options.credentials, profile, configuration.folder),
        mechanism=options.mechanism or (profile.mechanism or "").upper(),
        connection=with_proxy_password(connection, shell.ask if options.interactive else None),
    )
    shell.change_settings(found.settings)
    shell.origins = found.origins
    shell.profile = before
    return profile.target


def leave_profile(shell: Shell) -> None:
    """Go back to what there was before a profile. What the user has changed with `/set` meanwhile stays."""
    before = shell.profile
    if before is None:
        return
    origin = profile_origin(before.name)
    theirs = [name for name, each in shell.origins.items() if each == origin]
    settings = replace(shell.settings, **{name: getattr(before.settings, name) for name in theirs})
    kept = {name: each for name, each in before.origins.items() if name in theirs}
    shell.origins = {name: each for name, each in shell.origins.items() if name not in theirs} | kept
    shell.options = _with_practice(before.options, shell.options)
    shell.profile = None
    shell.change_settings(settings)


def _with_practice(options: ShellOptions, now: ShellOptions) -> ShellOptions:
    """Return options of before with the practice server that runs now: it may have been started since."""
    return replace(options, practice=now.practice, inbox=now.inbox)


def profile_for(shell: Shell, target: Target) -> None:
    """Use the profile that a server was connected to with, before it is connected to again, or leave the one in use.

    Raises:
        ConfigError: A value of it cannot be used.
        UsageError: There is no such profile any more.
    """
    name = shell.known_as.get(target, "")
    if shell.profile is None or shell.profile.name != name:
        leave_profile(shell)
        if name:
            use_profile(shell, name)


def near_profile(shell: Shell, host: str) -> str:
    """Return the profile whose name is nearly that of a host that cannot be reached; empty for none."""
    if shell.options.configuration is None or "." in host or ":" in host:
        return ""
    from difflib import get_close_matches

    return next(iter(get_close_matches(host, shell.options.configuration.profiles, n=1, cutoff=0.6)), "")


@contextmanager
def undone_if_not_connected(shell: Shell) -> Iterator[None]:
    """Undo a change of the profile where the connection before is kept, so that no server is offered the password of another one."""
    session = shell.session
    before = shell.options, shell.settings, shell.origins, shell.profile
    try:
        yield
    except BaseException:  # Ctrl-C too
        if session is not None and session.is_open and shell.session is session:
            options, settings, shell.origins, shell.profile = before
            shell.options = _with_practice(options, shell.options)
            shell.change_settings(settings)
        raise


def _credentials(general: CredentialSource, profile: Profile, folder: Path) -> CredentialSource:
    netrc = folder / profile.netrc_file if profile.netrc_file else None
    return replace(
        general,
        user=general.user or profile.user or "",
        password_command=general.password_command or profile.password_command,
        token_command=general.token_command or profile.token_command,
        netrc=general.netrc or netrc,
        authzid=general.authzid or profile.authzid or "",
    )


def _connection(general: ConnectSettings, profile: Profile) -> ConnectSettings:
    return with_words(
        general,
        Words(
            profile.source if general.source is None and not general.source_port else None,
            profile.proxy if general.proxy is None else None,
        ),
    )
