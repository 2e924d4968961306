"""The one stream of events: each stamped with its number and the time, and given to every consumer, in order."""

from collections.abc import Callable, Iterator, Sequence
from contextlib import contextmanager

from smtp_shell.protocol.events import Consumer, Entry, Event


class EventStream:
    """What happens on one connection, on its way to whoever wants to know.

    Args:
        consumers: Who gets each event.
        clock: Gives seconds.
        opened: When the connection was opened, on that clock.
    """

    def __init__(self, consumers: Sequence[Consumer], clock: Callable[[], float], opened: float) -> None:
        self._consumers = list(consumers)
        self._clock = clock
        self._opened = opened
        self._seq = 0
        self._in_one_go = False
        self._pressed = False

    def subscribe(self, consumer: Consumer) -> None:
        """Let a consumer have each event from now on."""
        self._consumers.append(consumer)

    def unsubscribe(self, consumer: Consumer) -> None:
        """Let a consumer have no more events."""
        self._consumers.remove(consumer)

    def publish(self, event: Event, *, tls: bool) -> None:
        """Give an event to every consumer.

        Args:
            event: The event.
            tls: Whether it happened inside TLS.

        Raises:
            KeyboardInterrupt: Ctrl-C was pressed meanwhile; every consumer has had the event.
        """
        self._seq += 1
        entry = Entry(self._seq, self._clock() - self._opened, event, tls)
        for consumer in tuple(self._consumers):
            try:
                consumer(entry)
            except KeyboardInterrupt:  # the others shall have it too
                self._pressed = True
        self._raise_pressed()

    @contextmanager
    def whole(self) -> Iterator[None]:
        """Let a Ctrl-C that comes while a consumer works wait until what is half done is whole.

        Else a command would be owed a reply and never go out, or a reply be lost with the segment it came in.
        """
        outer, self._in_one_go = self._in_one_go, True
        try:
            yield
        except BaseException:
            self._pressed = False
            raise
        finally:
            self._in_one_go = outer
        self._raise_pressed()

    def _raise_pressed(self) -> None:
        if self._pressed and not self._in_one_go:
            self._pressed = False
            raise KeyboardInterrupt
