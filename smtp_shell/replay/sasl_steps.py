"""AUTH in a replay: each `${sasl}` is the response that the mechanism gives to what this server asks."""

from __future__ import annotations

from functools import partial
from typing import TYPE_CHECKING

from smtp_shell.client.session import Session
from smtp_shell.errors import AuthFailed, DialogueBroken, NotSendable, ProtocolViolation, UsageError
from smtp_shell.protocol.commands import Command, secret_start
from smtp_shell.protocol.dialogue import Phase
from smtp_shell.protocol.masking import is_secret_answer
from smtp_shell.protocol.octets import escape, unescape
from smtp_shell.protocol.replies import Reply
from smtp_shell.replay.plan import AUTH
from smtp_shell.replay.stage import Stage
from smtp_shell.replay.verifier import Settled
from smtp_shell.transcript.step import CLIENT_LINES, Marker, Step
from smtp_shell.transcript.variables import SASL, SASL_MARK, Template

if TYPE_CHECKING:
    from smtp_shell.client.authentication import Authentication

EMPTY_LINE = "(an empty line)"
_MAY_BE_AUTH = (b"A", b"a", b" ", b"\t")
_OPEN_RESPONSES = frozenset((b"", b"=", b"AQ=="))
"""Responses that hold no secret: the empty one, and the one that acknowledges an OAuth error."""


def has_secret(step: Step) -> bool:
    """Say whether `${sasl}` stands in a client line."""
    return SASL_MARK in step.text and SASL in Template.parse(step.text).names


