"""AUTH at a mock server: by credentials where they are known, else as recorded."""

from __future__ import annotations

from base64 import b64encode
from typing import TYPE_CHECKING

from msgspec import Struct

from smtp_shell.protocol.octets import CRLF, decode_base64
from smtp_shell.servers.mock.authentication import KNOWN, RESPONSES, SERVER_FIRST, WRONG, Recorded, begin, prompt
from smtp_shell.servers.mock.replies import made_up
from smtp_shell.servers.mock.script import ScriptedReply, Then

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from smtp_shell.protocol.sasl import Credentials
    from smtp_shell.servers.mock.script import Exchange

_REFUSED = "535 5.7.8 Authentication credentials invalid"
_NO_BASE64 = "501 5.5.2 The response is not base64"
_CANCELLED = "501 5.7.0 Authentication cancelled"


class AuthAct(Struct, frozen=True):
    """What the server does next in an exchange.

    Args:
        challenge: A challenge to send; None at the end of the exchange.
        replies: The replies that end it.
        why: How the client was not as in the transcript, in a sentence without its full stop; empty if it was.
        is_refused: Whether the credentials are wrong.
    """

    challenge: tuple[ScriptedReply, ...] | None = None
    replies: tuple[ScriptedReply, ...] = ()
    why: str = ""
    is_refused: bool = False


