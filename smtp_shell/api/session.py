"""A session for programs: connect, send lines, read replies.

```python
from smtp_shell import connect

with connect("smtp://mail.example.org:587", starttls=True) as session:
    session.auth("ann", password)
    reply = session.command("NOOP")
    print(reply.code, reply.enhanced, reply.text)
```
"""

from __future__ import annotations

import warnings
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec import Struct

from smtp_shell.client.session import Session as CoreSession
from smtp_shell.config import Place, Timeouts, TlsSettings
from smtp_shell.errors import AuthFailed, TlsFailed, UsageError
from smtp_shell.net.resolve import local_name
from smtp_shell.net.settings import DIRECT, Words, with_proxy_password, with_words
from smtp_shell.net.target import parse_target
from smtp_shell.net.tls_check import check_tls
from smtp_shell.protocol.commands import Command
from smtp_shell.protocol.octets import quoted
from smtp_shell.protocol.phases import Phase
from smtp_shell.protocol.secret import Secret

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence
    from email.message import Message
    from os import PathLike
    from types import TracebackType

    from smtp_shell.net.settings import ConnectSettings
    from smtp_shell.net.target import Target
    from smtp_shell.protocol.events import Consumer, TlsStarted
    from smtp_shell.protocol.replies import Extensions, Reply
    from smtp_shell.recording.recording import Recording

_FOR_TOKENS = ("OAUTHBEARER", "XOAUTH2")


class Delivery(Struct, frozen=True):
    """What became of a message.

    Args:
        reply: The reply that decided: to the final dot, or to the command that was refused.
        refused: The recipients that were refused, each with its reply.
    """

    reply: Reply
    refused: dict[str, Reply]

    @property
    def ok(self) -> bool:
        """Whether the server took the message for every recipient."""
        return self.reply.code // 100 == 2 and not self.refused


