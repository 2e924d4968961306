"""Masking of credentials: those that a client sends, those that a server sends back, and those that a user types by hand.

`ExchangeLines` is the one rule for which lines carry a credential: for what is pasted at a prompt, for what stands in a transcript, and
for octets sent as they are.
"""

from __future__ import annotations

import re
from binascii import b2a_base64
from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from smtp_shell.protocol.commands import auth_mechanism, secret_start
from smtp_shell.protocol.events import OctetsSent
from smtp_shell.protocol.octets import decode_base64, escape
from smtp_shell.protocol.rawlines import lines_of
from smtp_shell.protocol.secret import Secret

if TYPE_CHECKING:
    from smtp_shell.protocol.events import Event
    from smtp_shell.protocol.replies import Reply
    from smtp_shell.protocol.traces import TraceIndex

MASK = "\N{BULLET}" * 6

OPEN_RESPONSES: Final = frozenset((b"", b"=", b"AQ=="))
"""Responses that hold no secret: the empty one, and the one that acknowledges an OAuth error."""

_CANCEL = b"*"
_MASK_OCTETS = MASK.encode()
_SHORTEST_FOUND = 4
_SHORTEST_WORD = 8  # of base64 among other words; many a shorter word is base64 by chance
_MOST_APART = (
    64  # traces that are looked for one by one; more are looked for in one pass (4 us for a line of 60 octets)
)
# One word that is no command without an argument. Compiled when it is needed.
_ANSWER = (
    rb"(?i)(?!(?:ATRN|AUTH|BDAT|DATA|EHLO|ETRN|EXPN|HELO|HELP|LHLO|MAIL|NOOP|QUIT|RCPT|RSET|STARTTLS|TURN|VRFY)\Z)\S*"
)
# Compiled when somebody has typed a response by hand.
_CRAM_ANSWER = rb"(?s)(.*) [0-9A-Fa-f]{32}"
_SCRAM_PROOF = rb",p=[^,]*"
_OAUTH_TOKEN = rb"(?is).*\x01auth=Bearer ([^\x01]*)\x01.*"
_OAUTH_ANSWER = rb"(?i)([^\x01]*\x01(?:(?!auth=)[^\x01]*\x01)*auth=Bearer )[^\x01]*(\x01+)"


def conceal_octets(octets: bytes, secret: Secret) -> bytes:
    """Mask a secret that a server has echoed, in clear or anywhere inside base64.

    A secret of fewer than four octets is not looked for: it would be found in any text.

    Args:
        octets: What came over the wire, before `escape`.
        secret: What must be neither shown nor kept.
    """
    return conceal_traces(octets, traces_of(secret))


def traces_of(secret: Secret) -> tuple[bytes, ...]:
    """Return the octets by which a secret is found in what a server sends. They are as secret as it is.

    Args:
        secret: What must be neither shown nor kept.
    """
    value = secret.reveal().encode("utf-8", "surrogateescape")
    return tuple(_traces(value)) if len(value) >= _SHORTEST_FOUND else ()


def conceal_traces(octets: bytes, traces: Iterable[bytes]) -> bytes:
    """Mask the traces of secrets.

    Args:
        octets: What came over the wire, before `escape`.
        traces: What to look for, in this order.
    """
    for trace in traces:
        if trace in octets:
            octets = octets.replace(trace, _MASK_OCTETS)
    return octets


def _traces(value: bytes) -> Iterator[bytes]:
    yield value
    # In base64 the same octets give other digits at each offset modulo 3; digits that share bits with a neighbour are left out.
    for offset, first in ((0, 0), (1, 2), (2, 3)):
        whole_digits = (offset + len(value)) * 8 // 6
        yield b2a_base64(b"\0" * offset + value)[first:whole_digits]


