"""The client of a replay: sends what the transcript's client sent, and does what follows from the replies."""

from __future__ import annotations

from functools import partial
from operator import attrgetter
from time import monotonic
from typing import TYPE_CHECKING

from msgspec import Struct
from msgspec.structs import replace

from smtp_shell.errors import DialogueBroken, TlsFailed
from smtp_shell.protocol.commands import Command, bdat_chunk
from smtp_shell.protocol.masking import ExchangeLines
from smtp_shell.protocol.octets import CRLF, escape
from smtp_shell.protocol.phases import Asked, Phase
from smtp_shell.protocol.rawlines import is_whole_proxy_header
from smtp_shell.replay.mail_data import MailDataSender
from smtp_shell.replay.results import LONGEST_SHOWN, excerpt
from smtp_shell.replay.sasl_steps import EMPTY_LINE, SaslSteps, has_secret
from smtp_shell.replay.verifier import VIOLATED, Comparison, ReplyVerifier
from smtp_shell.transcript.step import CLIENT_LINES, Marker, Step
from smtp_shell.transcript.variables import SASL_MARK, Template

if TYPE_CHECKING:
    from pathlib import Path

    from smtp_shell.client.session import Session
    from smtp_shell.protocol.dialogue import Dialogue
    from smtp_shell.protocol.events import OctetsSent
    from smtp_shell.protocol.phases import Owed
    from smtp_shell.protocol.sasl import Mechanism
    from smtp_shell.replay.cursor import StepCursor
    from smtp_shell.replay.incoming import IncomingReplies
    from smtp_shell.replay.settings import ReplaySettings
    from smtp_shell.transcript.variables import Variables

_STRIPPED = "its EHLO does not announce STARTTLS: somebody on the way may be stripping it"
_MOST_SHOWN = 100
# What may follow these depends on the reply, so it is awaited even where they are sent as octets and no `S` line follows.
_DECIDING = frozenset(("AUTH", "DATA", "STARTTLS"))
_line_of = attrgetter("line")


class SentStep(Struct, frozen=True):
    """A step that was sent.

    Args:
        lines: Numbers of its lines.
        shown: What was sent, as it may be shown.
        started: When it was begun, on the clock of `time.monotonic`.
        verb: The verb of its last command; empty for none.
        awaits_all: Whether all that is owed is awaited, also what no `S` line expects.
        in_exchange: Whether it was sent inside an AUTH exchange.
        is_stripped: Whether the server announces what it can do, and STARTTLS is not among that.
        why: Why it is incomplete, where that is the transcript's doing.
        doubtful: Whether its octets may or may not be owed replies.
        fewer_replies: Whether it is a group of which the transcript has fewer replies than lines.
    """

    lines: tuple[int, ...]
    shown: str
    started: float
    verb: str = ""
    awaits_all: bool = True
    in_exchange: bool = False
    is_stripped: bool = False
    why: str = ""
    doubtful: bool = False
    fewer_replies: bool = False