class Session:
    """One dialogue with a server. Made by `connect`; a context manager that closes the connection.

    Nothing is sent that no method names: `command` sends one line and returns the whole reply to it.

    >>> from smtp_shell import connect, practice_server
    >>> with practice_server() as server, connect(server.url) as session:
    ...     reply = session.command("EHLO client.example.org")
    ...     print(reply.code, reply.lines[0].decode())
    ...     print("STARTTLS" in session.extensions)
    ...     reply = session.command("RCPT TO:<bob@example.org>")
    ...     print(reply.code, reply.enhanced, reply.is_negative)
    250 practice.example
    True
    503 5.5.1 True

    Attributes:
        core: The session below, for what this class has no method for: pipelining, single events, waits of one's own.
        greeting: The reply with which the server greeted.
    """

    def __init__(self, core: CoreSession, greeting: Reply, tls_settings: TlsSettings, ehlo: str = "") -> None:
        self.core = core
        self.greeting = greeting
        self._tls_settings = tls_settings
        self._ehlo = ehlo
        self._recordings: list[Recording] = []

    def __repr__(self) -> str:
        state = "open" if self.is_open else "closed"
        return f"<Session {self.core.target} {state}{' TLS' if self.tls is not None else ''}>"

    def __enter__(self) -> Session:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, traceback: TracebackType | None
    ) -> None:
        self.close()

    # State

    @property
    def is_open(self) -> bool:
        """Whether the connection is open."""
        return self.core.is_open

    @property
    def tls(self) -> TlsStarted | None:
        """The facts of TLS: version, cipher, certificate; None in the clear."""
        return self.core.tls

    @property
    def user(self) -> str:
        """Who is authenticated; empty for nobody."""
        return self.core.user

    @property
    def extensions(self) -> Extensions:
        """What the server announced in its last reply to EHLO, such as `"SIZE" in session.extensions`; nothing before that."""
        from smtp_shell.protocol.replies import Extensions

        return self.core.dialogue.extensions or Extensions({})

    # Lines

    def command(self, line: str | Command) -> Reply:
        """Send a line and read the reply to it.

        After a 334 the line is the answer of an AUTH exchange, and is masked in recordings like every other credential.

        Args:
            line: The line as it goes over the wire, without CRLF.

        Returns:
            The whole reply, with `code`, `enhanced`, `text` (escaped), `lines` (octets) and `is_negative`.

        Raises:
            NotSendable: The line holds CR, LF or NUL. `raw` sends those.
            UsageError: The server waits for mail data, or for a TLS handshake.
            DialogueBroken: The connection broke, or the reply did not come in time or was none.
        """
        core, command = self.core, line if isinstance(line, Command) else Command.of(line)
        if core.phase is Phase.MAILDATA:
            raise UsageError("the server waits for mail data after its 354: send it with data().")
        if core.phase is Phase.AUTH:
            core.send_sasl(command.line)
            return core.read_reply()
        return core.command(command)

    def ehlo(self, name: str = "") -> Reply:
        """Send EHLO, or LHLO to an LMTP server.

        Args:
            name: This client's name; empty for the one that `connect` was given, or this host's own.

        Raises:
            NotSendable: The name holds CR, LF or NUL.
            DialogueBroken: As `command`.

        Source: RFC 5321 section 4.1.1.1
        """
        core = self.core
        self._ehlo = name or self._ehlo or local_name(core.transport.local_host)
        return self.command(Command.of("LHLO" if core.dialogue.lmtp else "EHLO", self._ehlo))

    def raw(self, octets: bytes) -> None:
        r"""Send exactly these octets, for pipelining by hand and malformed input; `read_reply` reads what answers them.

        >>> from smtp_shell import connect, practice_server
        >>> with practice_server() as server, connect(server.url) as session:
        ...     session.raw(b"NOOP\r\nHELP\r\n")
        ...     print(session.read_reply().code, session.read_reply().code)
        250 214

        Raises:
            DialogueBroken: The connection broke.
        """
        self.core.send_raw(octets)

    def read_reply(self, timeout: float | None = None) -> Reply:
        """Wait for the oldest reply that is owed to what was sent last.

        Args:
            timeout: Seconds to wait; None for what `connect` was given.

        Raises:
            UsageError: No reply is owed.
            DialogueBroken: As `command`.
        """
        return self.core.read_reply(timeout)

    def quit(self) -> Reply:
        """Send QUIT, read the reply and close the connection.

        Raises:
            DialogueBroken: As `command`.
        """
        try:
            return self.command("QUIT")
        finally:
            self.close()

    def close(self) -> None:
        """Close the connection and the recordings. Closing twice does nothing."""
        self.core.close()
        while self._recordings:
            self._recordings.pop().close()

    # TLS and AUTH

    def starttls(self) -> TlsStarted:
        """Send STARTTLS and do the handshake. What EHLO announced is forgotten: send it again.

        EHLO is sent before, if the session has sent none.

        Returns:
            The facts of TLS.

        Raises:
            TlsFailed: The server refused, or the handshake or the verification failed. Nothing secret was sent.
            ProtocolViolation: Text in the clear followed the 220.
            DialogueBroken: As `command`.

        Source: RFC 3207 section 4
        """
        self._greet()
        reply = self.command("STARTTLS")
        if not self.core.tls_due:
            raise TlsFailed(
                f"the server did not start TLS: it said {quoted(reply.one_line())}; nothing secret was sent."
            )
        return self.core.start_tls(self._tls_settings)

    def auth(
        self,
        user: str,
        password: str | Secret = "",
        *,
        mechanism: str = "",
        token: str | Secret = "",
        authzid: str = "",
        insecure: bool = False,
    ) -> Reply:
        """Do a whole AUTH exchange. EHLO is sent before, if what the server offers is not known.

        >>> from smtp_shell import connect, practice_server
        >>> with practice_server() as server, connect(server.url, starttls=True, ca_file=server.ca_file) as session:
        ...     reply = session.auth(server.user, server.password)
        ...     print(reply.code, session.user)
        235 student

        Args:
            user: The user name.
            password: The password.
            mechanism: A SASL mechanism; empty for the strongest that both sides can do. In the clear one that reveals the password must be
                named.
            token: OAuth token in place of a password.
            authzid: Whom to act as; empty for the user.
            insecure: Send the credential even where somebody may listen.

        Returns:
            The 235.

        Raises:
            AuthFailed: The server refused, there is no common mechanism, or the connection has no TLS.
            UsageError: There is no such mechanism.
            NotSendable: A credential holds what the mechanism cannot carry.
            ProtocolViolation: The server did not keep to the mechanism, or did not prove itself.
            DialogueBroken: As `command`.

        Source: RFC 4954 section 4
        """
        has_token = bool(token)
        given = token or password
        secret = given if isinstance(given, Secret) else Secret(given)
        del given, password, token  # a traceback with local variables must not show them
        from smtp_shell.client.authentication import authenticate, offered, refuse_in_the_clear, strongest
        from smtp_shell.protocol.sasl import Credentials
        from smtp_shell.protocol.sasl import mechanism as find_mechanism

        refuse_in_the_clear(self.core, allow_cleartext=insecure, switch="insecure=True")
        self._greet()
        if mechanism:
            chosen = find_mechanism(mechanism)
        else:
            among = _FOR_TOKENS if has_token else ()
            if among and not set(among) & set(offered(self.core)):
                raise AuthFailed(f"the server offers no mechanism that takes a token; those are {', '.join(among)}.")
            chosen = strongest(self.core, token=has_token, among=among, authzid=bool(authzid))
        return authenticate(self.core, chosen, Credentials(user, secret, authzid), allow_cleartext=insecure)

    # Mail

    def send_message(
        self,
        message: bytes | str | Iterable[bytes] | Message,
        *,
        sender: str | None = None,
        recipients: Sequence[str] | None = None,
        parameters: str = "",
    ) -> Delivery:
        r"""Send one message: MAIL, RCPT for each recipient, DATA and the mail data. EHLO is sent before, if none was.

        >>> from smtp_shell import connect, practice_server
        >>> with practice_server() as server, connect(server.url) as session:
        ...     sent = session.send_message(
        ...         "Subject: hello\n\nIt is me.\n", sender="ann@example.org", recipients=["bob@example.org"]
        ...     )
        ...     print(sent.ok, sent.reply.code, [mail.subject for mail in server.inbox.messages()])
        True 250 ['hello']

        Args:
            message: The message with any line ends: text, octets, a file that is open in binary mode (it is streamed), or a message of
                the `email` package, whose `Bcc` is left out.
            sender: The reverse-path; empty for the null reverse-path. None for the `Sender` or `From` of a message of the `email` package.
            recipients: The forward-paths. None for all that such a message names.
            parameters: Parameters of MAIL, such as `SIZE=1200 BODY=8BITMIME`.

        Returns:
            What the server said. A recipient that is refused does not keep the message from the others.

        Raises:
            UsageError: There is no sender or no recipient.
            NotSendable: An address holds CR, LF or NUL.
            OutcomeUnknown: The connection broke after the final dot.
            DialogueBroken: As `command`.
        """
        from smtp_shell.api.messages import envelope_of, pieces_of

        sender, recipients = envelope_of(message, sender, recipients)
        self._greet()
        reply = self.command(f"MAIL FROM:<{sender}> {parameters}".rstrip())
        if reply.is_negative:
            return Delivery(reply, {})
        replies = {each: self.command(f"RCPT TO:<{each}>") for each in recipients}
        refused = {each: reply for each, reply in replies.items() if reply.is_negative}
        if len(refused) == len(replies):
            self.command("RSET")
            return Delivery(refused[recipients[0]], refused)
        reply = self.command("DATA")
        if self.core.phase is not Phase.MAILDATA:
            return Delivery(reply, refused)
        final = self._send_data(pieces_of(message))
        if self.core.dialogue.lmtp:
            accepted = [each for each in replies if each not in refused]
            refused |= {each: reply for each, reply in zip(accepted, final, strict=False) if reply.is_negative}
        return Delivery(final[-1], refused)

    def data(self, message: bytes | str | Iterable[bytes]) -> Reply:
        """Send mail data after the 354 to DATA, dot-stuffed and with the final dot; read the reply.

        Args:
            message: As for `send_message`.

        Returns:
            The reply; of those of LMTP, one for each recipient, the last.

        Raises:
            UsageError: The server does not wait for mail data.
            OutcomeUnknown: The connection broke after the final dot.
            DialogueBroken: As `command`.
        """
        from smtp_shell.api.messages import pieces_of

        if self.core.phase is not Phase.MAILDATA:
            raise UsageError("the server does not wait for mail data: it does after it has answered DATA with 354.")
        return self._send_data(pieces_of(message))[-1]

    def bdat(self, octets: bytes, *, last: bool = True) -> Reply:
        """Send a chunk with its BDAT command, and read the reply.

        Args:
            octets: The chunk.
            last: Whether it ends the message.

        Raises:
            DialogueBroken: As `command`.

        Source: RFC 3030 section 2
        """
        return self.core.send_bdat(octets, last=last)

    # Events

    def record(self, path: str | PathLike[str], *, overwrite: bool = False) -> None:
        """Record everything from here on as a transcript, without credentials, until the session is closed.

        `connect(…, record=path)` records from the first octet, which makes a transcript that can be replayed.

        Args:
            path: The file; only its owner can read it.
            overwrite: Whether to replace an existing file.

        Raises:
            UsageError: The file exists, or cannot be created.
        """
        recording = _recording(path, self.core.target, overwrite=overwrite)
        self._recordings.append(recording)
        self.core.subscribe(recording)

    def subscribe(self, consumer: Consumer) -> None:
        """Call a function with each event from now on: an `smtp_shell.protocol.events.Entry`."""
        self.core.subscribe(consumer)

    def _greet(self) -> None:
        if self.core.dialogue.extensions is None and self.core.phase in (Phase.GREETING, Phase.FRESH):
            self.ehlo()

    def _send_data(self, pieces: Iterable[bytes]) -> list[Reply]:
        from smtp_shell.protocol.maildata import END_OF_DATA, MailDataEncoder

        core, encoder = self.core, MailDataEncoder()
        for piece in pieces:
            core.send_mail_data(encoder.encode(piece))
        core.send_mail_data(encoder.end()[: -len(END_OF_DATA)], last=True)
        return core.read_replies()


