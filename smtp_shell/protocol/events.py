"""What happens in a dialogue, as one stream of events that everything else consumes."""

from __future__ import annotations

from collections.abc import Callable
from enum import Enum

from msgspec import Struct

from smtp_shell.protocol.commands import Command
from smtp_shell.protocol.replies import Reply


class Certificate(Struct, frozen=True):
    """What a server's certificate says, as octets from the network.

    Args:
        subject: Distinguished name, such as `CN=mail.example.com`.
        issuer: Distinguished name of who signed it.
        names: The host names and addresses it is for.
        not_before: Start of its life, as OpenSSL writes it.
        not_after: End of its life.
        serial: Serial number, hexadecimal.
        der: The certificate itself; empty for none.
    """

    subject: bytes = b""
    issuer: bytes = b""
    names: tuple[bytes, ...] = ()
    not_before: bytes = b""
    not_after: bytes = b""
    serial: bytes = b""
    der: bytes = b""

    @property
    def fingerprint(self) -> str:
        """SHA-256 over the DER form, hexadecimal."""
        from hashlib import sha256  # late: it takes long to load, and few ask

        return sha256(self.der).hexdigest()


class NoticeKind(Enum):
    """Something odd that is to be seen; the value is a sentence about it."""

    ODD_REPLY = "odd reply"
    BAD_REPLY = "bad reply"
    NOT_A_REPLY = "no SMTP reply"
    CUT_REPLY = "the connection ended in the middle of a reply"
    UNSOLICITED = "an unsolicited reply: it answers nothing"
    UNFORESEEN = "a reply code that the command cannot have"
    LATE = "the reply to a command whose wait had ended"
    PLAINTEXT_AFTER_STARTTLS = "text in the clear after the 220 to STARTTLS"
    TOO_MUCH = "more than a server may send unasked"
    NO_CLOSE_NOTIFY = "TLS ended without close_notify: the end of the dialogue may have been cut off"
    CLEARTEXT_AUTH = "a credential goes over a connection without TLS"
    ECHO = "the server sent the credential back; it is masked here"
    CONNECTION = "connection"
    PROGRAM = "the program says"
    PROGRAM_ENDED = "the program ended"
    TLS_DETAILS = "TLS"
    PREAMBLE = "the program wrote this before its greeting"
    KEY_LOG = "whoever reads this file can decrypt the connection: the keys of TLS are written to it"
    ATTEMPT = "an attempt to connect failed"
    NO_TLS = "the TLS handshake after the 220 to STARTTLS is left out, as asked"


ORDINARY = frozenset({NoticeKind.CONNECTION, NoticeKind.TLS_DETAILS})
"""What is not odd: it says how the connection was made, because the user asked for that way."""

ENDS_REPLY = frozenset({NoticeKind.NOT_A_REPLY, NoticeKind.CUT_REPLY})
"""What ends a reply before its last line. The notice holds the octets that no `ReplyBegun` had."""

GOODBYE = "the server ends the connection: "
"""How the detail of a notice about a 421 that answers nothing begins."""
FATAL = frozenset({NoticeKind.NOT_A_REPLY, NoticeKind.TOO_MUCH, NoticeKind.PLAINTEXT_AFTER_STARTTLS})
"""What ends every session, with an error that says the same."""


class Connected(Struct, frozen=True):
    """A connection is open.

    Args:
        address: What was asked for, such as `mail.example.com:587`.
        tls: Whether TLS begins with the first octet.
        peer: The address that answered, such as `192.0.2.25:587`; empty where that says nothing new.
        looked_up: How many of the entry's seconds went into the look-up of the name; None where that is not known, as in a transcript.
        opened_in: How many of them the connection to that address took; None where that is not known.
    """

    address: str
    tls: bool = False
    peer: str = ""
    looked_up: float | None = None
    opened_in: float | None = None


class CommandSent(Struct, frozen=True):
    """A command line went out.

    Args:
        command: The command.
        pipelined: Whether more follows in the same write, before any reply is read.
    """

    command: Command
    pipelined: bool = False


class SaslSent(Struct, frozen=True):
    """A line of an AUTH exchange went out, in answer to a challenge.

    Args:
        line: The line without CRLF, not in the repr.
        secret: Whether it carries a credential.
        meaning: What it says, decoded and masked; empty when it is not known.
        names_user: Whether it is a user name by itself, which may be shown; a transcript leaves it out all the same.
    """

    line: bytes
    secret: bool = True
    meaning: str = ""
    names_user: bool = False

    def __repr__(self) -> str:
        return f"SaslSent(secret={self.secret!r}, meaning={self.meaning!r})"


class Decoded(Struct, frozen=True):
    """What the base64 of the line before this event means, for a person.

    Args:
        client: Whether the client said it.
        mechanism: Name of the mechanism.
        meaning: Escaped, with secrets masked.
    """

    client: bool
    mechanism: str
    meaning: str


class Authenticated(Struct, frozen=True):
    """An AUTH exchange has ended well.

    Args:
        mechanism: Name of the mechanism.
        user: Who is authenticated.
    """

    mechanism: str
    user: str


class MailDataSent(Struct, frozen=True):
    """A piece of mail data went out, as it goes over the wire.

    Args:
        octets: The piece, dot-stuffed; the final dot is its own piece.
        last: Whether this is the final dot.
    """

    octets: bytes
    last: bool = False


class OctetsSent(Struct, frozen=True):
    """Exactly these octets went out, with nothing added.

    Args:
        octets: The octets, not in the repr.
        public: How many of them, from the start, may be shown; None for all.
    """

    octets: bytes
    public: int | None = None

    def __repr__(self) -> str:
        return f"OctetsSent(public={self.public!r})"