class EchoMask:
    """Replaces every credential that a connection has carried, in clear and in base64, in what the server sends.

    Attributes:
        is_empty: Whether there is nothing to mask yet.
    """

    def __init__(self) -> None:
        self.is_empty = True
        self._traces: tuple[bytes, ...] = ()  # the longest first
        self._index: TraceIndex | None = None  # in their place where they are many

    def add(self, secret: Secret) -> None:
        """Mask a secret from now on."""
        self._add_traces(traces_of(secret))

    def add_octets(self, octets: bytes, *, decoded: bool = True) -> None:
        """Mask octets that were sent as a credential.

        Args:
            octets: The line, or the part of it that is one.
            decoded: Whether to mask also what their base64 holds. False for a user name.
        """
        parts = [octets, *(_secret_parts(octets) if decoded else ())]
        # A command that was typed where a response was due has several, of which the server may repeat one.
        words = octets.split()
        for word in words if len(words) > 1 else ():
            if len(word) >= _SHORTEST_WORD and (inside := _secret_parts(word)):
                parts += [word, *inside]
        for part in parts:
            self.add(Secret(part.decode("utf-8", "surrogateescape")))

    def add_line(self, line: bytes, public: int) -> None:
        """Mask the credential in a line that was sent.

        Args:
            line: The line; its line end does not count.
            public: Octets of it that may be shown. What follows AUTH LOGIN is a user name.
        """
        self.add_octets(line[public:].strip(), decoded=(auth_mechanism(line) or b"").upper() != b"LOGIN")

    def add_sent(self, events: Iterable[Event]) -> None:
        """Mask what was sent as octets and may not be shown."""
        for event in events:
            if isinstance(event, OctetsSent) and event.public is not None:
                self.add_line(event.octets, event.public)

    def add_all(self, other: EchoMask) -> None:
        """Mask what another connection masks: the server may remember it."""
        self._add_traces(other._index or other._traces)

    def _add_traces(self, traces: Iterable[bytes]) -> None:
        if self._index is not None:
            self._index.add(traces)
            return
        # The longest first: a password is found inside a response that holds it, and the rest of that would stay.
        found = sorted({*self._traces, *traces}, key=lambda trace: (-len(trace), trace))
        self.is_empty = not found
        if len(found) > _MOST_APART:
            from smtp_shell.protocol.traces import TraceIndex

            self._index, found = TraceIndex(found), []
        self._traces = tuple(found)

    def octets(self, octets: bytes) -> bytes:
        """Return octets with the credentials masked; the same object if there are none."""
        if self._index is not None:
            return self._index.conceal(octets, _MASK_OCTETS)
        return conceal_traces(octets, self._traces)

    def reply(self, reply: Reply) -> Reply:
        """Return a reply with the credentials masked; the same object if there are none."""
        octets = self.octets(reply.octets)
        if octets is reply.octets:
            return reply
        return replace(reply, octets=octets, lines=tuple(self.octets(line) for line in reply.lines))


def _secret_parts(octets: bytes) -> tuple[bytes, ...]:
    """Return what is secret in a response, decoded: the password of PLAIN, the token of an OAuth mechanism, or all of it."""
    decoded = decode_base64(octets.strip())
    if not decoded:
        return ()
    if found := re.fullmatch(_OAUTH_TOKEN, decoded):
        return (found[1],)
    if b"\0" in decoded:
        return (decoded.rpartition(b"\0")[2],)
    return (decoded,)


class ExchangeLines:
    """Follows the lines of a client through AUTH exchanges, to find the credentials in them.

    It needs no replies. Where they are known it is told of them, and is then sure of what it assumes without them: that each word by
    itself after an AUTH command answers a challenge, until a command or `*` follows.

    Args:
        challenged: Whether a challenge awaits its answer.

    Attributes:
        challenged: Whether a 334 is the last that the server said: whatever the client sends answers it.
        is_open: Whether an AUTH command was sent whose exchange has not ended, as far as is known.
        answers: Whether the last line answers a challenge.
        names_user: Whether the last line is the user name of AUTH LOGIN, which is no secret.
        mechanism: The word after the last AUTH, as written; not escaped. Empty for none.
    """

    def __init__(self, *, challenged: bool = False) -> None:
        self.challenged = challenged
        self.is_open = challenged
        self.answers = False
        self.names_user = False
        self.mechanism = ""
        self._began = False  # the last line is an AUTH command or belongs to its exchange
        self._expects_user = False  # the exchange is LOGIN, and the user name comes next

    def send(self, line: bytes) -> int | None:
        """Return where the credential in a line begins; None if there is none.

        Args:
            line: The line that the client sends next, with or without its line end.

        Source: RFC 4954 section 4
        """
        self.names_user, expected_user, self._expects_user = False, self._expects_user, False
        self.answers = self.challenged or (self.is_open and may_answer(line))
        self.challenged = False
        if self.answers:
            self.is_open = self._began = line.strip() != _CANCEL
            self.names_user = expected_user and is_secret_answer(line)
            return 0 if is_secret_answer(line) else None
        mechanism = auth_mechanism(line)
        self.is_open = self._began = mechanism is not None
        self.mechanism = (mechanism or b"").decode("ascii", "replace")
        start = secret_start(line)
        if mechanism is not None and mechanism.upper() == b"LOGIN":
            self.names_user, self._expects_user = start is not None, start is None
        return start

    def receive(self, code: int, challenge: bytes = b"") -> None:
        """Note the reply to the last line.

        Args:
            code: Its code; a 334 is a challenge, and anything else ends the exchange.
            challenge: The text of a 334. One that asks for a password is not answered with a user name.
        """
        # A group of commands has several replies, of which an earlier one does not end the exchange that the last one began.
        self.challenged = self.is_open = self._began and code == 334
        if b"pass" in (decode_base64(challenge) or b"").lower():
            self._expects_user = False


