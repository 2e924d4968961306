"""What the shell is told: once, when it starts (`ShellOptions`), and by `/set` while it runs (`ShellSettings`)."""

from __future__ import annotations

import re
from collections.abc import Callable, Collection, Iterable, Mapping
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Annotated, get_type_hints

from msgspec import Struct, field
from msgspec.structs import replace

from smtp_shell.client.credentials import CredentialSource
from smtp_shell.config import Place, TlsSettings, user_path
from smtp_shell.display.themes import AUTO, THEMES
from smtp_shell.errors import UsageError
from smtp_shell.figures import plain
from smtp_shell.net.settings import ConnectSettings
from smtp_shell.protocol.commands import refuse_line_breaks
from smtp_shell.protocol.maildata import PIECE
from smtp_shell.protocol.octets import escape_str

if TYPE_CHECKING:
    from smtp_shell.client.session import Session
    from smtp_shell.configuration import Configuration
    from smtp_shell.configuration.profile import Profile
    from smtp_shell.net.mta_sts import PolicyServer
    from smtp_shell.net.target import Target
    from smtp_shell.servers.inbox import Inbox
    from smtp_shell.servers.live import LiveScreen
    from smtp_shell.servers.practice import PracticeServer

_EXPLAIN = ("off", "on", "all")
_THEMES = (AUTO, *THEMES)
_MENUS = ("list", "columns", "tab")
_LINKS = (AUTO, "on", "off")
_ON_OFF = {"on": True, "off": False, "yes": True, "no": False, "true": True, "false": False, "1": True, "0": False}
_MOST_SECONDS = 86_400
_MOST_IN_CHUNK = 16 * 1024 * 1024
_EMPTY = ("''", '""')


class Setting(Struct, frozen=True):
    """What `/set` needs to know of a field of `ShellSettings`.

    Args:
        meaning: Its description in the list.
        parse: Makes the value from `/set NAME`, for messages, and what was typed after it; raises UsageError or NotSendable.
    """

    meaning: str
    parse: Callable[[str, str], object]

    @property
    def choices(self) -> Collection[str]:
        """The values that there are; none where others are possible."""
        return self.parse.choices if isinstance(self.parse, _OneOf) else ("on", "off") if self.parse is _on_off else ()


def _on_off(what: str, text: str) -> bool:
    if text.lower() not in _ON_OFF:
        raise UsageError(f"{what}: {escape_str(text)} is neither on nor off.")
    return _ON_OFF[text.lower()]


def _seconds(what: str, text: str) -> float:
    try:
        seconds = float(text)
    except ValueError:
        seconds = -1.0
    if not 0 <= seconds <= _MOST_SECONDS:
        raise UsageError(f"{what} takes a number of seconds from 0 (the defaults) to {_MOST_SECONDS}.")
    return seconds


def _octets(what: str, text: str) -> int:
    if not re.fullmatch(r"[0-9]{1,9}", text, re.ASCII) or not 1 <= int(text) <= _MOST_IN_CHUNK:
        raise UsageError(f"{what} takes a number of octets from 1 to {_MOST_IN_CHUNK:,}.")
    return int(text)


class _OneOf(Struct, frozen=True):
    choices: Collection[str]

    def __call__(self, what: str, text: str) -> str:
        if text not in self.choices:
            raise UsageError(f"{what} takes one of {', '.join(self.choices)}.")
        return text


def _one_of(choices: Collection[str]) -> Callable[[str, str], str]:
    return _OneOf(choices)


def _resolver(what: str, text: str) -> str:
    if text in _EMPTY:
        return ""
    from smtp_shell.net.name_server import parse_name_server

    return str(parse_name_server(text, what))


def _text(what: str, text: str) -> str:
    refuse_line_breaks(text, what)
    return "" if text in _EMPTY else text


def _pins(what: str, text: str) -> str:
    from smtp_shell.net.tls_pins import parse_pins

    return ",".join(f"SHA256:{each}" for each in parse_pins(_text(what, text), what))