def connect(
    server: str,
    *,
    tls: bool = False,
    starttls: bool = False,
    ehlo: str = "",
    ca_file: str | PathLike[str] | None = None,
    client_cert: str | PathLike[str] | None = None,
    client_key: str | PathLike[str] | None = None,
    insecure: bool = False,
    tls_name: str = "",
    proxy: str = "",
    source: str = "",
    timeout: float | None = None,
    record: str | PathLike[str] | None = None,
    overwrite: bool = False,
    consumers: Sequence[Consumer] = (),
) -> Session:
    r"""Connect to a server and read its greeting.

    >>> from smtp_shell import Transcript, connect, practice_server
    >>> with practice_server() as server:
    ...     with connect(server.url, record="lab.smtp") as session:
    ...         session.quit().code
    221
    >>> print(*(step.text for step in Transcript.read("lab.smtp").steps if step.marker == "C:"))
    QUIT

    Args:
        server: A URL or HOST[:PORT], as on the command line.
        tls: Begin TLS with the first octet.
        starttls: Send EHLO and STARTTLS, do the handshake, and send EHLO again.
        ehlo: The name that EHLO gives; empty for this host's own, as `local_name` finds it.
        ca_file: PEM file with the authorities to trust, in place of the system's.
        client_cert: PEM file with the client's certificate.
        client_key: PEM file with its private key; None if it is in `client_cert`.
        insecure: Go on although the certificate cannot be verified.
        tls_name: The name that the certificate must be for; empty for the server's.
        proxy: URL of a proxy, such as `socks5h://127.0.0.1:1080`; its password comes from SMTP_SHELL_PROXY_PASSWORD. Empty for none.
        source: Local `ADDR`, `ADDR:PORT` or `:PORT` to connect from; empty for the system's choice.
        timeout: Timeout in seconds of every wait but QUIT's; None for the defaults.
        record: Where to record the dialogue as a transcript, from the first octet; None for nowhere.
        overwrite: Whether to replace an existing file there.
        consumers: Called with each event.

    Returns:
        The session, to be closed by the caller: it is a context manager.

    Raises:
        UsageError: `server`, `proxy` or `source` is no address, or the recording cannot be created.
        ConfigError: A file of the TLS settings cannot be used.
        ConnectFailed: There is no connection.
        TlsFailed: TLS was refused or failed, or the certificate could not be verified.
        DialogueBroken: There was no greeting.
    """
    target = parse_target(server, tls=tls, starttls=starttls)
    cert, key = _path(client_cert), _path(client_key)
    settings = TlsSettings(
        _path(ca_file), insecure, client_cert=cert, client_key=key, server_name=tls_name or None, place=Place.PYTHON
    )
    check_tls(settings)
    connection = with_proxy_password(with_words(DIRECT, Words(source or None, proxy or None)), None)
    recordings = [] if record is None else [_recording(record, target, overwrite=overwrite)]
    return _open(target, settings, connection, _times(timeout), ehlo, recordings, consumers)


