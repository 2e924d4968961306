"""The one stream of events: each stamped with its number and the time, and given to every consumer, in order."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Sequence

from smtp_shell.protocol.events import Consumer, Entry, Event


class EventStream:
    """What happens on one connection, on its way to whoever wants to know.

    A consumer may name the classes of the events that it wants, in an attribute `wants`; it gets no others then.

    Args:
        consumers: Who gets each event.
        clock: Gives seconds.
        opened: When the connection was opened, on that clock.
        afterwards: Who gets each event at the next `catch_up`, so that neither what goes out nor the judgement of what came is kept
            waiting.

    Attributes:
        tls: Whether what happens now happens inside TLS.
    """

    def __init__(
        self,
        consumers: Sequence[Consumer],
        clock: Callable[[], float],
        opened: float,
        afterwards: Sequence[Consumer] = (),
    ) -> None:
        self._consumers = tuple(consumers)
        self._afterwards = tuple(afterwards)
        self._kept: deque[Entry] = deque()
        self._takers: dict[type[Event], tuple[Consumer, ...]] = {}
        self._clock = clock
        self._opened = opened
        self._seq = 0
        self.tls = False
        self._half_done = 0
        self._pressed = False

    def subscribe(self, consumer: Consumer) -> None:
        """Let a consumer have each event from now on."""
        self._consumers = (*self._consumers, consumer)
        self._takers.clear()

    def unsubscribe(self, consumer: Consumer) -> None:
        """Let a consumer have no more events."""
        consumers = list(self._consumers)
        consumers.remove(consumer)
        self._consumers = tuple(consumers)
        self._takers.clear()

    def publish(self, event: Event) -> None:
        """Give an event to every consumer.

        Args:
            event: The event.

        Raises:
            KeyboardInterrupt: Ctrl-C was pressed meanwhile; every consumer has had the event.
        """
        self._seq += 1
        takers = self._takers.get(type(event))
        if takers is None:
            takers = self._takers_of(type(event))
        if not takers and not self._afterwards:
            return
        entry = Entry(self._seq, self._clock() - self._opened, event, self.tls)
        for consumer in takers:
            try:
                consumer(entry)
            except KeyboardInterrupt:  # the others shall have it too
                self._pressed = True
        if self._afterwards:
            self._kept.append(entry)
        if self._pressed:
            self._raise_pressed()

    def _takers_of(self, kind: type[Event]) -> tuple[Consumer, ...]:
        takers = tuple(each for each in self._consumers if kind in getattr(each, "wants", (kind,)))
        self._takers[kind] = takers
        return takers

    def catch_up(self) -> None:
        """Give what has been kept to those who get events afterwards: behind what goes out, and before any wait.

        Raises:
            KeyboardInterrupt: Ctrl-C was pressed meanwhile; every consumer has had all events.
        """
        while self._kept:
            entry = self._kept.popleft()
            for consumer in self._afterwards:
                try:
                    consumer(entry)
                except KeyboardInterrupt:
                    self._pressed = True
        if self._pressed:
            self._raise_pressed()

    def __enter__(self) -> None:
        """Let a Ctrl-C that comes while a consumer works wait until what is half done is whole.

        Else a command would be owed a reply and never go out, or a reply be lost with the segment it came in.
        """
        self._half_done += 1

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        """Raise the Ctrl-C that was kept, if all is whole again; something worse on its way goes before it."""
        self._half_done -= 1
        if self._pressed:
            if kind is None:
                self._raise_pressed()
            else:
                self._pressed = False

    def _raise_pressed(self) -> None:
        if not self._half_done:
            self._pressed = False
            raise KeyboardInterrupt