class AuthDialogue:
    """One AUTH exchange.

    Args:
        exchange: What the transcript has; None for an exchange that it does not have.
        line: The client's AUTH command.
        who: Who may authenticate; None to accept whoever does.
        bindings: Returns what the connection can be bound to: type of channel binding -> its octets.
    """

    def __init__(
        self,
        exchange: Exchange | None,
        line: bytes,
        who: Credentials | None,
        bindings: Callable[[], Mapping[str, bytes]],
    ) -> None:
        words = line.split()
        self._mechanism = words[1].upper().decode("ascii", "replace") if len(words) > 1 else ""
        self._initial = words[2] if len(words) > 2 else None
        replies = exchange.replies if exchange is not None else (made_up("AUTH"),)
        count = next((number for number, reply in enumerate(replies) if reply.code != 334), len(replies))
        self._challenges, self._finals = replies[:count], replies[count:]
        self._exchange = exchange
        self._is_recorded = exchange is not None and self._mechanism == _mechanism_of(exchange)
        if not self._is_recorded:
            self._challenges = ()
        self._heard = 0
        self._steps = None
        if who is not None and (self._is_regular or self._refuses_scram):
            self._steps = begin(self._mechanism, who, self._recorded, bindings)

    @property
    def _is_regular(self) -> bool:
        """Whether the exchange can be carried out for real.

        A refusal is said whatever the credentials are, and so is what no server of the mechanism says.
        """
        if self._mechanism not in KNOWN or self._is_refusal:
            return False
        exchange = self._exchange
        if exchange is None or not self._is_recorded:
            return True
        # The first response of SCRAM must have its answer, and the signature may be in a 334 or in the 235.
        usual = (2, 3) if self._is_scram else (RESPONSES[self._mechanism],)
        succeeds = bool(self._finals) and self._finals[0].code // 100 == 2
        return succeeds and len(exchange.responses) in usual and not exchange.cancelled

    @property
    def _is_scram(self) -> bool:
        return self._mechanism in KNOWN and self._mechanism.startswith("SCRAM-")

    @property
    def _is_refusal(self) -> bool:
        return bool(self._finals) and self._finals[0].code // 100 in (4, 5)

    @property
    def _refuses_scram(self) -> bool:
        """Whether the exchange is SCRAM and refused after a challenge: no client goes on from a nonce that is not its own."""
        was_cancelled = self._exchange is not None and self._exchange.cancelled
        return self._is_scram and self._is_refusal and bool(self._challenges) and not was_cancelled

    @property
    def _recorded(self) -> Recorded:
        texts = [reply.octets[4:].strip() for reply in self._challenges]
        return Recorded(tuple(decode_base64(text) or b"" for text in texts))

    def begin(self) -> AuthAct:
        """Answer the AUTH command."""
        exchange = self._exchange
        if self._steps is not None:
            challenge = next(self._steps)
            if self._initial is None:
                return self._ask(challenge)
            if self._mechanism in SERVER_FIRST:
                refusal = _reply(f"501 5.5.4 {self._mechanism} takes no initial response")
                return AuthAct(replies=(refusal,), why="an initial response came")
            return self._check(b"" if self._initial == b"=" else self._initial)
        if exchange is not None and self._is_refusal and not self._challenges and not exchange.initial:
            return AuthAct(replies=self._finals)
        self._heard = self._initial is not None
        return self._as_recorded()

    def respond(self, line: bytes) -> AuthAct:
        """Answer a response.

        Args:
            line: The client's line.
        """
        exchange = self._exchange
        if line.strip() == b"*":
            if exchange is not None and exchange.cancelled:
                return AuthAct(replies=self._finals)
            return AuthAct(replies=(_reply(_CANCELLED),), why="the client cancelled the AUTH exchange")
        if self._steps is not None:
            return self._check(line)
        self._heard += 1
        return self._as_recorded()

    def leave(self) -> str:
        """Return how a client that goes away was not as in the transcript; empty where nothing had been refused.

        A token is refused by a challenge, which not every client answers.
        """
        is_token = self._mechanism in ("XOAUTH2", "OAUTHBEARER")
        return WRONG if is_token and self._steps is not None and self._heard else ""

    def _as_recorded(self) -> AuthAct:
        """Ask for the next response that the transcript has, whatever those before it are."""
        exchange = self._exchange
        wanted = RESPONSES.get(self._mechanism, 1)
        skipped = 0
        if exchange is not None and self._is_recorded:
            wanted, skipped = len(exchange.responses), int(exchange.initial)
        at = max(0, self._heard - skipped)
        if self._heard >= wanted:  # challenges that nobody answered are said all the same
            return AuthAct(replies=(*self._challenges[at:], *self._finals))
        if self._heard >= skipped and at < len(self._challenges):
            return AuthAct(challenge=self._challenges[at : at + 1])
        if exchange is not None and self._is_recorded and not self._finals:
            # The client sent the response without being asked, and the server has closed, or answers something that follows.
            return AuthAct(challenge=()) if exchange.then is Then.NOTHING else AuthAct()
        return _challenge(prompt(self._mechanism, self._heard))

    def _ask(self, challenge: bytes) -> AuthAct:
        """Return a challenge, in the form in which the transcript has it where it is the same each time."""
        at = self._heard - (self._exchange is not None and self._exchange.initial)
        is_fresh = self._is_scram or (self._mechanism == "DIGEST-MD5" and self._heard)
        if not is_fresh and 0 <= at < len(self._challenges):
            return AuthAct(challenge=self._challenges[at : at + 1])
        return _challenge(challenge)

    def _check(self, response: bytes) -> AuthAct:
        assert self._steps is not None
        octets = decode_base64(response.strip())
        if octets is None:
            return AuthAct(replies=(_reply(_NO_BASE64),), why="the client's response is not base64")
        self._heard += 1
        if self._is_refusal and self._heard - (self._initial is not None) >= len(self._challenges):
            return AuthAct(replies=self._finals)
        try:
            return self._ask(self._steps.send(octets))
        except StopIteration as end:
            if not end.value:
                return AuthAct(replies=self._finals)
            return AuthAct(replies=(_reply(_REFUSED),), why=end.value, is_refused=True)


def _mechanism_of(exchange: Exchange) -> str:
    first = exchange.parts[0] if exchange.parts else b""
    words = first.split() if isinstance(first, bytes) else []
    return words[1].upper().decode("ascii", "replace") if len(words) > 1 else ""


def _challenge(octets: bytes) -> AuthAct:
    return AuthAct(challenge=(ScriptedReply(b"334 " + b64encode(octets) + CRLF, 334),))


def _reply(text: str) -> ScriptedReply:
    return ScriptedReply(text.encode() + CRLF, int(text[:3]))