def is_user_name(response: bytes) -> bool:
    """Return whether the base64 of a response holds nothing but text, as that of a user name does."""
    decoded = decode_base64(response.strip())
    if not decoded:
        return False
    try:
        return decoded.decode().isprintable()
    except UnicodeDecodeError:
        return False


def may_answer(line: bytes) -> bool:
    """Return whether a line may answer a challenge that nobody has seen: one word that is no command without an argument."""
    return re.fullmatch(_ANSWER, line.strip()) is not None


def public_lines(octets: bytes, lines: ExchangeLines) -> Iterator[tuple[bytes, int | None]]:
    """Yield the lines of octets, each with its line end and with the octets of it that may be shown; None for all.

    Args:
        octets: What the client sends.
        lines: The exchange before it.
    """
    for line in lines_of(octets):
        yield line, lines.send(line)


def is_secret_answer(line: bytes) -> bool:
    """Return whether a line typed as the answer to a 334 is to be masked: every one except `*` and the empty one."""
    return line.strip() not in (b"", _CANCEL)


def describe_typed(line: bytes, name: str, *, names_user: bool = False) -> str:
    """Return what an initial response, or an answer to a 334, means that the user typed by hand, its password masked.

    Only what stands where the mechanism has something harmless is shown, so a wrong form is masked as a whole.

    Args:
        line: The base64, or `*`, or `=`.
        name: The mechanism's name as typed in the AUTH command.
        names_user: Whether it stands where LOGIN has the user name.
    """
    line = line.strip()
    if line == b"*":
        return "cancel the exchange"
    if line in (b"", b"="):
        return "(empty)"
    octets = decode_base64(line)
    if octets is None:
        return f"{MASK} (no base64)"
    if names_user and is_user_name(line):
        return f"user name {escape(octets)}"
    match name.upper().removesuffix("-PLUS") if name.isascii() else "":
        case "PLAIN":
            return _describe_plain(octets)
        case "CRAM-MD5" if found := re.fullmatch(_CRAM_ANSWER, octets):
            return f"{escape(found[1])} and the digest {MASK}"
        case "SCRAM-SHA-1" | "SCRAM-SHA-256" if octets.startswith((b"n,", b"y,", b"p=tls-", b"c=")):
            return escape(re.sub(_SCRAM_PROOF, b",p=" + MASK.encode(), octets))
        case "XOAUTH2" | "OAUTHBEARER" if found := re.fullmatch(_OAUTH_ANSWER, octets):
            return f"{escape(found[1])}{MASK}{escape(found[2])}"
    return MASK + _hint(octets)


def _describe_plain(octets: bytes) -> str:
    fields = octets.split(b"\0")
    if len(fields) != 3:
        return f"{MASK} (NUL stands in it {len(fields) - 1} times, not twice)"
    authzid, user, password = fields
    if not user or not password:
        return f"{MASK} (the user name or the password is empty)"
    return " ".join(filter(None, (escape(authzid), "NUL", escape(user), "NUL", MASK))) + _hint(octets)


def _hint(octets: bytes) -> str:
    return " (ends in a line feed)" if octets.endswith(b"\n") else ""  # as from `echo` without -n