class ShellSettings(Struct, frozen=True):
    """What `/set` lists and changes while the shell runs. A field is all that a setting needs."""

    timeout: Annotated[float, Setting("seconds for every wait but QUIT's; 0 for the defaults", _seconds)] = 0.0
    auto_ehlo: Annotated[bool, Setting("say EHLO after the greeting and after TLS has started", _on_off)] = False
    times: Annotated[bool, Setting("show how long each reply took", _on_off)] = True
    decoded: Annotated[bool, Setting("show what base64 means beside it", _on_off)] = True
    lint: Annotated[bool, Setting("say what is wrong with parameters or a message that was sent", _on_off)] = True
    explain: Annotated[str, Setting("a line under each 4yz and 5yz (on), each reply (all)", _one_of(_EXPLAIN))] = "off"
    hints: Annotated[bool, Setting("what a line becomes and what speaks against it, while you type", _on_off)] = True
    ghost: Annotated[bool, Setting("the rest of an earlier line after the cursor; Right takes it", _on_off)] = True
    menu: Annotated[str, Setting("what could follow, as you type: list, columns; tab: with Tab", _one_of(_MENUS))] = (
        "list"
    )
    chunk_size: Annotated[int, Setting("octets in each BDAT of bdat < FILE", _octets)] = PIECE
    theme: Annotated[str, Setting(f"colours: {', '.join(_THEMES)} (for a screen reader)", _one_of(_THEMES))] = AUTO
    links: Annotated[str, Setting("an RFC is a link: auto, on or off", _one_of(_LINKS))] = AUTO
    pager: Annotated[bool, Setting("show what does not fit the screen in a pager ($PAGER, less or more)", _on_off)] = (
        False
    )
    editing: Annotated[str, Setting("keys of the prompt: emacs or vi", _one_of(("emacs", "vi")))] = "emacs"
    mail_editor: Annotated[bool, Setting("write mail data in an editor; off sends each line at once", _on_off)] = True
    ask_paste: Annotated[bool, Setting("ask before several lines that are pasted are sent", _on_off)] = True
    mouse: Annotated[bool, Setting("take clicks at the prompt; off leaves them to the terminal", _on_off)] = False
    resolver: Annotated[str, Setting("name server to ask, ADDR[:PORT]; empty for the system's way", _resolver)] = ""
    ehlo: Annotated[str, Setting("name that EHLO gives; empty for this host's", _text)] = ""
    insecure: Annotated[bool, Setting("go on although a certificate cannot be verified", _on_off)] = False
    insecure_auth: Annotated[bool, Setting("let credentials cross a connection without TLS", _on_off)] = False
    ca_file: Annotated[str, Setting("PEM file with the authorities to trust; empty for the system's", _text)] = ""
    client_cert: Annotated[str, Setting("PEM file with a client certificate; empty for none", _text)] = ""
    client_key: Annotated[str, Setting("PEM file with its key; empty if it is in the same file", _text)] = ""
    tls_min: Annotated[str, Setting("lowest TLS version; empty for 1.2", _text)] = ""
    tls_max: Annotated[str, Setting("highest TLS version; empty for no limit", _text)] = ""
    tls_pin: Annotated[str, Setting("SHA256:... of the public key to accept; empty for any", _pins)] = ""
    ciphers: Annotated[str, Setting("OpenSSL cipher string; empty for the default", _text)] = ""
    tls_name: Annotated[str, Setting("name that a certificate must be for; empty for the server's", _text)] = ""
    sni: Annotated[str, Setting("name that SNI asks for; empty for the same, none for none", _text)] = ""
    alpn: Annotated[str, Setting("protocols that ALPN offers, with commas; empty for none", _text)] = ""


class ProfileInUse(Struct, frozen=True):
    """A profile that a shell has taken over, and what there was before, for when it goes to another server.

    Args:
        name: The profile's name.
        profile: The profile.
        options: The options before.
        settings: The settings before.
        origins: Where those came from.
    """

    name: str
    profile: Profile
    options: ShellOptions
    settings: ShellSettings
    origins: Mapping[str, str]


class ShellOptions(Struct, frozen=True):
    """What the shell is started with, by the command line or a program; it does not change.

    Args:
        tls: How TLS is done.
        credentials: Where passwords come from.
        mechanism: The mechanism that `auth` alone uses, in capitals; empty for the strongest.
        connection: How connections are opened.
        interactive: Whether a user is at the prompt.
        color: Whether the prompt has colours.
        recording: Whether sessions are recorded into the state directory.
        practice: The practice server that runs in this process; None without one.
        inbox: Its mail.
        live: Shows its clients' dialogues while the prompt waits; None where they are not shown there.
        start_practice: Starts a practice server of one's own, given whether a user is at a prompt, and returns it with what to say about
            it; None where none can be started.
        policy_server: Where MTA-STS policies are fetched from; None for where RFC 8461 puts them.
        configuration: The configuration file, with its profiles by name; None where none was read.
    """

    tls: TlsSettings = field(default_factory=TlsSettings)
    credentials: CredentialSource = field(default_factory=CredentialSource)
    mechanism: str = ""
    connection: ConnectSettings = ConnectSettings()
    interactive: bool = False
    color: bool = True
    recording: bool = True
    practice: PracticeServer | None = None
    inbox: Inbox | None = None
    live: LiveScreen | None = None
    start_practice: Callable[[bool], tuple[PracticeServer, Iterable[str]]] | None = None
    policy_server: PolicyServer | None = None
    configuration: Configuration | None = None

    def note_own(self, session: Session) -> None:
        """Leave a session out of what is shown of the practice server's dialogues: it is on the screen anyway."""
        local = session.transport.local
        if local is not None and self.practice is not None and self.practice.watch is not None:
            self.practice.watch.own.add(local[1])


def connect_settings(options: ShellOptions, settings: ShellSettings) -> ConnectSettings:
    """Return how connections are opened, by the options and by `/set`, which overrides them."""
    if not settings.resolver:
        return options.connection
    from smtp_shell.net.name_server import parse_name_server

    return replace(options.connection, resolver=parse_name_server(settings.resolver, "/set resolver"))