class ReplyReceived(Struct, frozen=True):
    """A whole reply came in.

    Args:
        reply: The reply.
        command: What it answers; None for the greeting, for mail data and for what answers nothing.
        seconds: Time since what it answers was sent; None when that is not known.
        verb: The verb of the command; empty where there is none.
        known: How many of its lines, from the first, were in a `ReplyBegun` before.
        recipient: The recipient that it is for, with its angle brackets, as it was sent: after a message in LMTP, or with PRDR. Empty for
            none.
    """

    reply: Reply
    command: Command | None
    seconds: float | None = None
    verb: str = ""
    known: int = 0
    recipient: bytes = b""

    @property
    def new_octets(self) -> bytes:
        """The octets of the lines that were in no `ReplyBegun`."""
        octets = self.reply.octets
        return octets.split(b"\n", self.known)[-1] if self.known else octets


class ReplyBegun(Struct, frozen=True):
    """Lines of a reply came in whose last line has not come yet. There may be more than one for a reply.

    Args:
        octets: The lines, with their line ends.
        code: The reply code of the first of them.
    """

    octets: bytes
    code: int


class Handshake(Struct, frozen=True):
    """What a handshake of TLS leaves for whoever looks at it later. It is kept where a user can ask for it.

    Args:
        records: What the server sent up to its end, as it came over the wire, bounded.
        keys: The lines of a key log with which `records` is decrypted; empty where none are known.
        trusted: The chain that OpenSSL has verified, in DER form, the server's certificate first; empty if it has not.
        bits: How many bits the key of the cipher has; 0 if unknown.
        alpn: The protocol that was agreed on; empty for none.
        resumed: Whether it went on from an earlier session, without certificates.
        compression: The compression of TLS; empty for none.
    """

    records: bytes = b""
    keys: bytes = b""
    trusted: tuple[bytes, ...] = ()
    bits: int = 0
    alpn: str = ""
    resumed: bool = False
    compression: str = ""

    def __repr__(self) -> str:
        """Return it without its keys."""
        return f"Handshake({len(self.records)} octets, resumed={self.resumed})"


class TlsStarted(Struct, frozen=True):
    """The connection is inside TLS.

    Args:
        version: Such as `TLSv1.3`.
        cipher: Cipher suite.
        verified: Whether chain, dates and name of the certificate were checked and are good; None where a transcript does not say.
        certificate: The server's.
        name: The name it was checked against.
        chain: The certificates that the server sent, in DER form, its own first; empty where they are not known.
        key_log: The file that the keys are written to; empty for none.
        handshake: More about it; None where it was not kept.
    """

    version: str
    cipher: str
    verified: bool | None
    certificate: Certificate
    name: str
    chain: tuple[bytes, ...] = ()
    key_log: str = ""
    handshake: Handshake | None = None


class Noticed(Struct, frozen=True):
    """Something odd, made visible.

    Args:
        kind: What it is.
        detail: More about it; text from outside in it is escaped.
        octets: What came, where that is not in a reply.
    """

    kind: NoticeKind
    detail: str = ""
    octets: bytes = b""

    @property
    def sentence(self) -> str:
        """The notice in words."""
        if self.kind is NoticeKind.UNSOLICITED and self.detail:
            return self.detail  # who says goodbye answers nothing, and that is no news
        return f"{self.kind.value}: {self.detail}" if self.detail else self.kind.value


class Remarked(Struct, frozen=True):
    """A person wrote a note.

    Args:
        text: The note, one line, escaped.
    """

    text: str


class ReplyExpected(Struct, frozen=True):
    """A written transcript says what it expects of a reply, and not what the server said.

    Args:
        lines: Marker and content of each line, printable.
        code: The reply code that is expected; 0 if it is not only one.
        digit: Its first digit; 0 if it is not only one.
        command: What it answers; None for the greeting, for mail data and for what answers nothing.
        verb: The verb of the command; empty where there is none.
    """

    lines: tuple[tuple[str, str], ...]
    code: int = 0
    digit: int = 0
    command: Command | None = None
    verb: str = ""


class Written(Struct, frozen=True):
    """A transcript has a line, or a field of its header, that is not something which happened.

    Args:
        marker: The line's marker; empty for a field.
        text: Its content, printable.
    """

    marker: str
    text: str


class End(Enum):
    """How a connection ended."""

    CLIENT = "client"
    SERVER = "server"
    TIMEOUT = "timeout"
    ERROR = "error"


class TimedOut(Struct, frozen=True):
    """A wait ended without a reply; the connection may go on.

    Args:
        waited: Seconds.
        waiting_for: What was owed.
    """

    waited: float
    waiting_for: str


class Disconnected(Struct, frozen=True):
    """The connection is closed.

    Args:
        end: Who or what ended it.
        detail: Why, in words, escaped.
    """

    end: End
    detail: str = ""


Event = (
    Connected
    | CommandSent
    | SaslSent
    | Decoded
    | Authenticated
    | MailDataSent
    | OctetsSent
    | ReplyBegun
    | ReplyReceived
    | TlsStarted
    | Noticed
    | Remarked
    | ReplyExpected
    | Written
    | TimedOut
    | Disconnected
)


class Entry(Struct, frozen=True):
    """An event with its place in the dialogue.

    Args:
        seq: Number of the event, from 1.
        at: Seconds since the connection was opened.
        event: What happened.
        tls: Whether it happened inside TLS.
        line: Number of its first line in the file that it was read from; 0 where there is no file.
        numbers: Numbers of all lines of a reply in that file; empty where each stands in the line after the one before it.
    """

    seq: int
    at: float
    event: Event
    tls: bool = False
    line: int = 0
    numbers: tuple[int, ...] = ()


Consumer = Callable[[Entry], None]
