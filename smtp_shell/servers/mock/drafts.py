"""The exchanges of a transcript while it is read, and what they become once all of it is known."""

from __future__ import annotations

from itertools import takewhile
from typing import TYPE_CHECKING

from msgspec.structs import replace

from smtp_shell.protocol.octets import CRLF
from smtp_shell.servers.mock.replies import DOT, made_up, scripted
from smtp_shell.servers.mock.script import Exchange, Says, Then
from smtp_shell.transcript.step import Marker
from smtp_shell.transcript.variables import SASL

if TYPE_CHECKING:
    from collections.abc import Sequence

    from smtp_shell.matching.expectation import ExpectedReply
    from smtp_shell.servers.mock.script import Parts, ScriptedReply
    from smtp_shell.transcript.step import Step

_HELLOS = frozenset({"EHLO", "LHLO"})
_ANY = ("CRAM-MD5", "LOGIN", "PLAIN")
"""What is offered for an `*: authenticate` that names no mechanism: each can be done without the password, unlike SCRAM."""

_OFFERED = ("PIPELINING", "8BITMIME", "SMTPUTF8", "ENHANCEDSTATUSCODES")


class RecordedReply:
    """A reply as the transcript has it, with its times.

    Args:
        reply: The reply.
        after: Seconds from what it answers to it.
        delay: Seconds that are waited in any case: a wait ended before it came.
        may_end: Whether it may end in the middle, because the recorded dialogue did.
    """

    __slots__ = ("after", "delay", "may_end", "reply")

    def __init__(self, reply: ExpectedReply, after: float, delay: float, *, may_end: bool) -> None:
        self.reply, self.after, self.delay, self.may_end = reply, after, delay, may_end


class Draft:
    """An exchange whose replies are not all known.

    Args:
        says: What the client does.
        step: The line, or the first of them.
        parts: What it says, without the line end.
        end: The line end.
        is_header: Whether it is a PROXY header, which no reply answers.

    Attributes:
        exchange: What is known of it.
        is_loose: Whether it is octets, which may have no reply.
        sent_at: Its time, in seconds; None where the transcript has none.
        expected: The replies so far.
        chunk: Octets of the chunk after it that have come.
        chunk_left: Octets of the chunk that have not.
        delay: Seconds of a wait that ended before the reply came.
        has_timed_out: Whether such a wait ended.
        has_no_tls: Whether no handshake follows its reply.
        is_left_out: Whether its reply is one that a written transcript leaves out.
    """

    def __init__(
        self, says: Says, step: Step, parts: Parts = (), *, end: bytes = CRLF, is_header: bool = False
    ) -> None:
        self.exchange = Exchange(says, step.line, parts, shown=step.text, end=end)
        self.is_header = is_header
        self.is_loose = step.marker is Marker.CLIENT_OCTETS and not is_header
        self.sent_at = step.at
        self.expected: list[RecordedReply] = []
        self.chunk = self.chunk_left = 0
        self.delay = 0.0
        self.has_timed_out = self.has_no_tls = self.is_left_out = False

    @property
    def place(self) -> str:
        """What its first reply answers."""
        if self.exchange.says is Says.DATA:
            return DOT
        return self.exchange.verb or ("AUTH" if self.exchange.says is Says.AUTH else "")

    @property
    def challenges(self) -> bool:
        """Whether the last reply is a challenge of an AUTH exchange."""
        return self.exchange.says is Says.AUTH and bool(self.expected) and self.expected[-1].reply.allows(334)

    def awaits(self, parts: Parts) -> bool:
        """Return whether a line answers a challenge of an AUTH exchange: one that was read, or one that a script leaves out."""
        return self.challenges or (not self.expected and parts == (SASL,))


def literal_of(parts: Parts) -> bytes:
    """Return the octets of a line, with one in the place of each variable."""
    return b"".join(part if isinstance(part, bytes) else b"x" for part in parts)