def _open(
    target: Target,
    settings: TlsSettings,
    connection: ConnectSettings,
    times: Timeouts,
    ehlo: str,
    recordings: Sequence[Recording],
    consumers: Sequence[Consumer],
) -> Session:
    core: CoreSession | None = None
    try:
        core = CoreSession.open(
            target,
            consumers,
            deferred=recordings,
            timeouts=times,
            tls=settings,
            strict=True,
            connection=connection,
        )
        session = Session(core, core.read_reply(), settings, ehlo)
        session._recordings += recordings
        if target.starttls:
            session.starttls()
            session.ehlo()
        return session
    except BaseException:
        for each in (core, *recordings):
            if each is not None:
                each.close()
        raise


def _recording(path: str | PathLike[str], target: Target, *, overwrite: bool) -> Recording:
    from smtp_shell.recording.library import recording_header
    from smtp_shell.recording.recording import Recording

    return Recording.create(
        Path(path),
        recording_header(target),
        overwrite=overwrite,
        on_failure=lambda sentence: warnings.warn(sentence, RuntimeWarning, stacklevel=2),
    )


def _times(timeout: float | None) -> Timeouts:
    return Timeouts() if timeout is None else Timeouts().all(timeout)


def _path(name: str | PathLike[str] | None) -> Path | None:
    return None if name is None else Path(name)