class SaslExchange:
    """The AUTH exchanges of a replay, one after the other.

    Args:
        stage: What the replay has at hand.

    Attributes:
        expects_challenge: Whether the transcript goes on in an exchange.
    """

    def __init__(self, stage: Stage) -> None:
        self._stage = stage
        self._auth: Authentication | None = None
        self._cancelled: DialogueBroken | None = None
        self._mechanism = ""
        self._challenge: Reply | None = None
        self.expects_challenge = False

    def begin(self, command: Command) -> None:
        """Note that a command goes out as it stands in the transcript; it may be an AUTH without a response."""
        line = command.line
        match = AUTH.match(line) if line[:1] in _MAY_BE_AUTH else None
        self._mechanism = escape(match[1]) if match else ""
        self._auth = None

    def send_secret(self, session: Session, step: Step) -> None:
        """Send a line with the response that the mechanism gives.

        Raises:
            AuthFailed: Credentials are missing, or must not be sent here.
            DialogueBroken: The exchange was cancelled, or the connection broke.
        """
        parts = Template.parse(step.text).parts
        head = b"".join(
            part if isinstance(part, bytes) else self._stage.variables.value(part).encode()
            for part in parts[: parts.index(SASL)]
        )
        match = AUTH.match(head)
        if match:
            self._mechanism = escape(match[1])
            self._auth = self._authentication(session)
            self._auth.begin(initial=True)
            return
        if session.phase is not Phase.AUTH or self._challenge is None:
            raise AuthFailed("the server asks for no response, so none is sent.")
        self._auth = self._auth or self._authentication(session)
        self._answer(self._auth, self._challenge)

    def send_response(self, session: Session, line: bytes) -> str:
        """Send a line of an exchange that stands in the transcript; give it as it may be shown."""
        auth, challenge = self._auth, self._challenge
        if auth is not None and challenge is not None and line in _OPEN_RESPONSES:
            # The mechanism makes the same response, and looks at the challenge: the server's proof may be in it.
            self._stage.attempt(partial(self._answer, auth, challenge))
            return escape(line) or EMPTY_LINE
        secret = is_secret_answer(line)
        self._stage.attempt(partial(session.send_sasl, line, secret=secret))
        return SASL_MARK if secret else escape(line) or EMPTY_LINE

    def note_challenge(self, session: Session) -> None:
        """Keep the challenge that came to octets sent as they are."""
        self._challenge = self._stage.arrivals.last_reply if session.phase is Phase.AUTH else None

    def judge(self, settled: Settled) -> None:
        """Take note of what came to a line of the exchange."""
        self.expects_challenge = False
        self._challenge = None
        cancelled, self._cancelled = self._cancelled, None
        if isinstance(cancelled, AuthFailed | ProtocolViolation):
            self._auth = None
            settled.blame(cancelled)
            return
        last = self._stage.arrivals.last_reply
        if settled.code == 334 and settled.received:
            self._challenge = last
            self.expects_challenge = True
            settled.ended = settled.ended or not settled.ok
            return
        auth, self._auth = self._auth, None
        if not settled.ok:
            self.expects_challenge = settled.demanded and settled.expected.startswith("334")
        if auth is None or last is None or settled.code == 0:
            return
        # A 235 that comes too early is looked at too: the server may have left out the proof of itself.
        if settled.code == 235 or (settled.ok and not settled.demanded):
            try:
                auth.finish(last)
            except DialogueBroken as error:
                settled.blame(error)

    def skip(self, step: Step, why: str, *, begins: bool = False) -> None:
        """Go past the replies to a line that is not sent, and tell so.

        Args:
            step: The line, which has been gone past.
            why: Why it is not sent.
            begins: Whether it is the AUTH command itself.

        Raises:
            Stopped: The replay ends here.
        """
        script = self._stage.script
        expected = script.take_expected()
        script.skip_expected()
        self.expects_challenge = expected is not None and expected.octets.startswith(b"334")
        self._stage.tell_skipped((step.line,), shown(step, in_exchange=not begins), why)

    def _answer(self, auth: Authentication, challenge: Reply) -> None:
        """Answer a challenge, and keep in mind why that was refused: the server's reply to `*` would hide it."""
        try:
            auth.answer(challenge)
        except DialogueBroken as error:
            self._cancelled = error
            raise

    def _authentication(self, session: Session) -> Authentication:
        from smtp_shell.client.authentication import Authentication, refuse_in_the_clear
        from smtp_shell.protocol.sasl import mechanism

        settings = self._stage.settings
        if settings.credentials is None:
            raise AuthFailed(
                "the transcript needs credentials; give --user and --password-command, or SMTP_SHELL_PASSWORD."
            )
        if settings.server is None:
            raise AuthFailed("credentials go only to a server that you name; add --server URL.")
        refuse_in_the_clear(session, allow_cleartext=settings.allow_cleartext)
        try:
            chosen = mechanism(unescape(self._mechanism).decode("utf-8", "surrogateescape"))
        except UsageError:
            raise AuthFailed(f"smtp-shell does not know the mechanism {self._mechanism}.") from None
        with self._stage.asking(session):
            credentials = settings.credentials(chosen, self._user_ahead())
        try:
            return Authentication(session, chosen, credentials, allow_cleartext=settings.allow_cleartext)
        except NotSendable as error:
            raise AuthFailed(error.message) from None

    def _user_ahead(self) -> str:
        """Find the user that the transcript names behind this exchange."""
        for step in self._stage.script.ahead():
            marker = step.marker
            if marker is Marker.EVENT:
                event = step.event
                if event[0] == "auth" and len(event) > 2:
                    return unescape(event[2]).decode("utf-8", "surrogateescape")
            elif marker in CLIENT_LINES and (" " in step.text or AUTH.match(step.octets)):
                break  # a command: no response of this exchange has a space
        return ""


def shown(step: Step, *, in_exchange: bool) -> str:
    """Give a client line as it may be shown before it is sent: no credential that stands in it.

    Args:
        step: The line.
        in_exchange: Whether it answers a challenge.
    """
    if has_secret(step):
        return step.text
    if in_exchange:
        return SASL_MARK if is_secret_answer(step.octets) else step.text or EMPTY_LINE
    start = secret_start(step.octets)
    return step.text if start is None else escape(step.octets[:start]) + SASL_MARK
