"""How a transcript is replayed."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import TYPE_CHECKING, Final, TypeAlias

from msgspec import Struct, field

from smtp_shell.config import Timeouts, TlsSettings
from smtp_shell.matching.expectation import Strictness
from smtp_shell.net.settings import ConnectSettings

if TYPE_CHECKING:
    from itertools import count

    from smtp_shell.matching.ignored import IgnoredText
    from smtp_shell.net.tap import Taps
    from smtp_shell.net.target import Target
    from smtp_shell.protocol.events import Consumer
    from smtp_shell.protocol.sasl import Credentials, Mechanism
    from smtp_shell.replay.results import AnswerConsumer, BeforeStep
    from smtp_shell.transcript.header import Header

CredentialsFor: TypeAlias = "Callable[[Mechanism, str], Credentials]"
"""Returns the credentials for a mechanism and a user that the transcript names (empty if it names none), or raises AuthFailed."""


OVERALL: Final = 300.0
"""Seconds that a replay may take in all, where nobody says otherwise."""


class ReplaySettings(Struct, frozen=True):
    """How a transcript is replayed.

    Args:
        server: What to replay against, as a URL, HOST[:PORT] or target; None for what the transcript names, to which no credential is
            ever sent.
        tls: TLS from the first octet.
        starttls: The user demands STARTTLS: nothing of AUTH or a mail transaction goes in the clear.
        tls_settings: How to do TLS.
        timeouts: Timeouts of each kind of wait.
        label: The name that reports have for the server; empty for the server itself.
        overall: Seconds that a replay may take in all, without the time that a user takes to answer; None for what the transcript's header
            says (`Limit`), else `OVERALL`.
        strictness: How strict `S:` lines are; None for what the transcript's header says (`Match`), else the code alone.
        variables: Values of variables.
        numbers: Source of `${count}`; give several replays the same one to count through all of them.
        credentials: Where credentials come from; None where there are none.
        has_token: Whether an OAuth token is among them.
        allow_cleartext: Credentials may cross a connection on which somebody may listen.
        send_secrets: Credentials that stand in a transcript are sent, though its header does not say that they are included.
        keep_going: Whether a replay goes on after a difference, as far as that makes sense.
        before_step: Asks a user before each client step; None where nobody is asked.
        consumers: Called with each event after its octets are sent, such as a recording.
        outside: Whether mail data may stand outside the transcript's folder.
        connection: How the connection is opened.
        preloads: Whether TLS and SASL are loaded while replies are awaited. The first replies are then read some milliseconds after
            they came, so this is for reports without times.
        busy_poll: Whether quick replies are polled for without sleeping, as `Transport.busy_poll` says.
        observe: Called with each reply beside the lines that expect it; None for nobody.
        taps: Get the octets of each connection as they go over the wire, and the keys of TLS; None for nobody.
    """

    server: str | Target | None = None
    tls: bool = False
    starttls: bool = False
    tls_settings: TlsSettings = field(default_factory=TlsSettings)
    timeouts: Timeouts = field(default_factory=Timeouts)
    label: str = ""
    overall: float | None = None
    strictness: Strictness | None = None
    variables: Mapping[str, str] = field(default_factory=dict)
    numbers: count[int] | None = None
    credentials: CredentialsFor | None = None
    has_token: bool = False
    allow_cleartext: bool = False
    send_secrets: bool = False
    keep_going: bool = False
    before_step: BeforeStep | None = None
    consumers: tuple[Consumer, ...] = ()
    outside: bool = False
    connection: ConnectSettings = ConnectSettings()
    preloads: bool = False
    busy_poll: bool = False
    taps: Taps | None = None
    observe: AnswerConsumer | None = None

    def overall_for(self, header: Header | None) -> float:
        """Return how many seconds a replay may take: what the caller says precedes what the transcript says.

        Args:
            header: The transcript's header; None if it has none.
        """
        return self.overall or (header.limit if header is not None else None) or OVERALL

    def strictness_for(self, header: Header | None) -> Strictness:
        """Return how strict `S:` lines are: what the caller says precedes what the transcript says.

        Args:
            header: The transcript's header; None if it has none.
        """
        if self.strictness is not None:
            return self.strictness
        return Strictness.parse(header.match) if header is not None and header.match else Strictness.CODE

    @property
    def goes_on(self) -> bool:
        """Whether a difference does not end the replay: by `keep_going`, or because a user decides step by step."""
        return self.keep_going or self.before_step is not None


def ignored_by(header: Header | None) -> IgnoredText | None:
    """Return what a transcript does not compare by its header; None for nothing.

    Args:
        header: Its header; None if it has none.
    """
    if header is None or not header.ignored:
        return None
    from smtp_shell.matching.ignored import IgnoredText  # loads regex, which takes 15 ms

    return IgnoredText(header.ignored)
