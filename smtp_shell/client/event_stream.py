"""The event stream of a connection: events are stamped with a number and the time, and delivered to consumers in order."""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING

from smtp_shell.protocol.events import Entry

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from smtp_shell.protocol.events import Consumer, Event


class EventStream:
    """Delivers events to consumers.

    A consumer may name the event classes that it wants in an attribute `wants`; it is called with no others.

    The stream is also a context manager around work that must not be torn apart by Ctrl-C, such as recording a command as sent and sending
    it. A KeyboardInterrupt that a consumer meets inside is raised when the outermost block ends.

    Args:
        consumers: Called at once, in this order.
        clock: Returns seconds.
        opened: When the connection was opened, on that clock.
        deferred: Called at the next `flush`, so that they delay neither the octets of a command nor the comparison of a reply.

    Attributes:
        tls: Whether events happen inside TLS from now on.
        pending: Events that were published, and not yet delivered to the deferred consumers.
    """

    def __init__(
        self,
        consumers: Sequence[Consumer],
        clock: Callable[[], float],
        opened: float,
        deferred: Sequence[Consumer] = (),
    ) -> None:
        self.tls = False
        self._consumers = tuple(consumers)
        self._deferred = tuple(deferred)
        self.pending: deque[Entry] = deque()
        self._wanted_by: dict[type[Event], tuple[Consumer, ...]] = {}
        self._clock = clock
        self._opened = opened
        self._seq = 0
        self._depth = 0  # of `with` blocks
        self._interrupted = False

    def subscribe(self, consumer: Consumer) -> None:
        """Deliver each event from now on to a consumer."""
        self._consumers = (*self._consumers, consumer)
        self._wanted_by.clear()

    def unsubscribe(self, consumer: Consumer) -> None:
        """Deliver no more events to a consumer."""
        consumers = list(self._consumers)
        consumers.remove(consumer)
        self._consumers = tuple(consumers)
        self._wanted_by.clear()

    def publish(self, event: Event) -> None:
        """Deliver an event to every consumer that wants it.

        Raises:
            KeyboardInterrupt: Ctrl-C was pressed meanwhile; every consumer has had the event.
        """
        self._seq += 1
        consumers = self._wanted_by.get(type(event))
        if consumers is None:
            consumers = self._find_consumers(type(event))
        if not consumers and not self._deferred:
            return
        entry = Entry(self._seq, self._clock() - self._opened, event, self.tls)
        self._deliver(entry, consumers)
        if self._deferred:
            self.pending.append(entry)
        self._raise_interrupt()

    def flush(self) -> None:
        """Deliver what is pending to the deferred consumers. Called before every wait.

        Raises:
            KeyboardInterrupt: Ctrl-C was pressed meanwhile; every consumer has had all events.
        """
        while self.pending:
            self._deliver(self.pending.popleft(), self._deferred)
        if self._interrupted:
            self._raise_interrupt()

    def __enter__(self) -> None:
        self._depth += 1

    def __exit__(self, kind: object, error: object, trace: object) -> None:
        self._depth -= 1
        if self._interrupted:
            if kind is None:
                self._raise_interrupt()
            else:  # a worse error is on its way
                self._interrupted = False

    def _find_consumers(self, kind: type[Event]) -> tuple[Consumer, ...]:
        found = tuple(each for each in self._consumers if kind in getattr(each, "wants", (kind,)))
        self._wanted_by[kind] = found
        return found

    def _deliver(self, entry: Entry, consumers: Sequence[Consumer]) -> None:
        failure: Exception | None = None
        for consumer in consumers:
            try:
                consumer(entry)
            except KeyboardInterrupt:  # the other consumers get the event too
                self._interrupted = True
            except Exception as error:  # so do they where the screen is lost: a recording is complete up to there
                failure = failure or error
        if failure is not None:
            raise failure

    def _raise_interrupt(self) -> None:
        if self._interrupted and not self._depth:
            self._interrupted = False
            raise KeyboardInterrupt
