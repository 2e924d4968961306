"""What the server has said and a replay has not judged yet, in the order in which it came."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable
from time import monotonic

from msgspec import Struct

from smtp_shell.client.session import Session
from smtp_shell.errors import DialogueBroken, OutcomeUnknown, WaitTimedOut
from smtp_shell.protocol.dialogue import Asked
from smtp_shell.protocol.events import Entry, Noticed, NoticeKind, ReplyReceived
from smtp_shell.protocol.replies import Reply


class Arrival(Struct, frozen=True):
    """Something that came.

    Args:
        reply: A whole reply; None for what is none.
        octets: All of it, as it came.
        asked: Whether it answers something.
        verb: The verb of the command that it answers; empty for none.
        greeting: Whether it is the greeting.
    """

    reply: Reply | None
    octets: bytes
    asked: bool = False
    verb: str = ""
    greeting: bool = False


class Arrivals:
    """A consumer that keeps what comes until it is asked for.

    Replies are taken in the order of the wire, whatever the session pairs them with: nothing is skipped.

    Attributes:
        wants: The events that say what came.
        meanwhile: Called before each wait: does what can be done while the server has its turn.
        broken: What ended the dialogue; raised when all that came before it has been given.
        last_reply: The reply that was given last.
        attacked: Whether text in the clear came behind the 220 to STARTTLS.
    """

    wants = (ReplyReceived, Noticed)

    def __init__(self) -> None:
        self.meanwhile: Callable[[], None] = lambda: None
        self._kept: deque[Arrival] = deque()
        self._unasked = False
        self._greeted = False
        self._session: Session | None = None
        self.broken: DialogueBroken | None = None
        self.last_reply: Reply | None = None
        self.attacked = False

    @property
    def greeted(self) -> bool:
        """Whether the greeting has come."""
        return self._greeted

    def attach(self, session: Session) -> None:
        """Wait on this session."""
        self._session = session

    def reset(self) -> None:
        """Forget all, for a new connection."""
        self._kept.clear()
        self._unasked = self._greeted = self.attacked = False
        self._session = self.broken = self.last_reply = None

    def __call__(self, entry: Entry) -> None:
        """Keep what an entry says that the server said."""
        event = entry.event
        asked, self._unasked = not self._unasked, False
        if isinstance(event, ReplyReceived):
            greeting = asked and not self._greeted and event.command is None
            self._greeted = self._greeted or asked
            self._kept.append(Arrival(event.reply, event.reply.octets, asked, event.verb, greeting))
        elif isinstance(event, Noticed):
            self._unasked = event.kind is NoticeKind.UNSOLICITED
            if event.octets:
                self.attacked = self.attacked or event.kind is NoticeKind.PLAINTEXT_AFTER_STARTTLS
                self._kept.append(Arrival(None, event.octets))

    def __len__(self) -> int:
        return len(self._kept)

    @property
    def outstanding(self) -> int:
        """How many replies to what was sent have not been judged: those that are owed, and those that wait here."""
        dialogue = self._session.dialogue if self._session is not None else None
        owed = dialogue.asked - dialogue.answered if dialogue is not None else 0
        return owed + sum([arrival.asked for arrival in self._kept]) if self._kept else owed

    def look(self, seconds: float = 0.0) -> bool:
        """Take in what comes within this time, until something is there to be judged; say whether something is."""
        session = self._session
        if session is not None and (seconds or session.has_input or not session.is_open):
            deadline = monotonic() + seconds
            while not self._kept and self.broken is None and self._wait(deadline):
                pass
        return len(self._kept) > 0

    def watch(self, seconds: float) -> None:
        """Take in what comes within this time, all of it."""
        deadline = monotonic() + seconds
        while self.broken is None and self._wait(deadline):
            pass

    def next(self) -> Arrival:
        """Wait for what comes next, as long as the session's settings say, and give it.

        Raises:
            WaitTimedOut: Nothing whole came in time.
            OutcomeUnknown: Nothing came in time, and the final dot had been sent.
            DialogueBroken: The dialogue ended.
        """
        assert self._session is not None
        if not self._kept:
            patience = self._session.patience
            deadline = monotonic() + patience
            while not self._kept:
                if self.broken is not None:
                    raise self.broken
                if not self._wait(deadline):
                    self._time_out(self._session, patience)
        arrival = self._kept.popleft()
        self.last_reply = arrival.reply
        return arrival

    def drop(self) -> Arrival | None:
        """Give what waits here, without waiting; None when there is nothing."""
        return self._kept.popleft() if self._kept else None

    def _wait(self, deadline: float) -> bool:
        assert self._session is not None
        self.meanwhile()
        try:
            return self._session.wait_until(deadline)
        except DialogueBroken as error:
            self.broken = error
            return True

    def _time_out(self, session: Session, waited: float) -> None:
        dotted = any(owed.asked in (Asked.END_OF_DATA, Asked.CHUNK) and not owed.late for owed in session.dialogue.owed)
        try:
            session.time_out(waited)
        except WaitTimedOut as error:
            if dotted:
                raise OutcomeUnknown(
                    f"the outcome is unknown: {error.message.rstrip('.')}; the message may have been accepted, "
                    "so look before sending it again."
                ) from None
            raise