class ReplayClient:
    """Sends the client steps of a transcript.

    Args:
        cursor: The transcript.
        settings: How it is replayed.
        variables: Values of variables.
        folder: The transcript's folder.

    Attributes:
        sasl: The AUTH exchanges.
        mail: The mail data.
        chunk_left: How many octets of a BDAT chunk are still to be sent.
    """

    def __init__(self, cursor: StepCursor, settings: ReplaySettings, variables: Variables, folder: Path) -> None:
        self.sasl = SaslSteps(cursor, settings, variables)
        self.chunk_left = 0
        self.mail = MailDataSender(cursor, folder, self._expand, outside=settings.outside)
        self._cursor = cursor
        self._settings = settings
        self._variables = variables
        self._chunk_of: SentStep | None = None  # the group that ends in the BDAT command

    def take_group(self, first: Step) -> list[Step]:
        """Pass a client line, with the lines of its group, and return them."""
        cursor = self._cursor
        cursor.advance()
        steps = [first]
        while (
            steps[-1].marker is Marker.PIPELINED
            and (step := cursor.step) is not None
            and step.marker in CLIENT_LINES
            and step.marker is not Marker.CLIENT_OCTETS
            and not _begins_chunk(steps[-1])
        ):
            cursor.advance()
            steps.append(step)
        return steps

    def send_group(self, session: Session, incoming: IncomingReplies, steps: list[Step]) -> SentStep | None:
        """Send a line, or the lines of a group in one write; return None if a chunk follows, which belongs to it.

        Raises:
            TlsFailed: The user demands STARTTLS, and AUTH or a mail transaction would go in the clear. Nothing was sent.
            UsageError: A variable has no value.
            NotSendable: A value would not stay inside one line.
        """
        started, dialogue = monotonic(), session.dialogue
        in_exchange, asked = dialogue.phase is Phase.AUTH, dialogue.asked
        if any(map(has_secret, steps)):
            return self._send_secrets(session, incoming, steps)
        commands = self._commands(steps, challenged=in_exchange)
        verb = commands[-1].verb
        if session.target.starttls:
            demand_tls(session, [command.verb for command in commands])
        announced = dialogue.extensions
        is_stripped = announced is not None and "STARTTLS" not in announced
        if in_exchange and len(commands) == 1:
            shown = self.sasl.send_response(session, incoming, commands[0].line)
        else:
            self.chunk_left = self._following_chunk(commands[-1])
            more = self.chunk_left > 0
            incoming.attempt(partial(session.send, *commands, more=more, looked=True))
            shown = _shown(steps, commands)
            for owed in _owed_since(asked, dialogue):
                self.sasl.note_sent(owed)
                verb, in_exchange = owed.verb, owed.asked is Asked.SASL
        lines = tuple(map(_line_of, steps))
        sent = SentStep(lines, shown, started, verb, in_exchange=in_exchange, is_stripped=is_stripped)
        if self.chunk_left:
            self._chunk_of = sent
            return None
        return sent

    def _send_secrets(self, session: Session, incoming: IncomingReplies, steps: list[Step]) -> SentStep:
        """Send a line with `${sasl}`, or a group that ends in such lines or in other responses; the group goes out in one write.

        Raises:
            TlsFailed: The user demands STARTTLS, and AUTH would go in the clear. Nothing was sent.
            UsageError: A variable has no value.
            NotSendable: A value would not stay inside one line.
        """
        started = monotonic()
        exchange = ExchangeLines(challenged=session.dialogue.phase is Phase.AUTH)
        commands: list[Command | None] = []
        for step in steps:
            line = step.octets if has_secret(step) else self._expand(step)
            start = exchange.send(line)
            commands.append(None if has_secret(step) else Command(line, start))
        demand_tls(session, [*(command.verb for command in commands if command is not None), "AUTH"])
        incoming.attempt(partial(self.sasl.send_secrets, session, commands))
        shown = [
            step.text if command is None else _shown_command(command)
            for step, command in zip(steps, commands, strict=True)
        ]
        del shown[_MOST_SHOWN:-1]
        return SentStep(tuple(map(_line_of, steps)), excerpt("\n".join(shown)), started, "AUTH")

    def send_as_octets(self, session: Session, incoming: IncomingReplies, steps: list[Step]) -> SentStep:
        """Send the lines of a group in one write as octets, of which the dialogue reads what each is: a command, or mail data.

        Args:
            session: The session.
            incoming: What it receives.
            steps: The lines.

        Raises:
            TlsFailed: The user demands STARTTLS, and AUTH or a mail transaction would go in the clear. Nothing was sent.
            UsageError: A variable has no value.
        """
        fewer = session.dialogue.answered > 0 and self._has_fewer_replies(steps)
        text = "".join([_with_line_end(step.text) for step in steps])
        sent = self.send_octets(session, incoming, Step(Marker.CLIENT_OCTETS, text))
        sent = replace(sent, lines=tuple(map(_line_of, steps)), fewer_replies=fewer)
        if SASL_MARK in sent.shown:
            return sent
        return replace(sent, shown=excerpt("\n".join([step.text or EMPTY_LINE for step in steps[:_MOST_SHOWN]])))

    def find_mechanism(self, session: Session, steps: list[Step]) -> Mechanism | None:
        """Return the mechanism that the first `${sasl}` of a group needs credentials for; None if its exchange has them.

        Args:
            session: The session.
            steps: The lines.

        Raises:
            AuthFailed: The mechanism is unknown, credentials are missing, or must not be sent here.
            UsageError: A variable has no value.
            NotSendable: A value would not stay inside one line.
        """
        first = [has_secret(step) for step in steps].index(True)
        before = b"".join([self._expand(step) + CRLF for step in steps[:first]])
        return self.sasl.needs_credentials(session, before, steps[first])

    def goes_as_octets(self, session: Session, steps: list[Step]) -> bool:
        """Return whether the lines of a group are not one command with one reply each.

        So it is before the greeting, with mail data among them, and where the transcript has fewer replies.

        Args:
            session: The session.
            steps: The lines.
        """
        if not session.dialogue.answered:
            return True
        if len(steps) < 2 or any(map(has_secret, steps)):
            return False
        verbs = [Command.parse(step.octets).verb for step in steps]
        return "AUTH" not in verbs and ("DATA" in verbs[:-1] or self._has_fewer_replies(steps))

    def _has_fewer_replies(self, steps: list[Step]) -> bool:
        """Return whether the transcript has replies to a group, and fewer than it has commands."""
        return self._cursor.expects and self._cursor.count_expected() < len(steps)

    def send_octets(self, session: Session, incoming: IncomingReplies, step: Step) -> SentStep:
        """Send octets as they are; replies are awaited only where the transcript has them.

        Raises:
            TlsFailed: The user demands STARTTLS, and AUTH or a mail transaction would go in the clear. Nothing was sent.
            UsageError: A variable has no value.
        """
        started, dialogue = monotonic(), session.dialogue
        is_secret = has_secret(step)
        octets = b"".join(self.sasl.around_secret(step)) if is_secret else self._expand(step)
        asked, in_exchange, announced = dialogue.asked, dialogue.is_authenticating, dialogue.extensions
        if session.target.starttls:
            demand_tls(session, [Command.parse(line).verb for line in (dialogue.unended + octets).split(b"\n")])
        if is_secret:
            shown = step.text
            incoming.attempt(partial(self.sasl.send_secret_octets, session, step))
        elif session.transport.header and asked == 1 and is_whole_proxy_header(octets):
            shown = escape(session.transport.header)  # it was sent when the connection was opened
        else:
            shown = "".join(map(_shown_octets, dialogue.foretell_raw(octets)))
            incoming.attempt(partial(session.send_raw, octets))
        new = _owed_since(asked, dialogue)
        last = new[-1] if new else None
        for owed in () if is_secret else new:
            self.sasl.note_sent(owed)
        following = self._cursor.step
        verb = last.verb if last is not None else ""
        return SentStep(
            (step.line,),
            shown[:LONGEST_SHOWN],
            started,
            verb,
            awaits_all=verb in _DECIDING and following is not None and following.marker is not Marker.CLIENT_OCTETS,
            in_exchange=in_exchange and last is not None and last.asked is Asked.SASL,
            is_stripped=announced is not None and "STARTTLS" not in announced,
            doubtful=True,
        )

    def send_chunk(self, session: Session, incoming: IncomingReplies) -> SentStep:
        """Send the octets of a chunk whose BDAT command has been sent. The reply comes after the last of them.

        Raises:
            UsageError: A variable has no value.
        """
        group = self._chunk_of
        assert group is not None
        started, last = monotonic(), 0
        while self.chunk_left and (step := self._cursor.step) is not None and step.marker in CLIENT_LINES:
            self._cursor.advance()
            last = step.line
            octets = self._expand(step)
            if step.marker is not Marker.CLIENT_OCTETS and len(octets) != self.chunk_left:
                octets += CRLF
            self.chunk_left = max(0, self.chunk_left - len(octets))
            incoming.attempt(partial(session.send_chunk, octets))
        self.chunk_left, self._chunk_of = 0, None
        return SentStep((*group.lines, last), f"{group.shown}\n(a chunk)", started)

    def send_mail_piece(self, session: Session, incoming: IncomingReplies, started: float) -> SentStep | None:
        """Send a piece of mail data; return None if more follows.

        Raises:
            TranscriptError: A file with mail data cannot be read any more.
            UsageError: A variable has no value.
            NotSendable: A value would not stay inside one line.
        """
        sent = self.mail.send_piece(session, incoming)
        if sent is None:
            return None
        shown = "(mail data and the final dot)" if sent.is_whole else "(mail data)"
        return SentStep(sent.lines, shown, started, awaits_all=sent.is_whole, why=sent.why, doubtful=sent.doubtful)

    def settle(
        self, session: Session, incoming: IncomingReplies, verifier: ReplyVerifier, sent: SentStep, found: Comparison
    ) -> Comparison:
        """Do what follows from the replies to a step, and return the comparison with what came of that.

        STARTTLS is followed by the handshake, and an AUTH exchange is checked by its mechanism.
        """
        if sent.doubtful:
            is_greeting_owed = session.dialogue.answered == 0  # whatever was sent before it
            verifier.doubtful = session.outstanding - is_greeting_owed
            if not found.code:
                return found
        if session.tls_due or (sent.verb == "STARTTLS" and not sent.in_exchange):
            return self._after_starttls(session, incoming, verifier, sent, found)
        if sent.verb == "AUTH" or sent.in_exchange:
            return self.sasl.settle(session, found, incoming.last_reply)
        if sent.verb == "DATA":
            return self._after_data(session, found)
        return replace(found, why=sent.why) if sent.why else found

    def start_tls(
        self, session: Session, incoming: IncomingReplies, verifier: ReplyVerifier, found: Comparison
    ) -> Comparison:
        """Do the handshake after a 220 to STARTTLS, unless the transcript declines it; return the comparison with its outcome."""
        if found.declines_tls or self._cursor.next_event() == "no-tls":
            session.decline_tls()
            return found
        try:
            session.start_tls(self._settings.tls_settings)
        except DialogueBroken as error:
            incoming.broken = error
            found = found.ending()
            if not verifier.foresees(error, attacked=session.is_attacked, cut=True):
                found = found.differing(error.exit_status, error.message.removesuffix("."))
        return found

    def _after_data(self, session: Session, found: Comparison) -> Comparison:
        if session.phase is Phase.MAILDATA:
            # Without mail data to send, the next command would be taken for it.
            return found if found.ok or (found.accepts_354 and self.mail.is_ahead()) else found.ending()
        if not found.ok and found.accepts_354:
            return replace(found, why=f"{found.why}; the mail data is not sent")
        return found

    def _after_starttls(
        self, session: Session, incoming: IncomingReplies, verifier: ReplyVerifier, sent: SentStep, found: Comparison
    ) -> Comparison:
        if (
            found.code == 220
            and session.phase is Phase.TLS
            and (found.ok or (self._settings.goes_on and found.foresaw(220)))
        ):
            return self.start_tls(session, incoming, verifier, found)
        if found.ok and (found.code in (0, 220) or found.demanded):
            return found  # 0: no reply came, as in the transcript
        if found.code == 220:
            return found.ending()
        # Nothing more goes in the clear where the transcript has TLS, whoever refuses it.
        why = found.why or "the server refused STARTTLS"
        status = found.status if found.ended or found.status == VIOLATED else TlsFailed.exit_status
        return (
            replace(found, status=0)
            .differing(
                status,
                f"{why}; {_STRIPPED}" if sent.is_stripped else why,
                found.shown_expected or "220",
                found.shown_received,
                at=found.difference.at if found.difference else None,
                line=found.difference.line if found.difference else 0,
            )
            .ending()
        )

    def _commands(self, steps: list[Step], *, challenged: bool) -> list[Command]:
        """Return the lines of a group. One that follows AUTH in it answers the challenge that is still to come.

        Args:
            steps: The lines.
            challenged: Whether the first one answers a challenge.
        """
        commands = [Command.parse(self._expand(step)) for step in steps]
        if not challenged and (len(commands) == 1 or all(command.verb != "AUTH" for command in commands)):
            return commands
        exchange = ExchangeLines(challenged=challenged)
        return [Command(command.line, exchange.send(command.line)) for command in commands]

    def _expand(self, step: Step) -> bytes:
        """Return the octets of a client line, its variables replaced.

        Raises:
            UsageError: A variable has no value.
            NotSendable: A value would not stay inside one line.
        """
        text = step.text
        if "\\" not in text and "${" not in text:
            return text.encode()
        template = Template.parse(step.text)
        if step.marker is Marker.CLIENT_OCTETS:
            return b"".join(
                part if isinstance(part, bytes) else self._variables.value(part).encode("utf-8", "surrogateescape")
                for part in template.parts
            )
        return template.expand(self._variables.value)

    def _following_chunk(self, command: Command) -> int:
        """Return the size of the chunk that follows a BDAT command, as octets or as lines; 0 if none does."""
        chunk = bdat_chunk(command.line)
        following = self._cursor.step if chunk is not None else None
        if chunk is None or following is None or following.marker not in CLIENT_LINES:
            return 0
        return chunk.size