OF_TLS = (
    "ca_file",
    "tls_pin",
    "client_cert",
    "client_key",
    "tls_min",
    "tls_max",
    "ciphers",
    "tls_name",
    "sni",
    "alpn",
)
"""The settings of TLS but `insecure`, by the names of their fields."""


def tls_settings(options: ShellOptions, settings: ShellSettings) -> TlsSettings:
    """Return how TLS is done, by the options and by `/set`, which overrides them."""
    tls = options.tls

    def file(text: str) -> Path | None:
        return user_path(text) if text else None

    return replace(
        tls,
        ca_file=file(settings.ca_file) or tls.ca_file,
        insecure=settings.insecure or tls.insecure,
        minimum=settings.tls_min or tls.minimum,
        maximum=settings.tls_max or tls.maximum,
        ciphers=settings.ciphers or tls.ciphers,
        # One file alone is not a pair with the other one of the options.
        client_cert=file(settings.client_cert) or tls.client_cert,
        client_key=file(settings.client_key) or (None if settings.client_cert else tls.client_key),
        server_name=settings.tls_name or tls.server_name,
        sni=settings.sni or tls.sni,
        alpn=tuple(settings.alpn.split(",")) if settings.alpn else tls.alpn,
        pins=_pinned(settings.tls_pin) or tls.pins,
        detailed=True,
        place=Place.PROMPT if options.interactive else Place.COMMAND_LINE,
    )


def _pinned(text: str) -> tuple[str, ...]:
    if not text:
        return ()
    from smtp_shell.net.tls_pins import parse_pins

    return parse_pins(text, "/set tls-pin")


def trusting_practice(tls: TlsSettings, practice: PracticeServer | None, target: Target | None) -> TlsSettings:
    """Return the settings of TLS with the practice server's certificate to trust, where it is the target and no other file is named."""
    if tls.ca_file is not None or practice is None or target is None or not practice.is_at(target):
        return tls
    return replace(tls, ca_file=practice.ca_file)


def credentials_for(options: ShellOptions, target: Target | None) -> CredentialSource:
    """Return where credentials come from: with the practice server's own, where it is the target and nobody can be asked."""
    server = options.practice
    if options.interactive or server is None or target is None or not server.is_at(target):
        return options.credentials
    source = options.credentials
    return replace(source, user=source.user or server.user, preset=server.password, preset_token=server.token)


def check_tls_change(options: ShellOptions, before: ShellSettings, after: ShellSettings) -> None:
    """Check what `/set` has changed about TLS.

    A key may be set before its certificate. It is checked with it.

    Raises:
        ConfigError: A file, version or cipher cannot be used.
    """
    if all(getattr(before, name) == getattr(after, name) for name in OF_TLS):
        return
    from smtp_shell.net.tls_check import check_tls

    tls = replace(tls_settings(options, after), place=Place.PROMPT)  # a line of `-c` is typed to the shell too
    check_tls(tls if tls.client_cert is not None else replace(tls, client_key=None))


def settings_table(names: Collection[str] = ShellSettings.__struct_fields__) -> Mapping[str, Setting]:
    """Return what `/set` knows of each setting, by the name that is typed, in the order of the fields.

    Args:
        names: The fields that are wanted: all of them take 0.7 ms, which the first prompt has better use for.
    """
    wanted = SimpleNamespace(__annotations__={name: ShellSettings.__annotations__[name] for name in names})
    hints = get_type_hints(wanted, globals(), include_extras=True)
    return {name.replace("_", "-"): hint.__metadata__[0] for name, hint in hints.items()}


def changed(settings: ShellSettings, name: str, text: str) -> ShellSettings:
    """Return the settings with one of them changed.

    Args:
        settings: The settings before.
        name: A name in `settings_table`.
        text: What was typed for its value.

    Raises:
        UsageError: The value does not fit.
        NotSendable: It holds CR, LF or NUL.
    """
    return with_setting(settings, name, text, f"/set {name}")


def with_setting(settings: ShellSettings, name: str, text: str, what: str) -> ShellSettings:
    """Return the settings with one of them changed.

    Args:
        settings: The settings before.
        name: A name in `settings_table`.
        text: Its value, as it is typed.
        what: The setting and its place, for messages.

    Raises:
        UsageError: The value does not fit.
        NotSendable: It holds CR, LF or NUL.
    """
    field_name = name.replace("-", "_")
    return replace(settings, **{field_name: settings_table([field_name])[name].parse(what, text)})


def shown(settings: ShellSettings, name: str) -> str:
    """Return the value of a setting as `/set` shows it.

    Args:
        settings: The settings.
        name: A name in `settings_table`.
    """
    value = getattr(settings, name.replace("-", "_"))
    if isinstance(value, bool):
        return "on" if value else "off"
    if isinstance(value, int):
        return str(value)
    return plain(value) if isinstance(value, float) else escape_str(value) or "''"
