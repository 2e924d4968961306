"""What the shell is started with, and what `/set` changes."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec import Struct, field

from smtp_shell.client.credentials import CredentialSource
from smtp_shell.config import TlsSettings

if TYPE_CHECKING:
    from smtp_shell.servers.inbox import Inbox


class ShellSettings(Struct, frozen=True):
    """What `/set` lists and changes.

    Args:
        timeout: Seconds for every wait but QUIT's; 0 for the defaults.
        auto_ehlo: Say EHLO after the greeting and after TLS has started.
        times: Show how long each reply took.
        decoded: Show what base64 means beside it.
        theme: Colours, `dark`, `light` or `plain`.
        editing: Keys of the prompt, `emacs` or `vi`.
        ehlo: Name that EHLO, HELO and LHLO give; empty for this host's.
        insecure: Go on although a certificate cannot be verified.
        insecure_auth: Let credentials cross a connection without TLS.
        ca_file: PEM file with the authorities to trust; empty for the system's.
    """

    timeout: float = 0.0
    auto_ehlo: bool = False
    times: bool = True
    decoded: bool = True
    theme: str = "dark"
    editing: str = "emacs"
    ehlo: str = ""
    insecure: bool = False
    insecure_auth: bool = False
    ca_file: str = ""


class ShellOptions(Struct, frozen=True):
    """What the shell is started with and does not change.

    Args:
        tls: How TLS is done.
        credentials: Where passwords come from.
        source: Local address to connect from.
        family: Address family, 0 for either.
        interactive: Whether a person is there.
        recording: Whether sessions are recorded into the state directory.
        inbox: The practice server's mail.
    """

    tls: TlsSettings = field(default_factory=TlsSettings)
    credentials: CredentialSource = field(default_factory=CredentialSource)
    source: str | None = None
    family: int = 0
    interactive: bool = False
    recording: bool = True
    inbox: Inbox | None = None