def reply_of(each: RecordedReply, verb: str, keywords: tuple[str, ...] = (), *, is_recording: bool) -> ScriptedReply:
    """Return what to send for a reply of the transcript.

    Args:
        each: The reply.
        verb: What it answers.
        keywords: What EHLO announces, where the transcript has only the code of the reply.
        is_recording: Whether a program recorded it.

    Raises:
        Unservable: A line can be no reply's, or its pattern is too much to make up a text.
    """
    made = scripted(each.reply, verb, keywords, is_recording=is_recording, may_end=each.may_end)
    return replace(made, after=each.after, delay=each.delay)


def exchanges_of(drafts: Sequence[Draft], *, is_recording: bool) -> tuple[Exchange, ...]:
    """Return the exchanges of a session, all of whose steps have been read.

    Args:
        drafts: What has been read.
        is_recording: Whether a program recorded it.

    Raises:
        Unservable: A line can be no reply's, or its pattern is too much to make up a text.
    """
    session = _Session(drafts, is_recording=is_recording)
    return tuple(session.exchange(number) for number in range(len(drafts)))


class _Session:
    """The drafts of one session, all of them read."""

    def __init__(self, drafts: Sequence[Draft], *, is_recording: bool) -> None:
        self._drafts = drafts
        self._is_recording = is_recording

    def exchange(self, number: int) -> Exchange:
        draft = self._drafts[number]
        verb, then = draft.place, draft.exchange.then
        keywords = self._keywords(number) if verb in _HELLOS else ()
        replies = tuple(reply_of(each, verb, keywords, is_recording=self._is_recording) for each in draft.expected)
        if not replies and draft.is_left_out:
            replies = (made_up(verb, keywords),)
        code = replies[0].code if replies else 0
        is_last = all(each.exchange.says is Says.CLOSE for each in self._drafts[number + 1 :])
        # A server that was in the middle of a further reply when the client closed had not closed.
        ends_with_quit = verb == "QUIT" and code and not any(each.reply.is_unfinished for each in draft.expected)
        if verb == "STARTTLS" and code == 220 and not draft.has_no_tls and then is Then.NOTHING:
            then = Then.TLS
        elif then is Then.NOTHING and is_last and (ends_with_quit or self._ends_with_421(number, replies)):
            then = Then.CLOSE
        is_cut = draft.chunk > 0 and draft.chunk_left > 0 and (bool(replies) or then is not Then.NOTHING)
        chunk = draft.chunk if is_cut else None
        recipients = self._recipients(number)
        return replace(draft.exchange, replies=replies, then=then, chunk=chunk, recipients=recipients)

    def _recipients(self, number: int) -> int:
        """Return how many recipients were accepted in the mail transaction before an exchange ends it."""
        if self._drafts[number].exchange.says is not Says.DATA and self._drafts[number].exchange.verb != "BDAT":
            return 0
        found = 0
        for draft in reversed(self._drafts[:number]):
            if draft.exchange.verb in ("MAIL", "RSET"):
                break
            if draft.exchange.verb == "RCPT":
                found += draft.is_left_out or any(each.reply.lines[0].may_begin("2") for each in draft.expected[:1])
        return found

    def _ends_with_421(self, number: int, replies: tuple[ScriptedReply, ...]) -> bool:
        return bool(replies) and replies[-1].code == 421 and number + 1 == len(self._drafts)

    def _keywords(self, number: int) -> tuple[str, ...]:
        """Return what an EHLO announces whose reply is left out: what the client uses up to the next one."""
        following = [each.exchange for each in self._drafts[number + 1 :]]
        used = list(takewhile(lambda exchange: exchange.verb not in _HELLOS, following))
        mechanisms = [word for each in used for word in _mechanisms(each)]
        more = [
            word
            for verb, word in (("STARTTLS", "STARTTLS"), ("BDAT", "CHUNKING"))
            if any(each.verb == verb for each in used)
        ]
        return (*_OFFERED, *more, *([f"AUTH {' '.join(dict.fromkeys(mechanisms))}"] if mechanisms else []))


def _mechanisms(exchange: Exchange) -> tuple[str, ...]:
    """Return the mechanism that an AUTH command names, or those from which the client may choose; none for another command."""
    if exchange.mechanisms is not None:
        return exchange.mechanisms or _ANY
    words = literal_of(exchange.parts).split()
    return (words[1].decode("ascii", "replace").upper(),) if exchange.says is Says.AUTH and len(words) > 1 else ()
