"""AUTH in a replay: each `${sasl}` is the response that the mechanism gives to what this server asks."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from smtp_shell.errors import AuthFailed, DialogueBroken, NotSendable, ProtocolViolation, UsageError
from smtp_shell.protocol.commands import Command, auth_mechanism
from smtp_shell.protocol.masking import OPEN_RESPONSES, is_secret_answer, may_answer, public_lines
from smtp_shell.protocol.octets import escape, unescape
from smtp_shell.protocol.phases import Asked, Phase
from smtp_shell.replay.results import LONGEST_SHOWN, excerpt
from smtp_shell.transcript.step import CLIENT_LINES, Marker
from smtp_shell.transcript.variables import SASL, SASL_MARK, Template

if TYPE_CHECKING:
    from collections.abc import Sequence

    from smtp_shell.client.authentication import AuthExchange
    from smtp_shell.client.session import Session
    from smtp_shell.protocol.masking import ExchangeLines
    from smtp_shell.protocol.phases import Owed
    from smtp_shell.protocol.replies import Reply
    from smtp_shell.protocol.sasl import Credentials, Mechanism
    from smtp_shell.replay.cursor import StepCursor
    from smtp_shell.replay.incoming import IncomingReplies
    from smtp_shell.replay.settings import ReplaySettings
    from smtp_shell.replay.verifier import Comparison
    from smtp_shell.transcript.step import Step
    from smtp_shell.transcript.variables import Variables

EMPTY_LINE = "(an empty line)"
_MOST_READ = 65_536  # octets of a line that are looked at to show it


class SaslSteps:
    """The AUTH exchanges of a replay, one after the other.

    Args:
        cursor: The transcript.
        settings: How it is replayed.
        variables: Values of variables.

    Attributes:
        expects_challenge: Whether the transcript goes on in an exchange.
        exchange: The exchange that computes responses; None where the responses stand in the transcript.
        mechanism: The mechanism of the last AUTH command, escaped; empty for none.
    """

    def __init__(self, cursor: StepCursor, settings: ReplaySettings, variables: Variables) -> None:
        self.expects_challenge = False
        self.exchange: AuthExchange | None = None
        self.mechanism = ""
        self._cursor = cursor
        self._settings = settings
        self._variables = variables
        self._challenge: Reply | None = None
        self._begins = False  # whether the line with `${sasl}` is the AUTH command
        self._given = 0  # how many responses of this exchange stood in the transcript
        self._cancelled: DialogueBroken | None = None  # why an exchange was cancelled: the reply to `*` would hide it

    def note_event(self, step: Step) -> None:
        """Note an event of the transcript: no exchange goes on in a new connection."""
        if step.event[0] == "connect":
            self.expects_challenge = False
            self.exchange = self._challenge = self._cancelled = None

    def note_command(self, command: Command) -> None:
        """Note that a command is sent as it stands in the transcript; it may be an AUTH without a response."""
        mechanism = auth_mechanism(command.line)
        self.mechanism = escape(mechanism) if mechanism else ""
        self.exchange = None
        self._given = int(len(command.line.split()) > 2)

    def note_sent(self, owed: Owed) -> None:
        """Note what was sent as it stands in the transcript, by the reply that it is owed."""
        if owed.asked is Asked.SASL:
            self._given += 1
        elif owed.verb == "AUTH" and owed.command is not None:
            self.note_command(owed.command)

    def needs_credentials(self, session: Session, before: bytes, step: Step) -> Mechanism | None:
        """Return the mechanism that a line with `${sasl}` needs credentials for; None if its exchange has them.

        Args:
            session: The session.
            before: The lines that go out in one write with it, before it.
            step: The line, or the octets.

        Raises:
            AuthFailed: The mechanism is unknown, credentials are missing, or must not be sent here.
        """
        from copy import copy  # takes a millisecond to load, and few replays ask

        head, _ = self.around_secret(step)
        *lines, begun = (session.dialogue.unended + before + head).split(b"\n")
        is_open = self._note_lines(lines, copy(session.dialogue.exchange))
        mechanism = auth_mechanism(begun)
        self._begins = bool(mechanism)
        if mechanism:
            self.mechanism, self._given = escape(mechanism), 0
            return self._find_mechanism(session)
        is_early = is_open and (step.marker is Marker.CLIENT_OCTETS or bool(before))
        if not is_early and (session.phase is not Phase.AUTH or self._challenge is None):
            raise AuthFailed("the server asks for no response, so none is sent.")
        return None if self.exchange is not None else self._find_mechanism(session)

    def _note_lines(self, lines: Sequence[bytes], exchange: ExchangeLines) -> bool:
        """Note lines that go out before `${sasl}`, in one write with it; return whether an exchange goes on after them."""
        for line in lines:
            exchange.send(line)
            if exchange.answers:
                self._given += 1
                self._challenge = None  # this line answers it
            elif exchange.is_open:
                self.note_command(Command(line))
        return exchange.is_open

    def begin(self, session: Session, mechanism: Mechanism, credentials: Credentials) -> None:
        """Begin an exchange with credentials.

        Raises:
            AuthFailed: The mechanism lacks something, a credential cannot be sent, or the responses before it stand in the transcript, and
                it cannot go on from them.
        """
        from smtp_shell.client.authentication import Challenge, begin_exchange, notice_cleartext

        try:
            self.exchange = begin_exchange(
                session, mechanism, credentials, allow_cleartext=self._settings.allow_cleartext
            )
        except NotSendable as error:
            raise AuthFailed(error.message) from None
        try:
            for _ in range(self._given):  # LOGIN answers by order: after the user's name comes the password
                self.exchange.respond(Challenge(b"", ""))
        except ProtocolViolation:
            raise AuthFailed(
                f"{self.mechanism} cannot go on from a response that stands in the transcript; write ${{sasl}} in its place."
            ) from None
        if not self._begins:  # else the AUTH command is ours, and tells it
            notice_cleartext(session, self.exchange)

    def send_secrets(self, session: Session, commands: Sequence[Command | None]) -> None:
        """Send the responses that the mechanism gives: with the AUTH command, to the last challenge, or before one has come.

        Args:
            session: The session.
            commands: The lines of a group, which go out in one write; None for each that ends in `${sasl}`.

        Raises:
            DialogueBroken: The exchange cannot go on, or the connection broke.
        """
        from smtp_shell.client.authentication import send_auth_command

        exchange = self.exchange
        assert exchange is not None
        if len(commands) == 1 and not self._begins:
            assert self._challenge is not None
            self._answer(session, exchange, self._challenge)
            return
        first = commands.index(None)
        before = [command for command in commands[:first] if command is not None]
        auth = exchange.begin(initial=True) if self._begins else None
        after: list[Command] = []
        for command in commands[first + self._begins :]:
            after.append(command or self._response(exchange))
            if self._cancelled is not None:
                break
        if auth is not None:
            send_auth_command(session, exchange, auth, before, after)
        else:
            session.send(*before, *after)

    def _response(self, exchange: AuthExchange) -> Command:
        """Return a response as a line of a group."""
        response = self._respond(exchange)
        return Command(response, 0 if is_secret_answer(response) else None)

    def send_secret_octets(self, session: Session, step: Step) -> None:
        """Send octets with the response that the mechanism gives in the place of each `${sasl}`.

        Raises:
            DialogueBroken: The exchange cannot go on, or the connection broke.
        """
        from smtp_shell.client.authentication import notice_cleartext

        exchange = self.exchange
        assert exchange is not None
        octets = bytearray()
        for part in self._parts(step):
            if part is not None:
                octets += part
            elif self._begins:
                self._begins = False
                notice_cleartext(session, exchange)
                words = exchange.begin(initial=True).octets.split(b" ", 2)
                octets += words[2] if len(words) > 2 else b"="
            else:
                octets += self._respond(exchange)
        session.send_raw(bytes(octets))

    def _respond(self, exchange: AuthExchange) -> bytes:
        """Return the response to the last challenge, or to an empty one where the client sends it before that comes.

        Where the mechanism can give none, it is `*`, which cancels the exchange.
        """
        from smtp_shell.client.authentication import CANCEL, Challenge

        asked, self._challenge = self._challenge, None
        try:
            challenge = Challenge(b"", "") if asked is None else exchange.read_challenge(asked)
            return exchange.respond(challenge).octets
        except (AuthFailed, ProtocolViolation) as error:
            why = f"{self.mechanism} has no further response before the server asks for one, so the exchange was cancelled."
            self._cancelled = AuthFailed(why) if asked is None else error  # unasked, the server did nothing wrong
            return CANCEL

    def around_secret(self, step: Step) -> tuple[bytes, bytes]:
        """Return the octets before the first `${sasl}`, and those after it but for any other, their variables replaced."""
        parts = self._parts(step)
        at = parts.index(None)
        return b"".join(filter(None, parts[:at])), b"".join(filter(None, parts[at:]))

    def _parts(self, step: Step) -> list[bytes | None]:
        """Return the octets of a line, their variables replaced, with None for each `${sasl}`."""
        return [
            part if isinstance(part, bytes) else None if part == SASL else self._variables.value(part).encode()
            for part in Template.parse(step.text).parts
        ]

    def send_response(self, session: Session, incoming: IncomingReplies, line: bytes) -> str:
        """Send a line of an exchange that stands in the transcript; return it as it may be shown."""
        if self.exchange is not None and self._challenge is not None and line in OPEN_RESPONSES:
            # The mechanism makes the same response, and checks the challenge: the server's proof may be in it.
            incoming.attempt(partial(self._answer, session, self.exchange, self._challenge))
            return escape(line) or EMPTY_LINE
        self._given += 1
        secret = is_secret_answer(line)
        incoming.attempt(partial(session.send_sasl, line, secret=secret))
        return SASL_MARK if secret else escape(line) or EMPTY_LINE

    def settle(self, session: Session, comparison: Comparison, last: Reply | None) -> Comparison:
        """Return the comparison of the replies to a line of an exchange, with the mechanism's own verdict.

        Args:
            session: The session.
            comparison: The replies, compared with the transcript.
            last: The last reply.
        """
        self.expects_challenge = False
        self._challenge = None
        cancelled, self._cancelled = self._cancelled, None
        if cancelled is not None:
            return comparison.ended_by(cancelled)
        if comparison.code == 334:
            self._challenge = last
            self.expects_challenge = True
            # Only the words of the challenge differ: the transcript goes on with a response.
            return comparison if comparison.ok or comparison.foresaw(334) else comparison.ending()
        exchange = self.exchange
        if comparison.code:  # else the reply that ends the exchange may come late
            self.exchange = None
        if not comparison.ok:
            self.expects_challenge = comparison.foresaw(334)
        elif comparison.code // 100 in (4, 5) and not comparison.demanded:
            # A script expects nothing: what answers a challenge in it must not go out as a command.
            self.expects_challenge = self._answers_next()
        if exchange is None or last is None or comparison.code == 0:
            return comparison
        # A 235 that comes too early is checked too: the server may have left out the proof of itself.
        if comparison.code == 235 or (comparison.ok and not comparison.demanded):
            from smtp_shell.client.authentication import finish

            try:
                finish(session, exchange, last)
            except DialogueBroken as error:
                return comparison.ended_by(error)
        return comparison

    def skip(self) -> None:
        """Pass the replies that are expected to a line that is not sent."""
        expected = self._cursor.take_expected()
        self._cursor.skip_expected()
        self.expects_challenge = self._answers_next() if expected is None else expected.allows(334)

    def _answers_next(self) -> bool:
        step = self._cursor.step
        if step is None or step.marker is not Marker.CLIENT or has_secret(step):
            return False
        return may_answer(step.octets)

    def user_ahead(self) -> str:
        """Return the user that the transcript names after this exchange; empty if it names none."""
        for step in self._cursor.look_ahead():
            if step.marker is Marker.EVENT:
                event = step.event
                if event[0] == "auth" and len(event) > 2:
                    return unescape(event[2]).decode("utf-8", "surrogateescape")
            elif step.marker in CLIENT_LINES and (" " in step.text or auth_mechanism(step.octets)):
                break  # a command: no response of this exchange has a space
        return ""

    def _answer(self, session: Session, exchange: AuthExchange, challenge: Reply) -> None:
        from smtp_shell.client.authentication import CANCEL, answer

        try:
            answer(session, exchange, challenge)
        except (AuthFailed, ProtocolViolation) as error:
            self._cancelled = error
            session.send_sasl(CANCEL, secret=False)

    def find_strongest(self, session: Session, among: tuple[str, ...]) -> Mechanism:
        """Return the mechanism of an `*: authenticate`.

        Args:
            session: The session.
            among: The mechanisms that it names, in capitals; none for any.

        Raises:
            AuthFailed: There is none in common, credentials are missing, or must not be sent here.
            UsageError: There was no EHLO yet.
        """
        from smtp_shell.client.authentication import strongest

        self._refuse_credentials(session)
        chosen = strongest(session, token=self._settings.has_token, among=among)
        self.mechanism, self._given, self._begins = chosen.name, 0, True
        return chosen

    def answer_all(self, session: Session, incoming: IncomingReplies) -> None:
        """Send the AUTH command of the exchange that has begun, and answer each challenge.

        The reply that ends the exchange is left to be read, and so is what breaks the session.

        Args:
            session: The session.
            incoming: What it receives.
        """
        from smtp_shell.client.authentication import send_auth_command

        exchange = self.exchange
        if exchange is None:  # the dialogue was broken before one could begin
            return
        incoming.attempt(partial(send_auth_command, session, exchange, exchange.begin()))
        while incoming.broken is None:
            try:
                came = incoming.next()
            except DialogueBroken as error:
                incoming.broken = error  # also where the reply did not come in time: the exchange cannot go on
                return
            if came.reply is None or came.reply.code != 334 or not came.number or self._cancelled is not None:
                incoming.put_back(came)
                return
            incoming.attempt(partial(self._answer, session, exchange, came.reply))

    def _find_mechanism(self, session: Session) -> Mechanism:
        from smtp_shell.protocol.sasl import mechanism

        self._refuse_credentials(session)
        try:
            return mechanism(unescape(self.mechanism).decode("utf-8", "surrogateescape"))
        except UsageError:
            raise AuthFailed(f"smtp-shell does not know the mechanism {self.mechanism}.") from None

    def _refuse_credentials(self, session: Session) -> None:
        """Check that there are credentials, and that they may be sent here.

        Raises:
            AuthFailed: There are none, or they may not.
        """
        from smtp_shell.client.authentication import refuse_in_the_clear

        settings = self._settings
        place = settings.tls_settings.place
        if settings.credentials is None:
            raise AuthFailed(f"the transcript needs credentials; give {place.option('user')} and {place.password}.")
        if settings.server is None:
            raise AuthFailed(f"credentials go only to a server that you name; add {place.option('server', 'URL')}.")
        refuse_in_the_clear(session, allow_cleartext=settings.allow_cleartext, switch=place.option("insecure-auth"))


def has_secret(step: Step) -> bool:
    """Return whether `${sasl}` stands in a client line."""
    return SASL_MARK in step.text and SASL in Template.parse(step.text).names


def shown_line(step: Step, exchange: ExchangeLines) -> str:
    """Return a client line as it may be shown before it is sent, without a credential that stands in it.

    Args:
        step: The line.
        exchange: The AUTH exchange before it; follows the line.
    """
    if has_secret(step):
        exchange.send(step.octets)
        return step.text
    if step.marker is Marker.CLIENT_OCTETS:
        return mask_octets(step.octets, exchange)
    start = exchange.send(step.octets)
    if start is None:
        return step.text or EMPTY_LINE
    return escape(step.octets[:start]) + SASL_MARK


def mask_octets(octets: bytes, exchange: ExchangeLines) -> str:
    """Return octets that are sent as they are, as they may be shown.

    Args:
        octets: The octets, of one line or several.
        exchange: The AUTH exchange before them; follows them.
    """
    shown = [
        escape(line[:LONGEST_SHOWN]) if start is None else escape(line[: min(start, LONGEST_SHOWN)]) + SASL_MARK
        for line, start in public_lines(octets[:_MOST_READ], exchange)
    ]
    return excerpt("".join(shown))