def _owed_since(asked: int, dialogue: Dialogue) -> tuple[Owed, ...]:
    """Return the replies that became owed since `asked` was read."""
    return dialogue.owed[-(dialogue.asked - asked) :] if dialogue.asked > asked else ()


def _begins_chunk(step: Step) -> bool:
    """Return whether a line is a BDAT command whose chunk is not empty: what follows it is no command."""
    chunk = bdat_chunk(step.octets)
    return chunk is not None and chunk.size > 0


def _with_line_end(text: str) -> str:
    """Return the text of a line with its line end, as in a line of octets."""
    backslashes = len(text) - len(text.rstrip("\\"))
    return text + ("\\" if backslashes % 2 else "") + r"\r\n"


def demand_tls(session: Session, verbs: list[str]) -> None:
    """Refuse to send AUTH or a mail transaction in the clear where the user demands STARTTLS.

    Raises:
        TlsFailed: One of the verbs is theirs, and there is no TLS.
    """
    if session.target.starttls and not session.is_private and not {"AUTH", "MAIL"}.isdisjoint(verbs):
        raise TlsFailed("STARTTLS is demanded, and the transcript goes on without it.")


def _shown(steps: list[Step], commands: list[Command]) -> str:
    """Return commands as they may be shown. A line without variables and secrets stands in the file as it may be shown."""
    if len(commands) == 1 and commands[0].public is None and "${" not in steps[0].text:
        return steps[0].text[:LONGEST_SHOWN] or EMPTY_LINE
    return excerpt("\n".join(map(_shown_command, commands[:_MOST_SHOWN])))


def _shown_command(command: Command) -> str:
    if command.public is None:
        return escape(command.line[:LONGEST_SHOWN]) or EMPTY_LINE
    return escape(command.shown[:LONGEST_SHOWN]) + SASL_MARK


def _shown_octets(sent: OctetsSent) -> str:
    octets = sent.octets[: sent.public]
    return escape(octets[:LONGEST_SHOWN]) + (SASL_MARK if sent.public is not None else "")
