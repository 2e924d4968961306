"""Events on their way: who gets them when, and what becomes of a Ctrl-C."""

import pytest

from smtp_shell.client.event_stream import EventStream
from smtp_shell.protocol.events import Consumer, Entry, Event, Noticed, NoticeKind, Remarked

ONE, TWO, THREE = Remarked("one"), Remarked("two"), Remarked("three")


class Log:
    """Consumers that write down who got what."""

    def __init__(self, *, pressed_at: Event | None = None) -> None:
        self.told: list[tuple[str, Event]] = []
        self._pressed_at = pressed_at

    def consumer(self, name: str) -> Consumer:
        def take(entry: Entry) -> None:
            self.told.append((name, entry.event))
            if entry.event is self._pressed_at:
                raise KeyboardInterrupt

        return take

    def stream(self) -> EventStream:
        return EventStream([self.consumer("first")], lambda: 0.0, 0.0, [self.consumer("later"), self.consumer("last")])


def publish(stream: EventStream, *events: Event, error: Exception | None = None) -> None:
    """Publish events in the middle of something, which then fails with an error."""
    with stream:
        for event in events:
            stream.publish(event)
        if error is not None:
            raise error


def test_who_gets_events_afterwards_gets_them_when_there_is_time() -> None:
    log = Log()
    stream = log.stream()
    stream.publish(ONE)
    stream.publish(TWO)
    assert log.told == [("first", ONE), ("first", TWO)]
    stream.flush()
    assert log.told[2:] == [("later", ONE), ("last", ONE), ("later", TWO), ("last", TWO)]
    stream.flush()
    assert len(log.told) == 6


def test_an_error_in_what_is_half_done_keeps_no_event_from_anybody() -> None:
    log = Log()
    stream = log.stream()
    with pytest.raises(ValueError, match="broken"):
        publish(stream, ONE, error=ValueError("broken"))
    stream.flush()
    assert log.told == [("first", ONE), ("later", ONE), ("last", ONE)]


def test_a_ctrl_c_in_the_middle_of_something_is_raised_when_that_is_whole() -> None:
    log = Log(pressed_at=ONE)
    stream = log.stream()
    with pytest.raises(KeyboardInterrupt):
        publish(stream, ONE, TWO)
    assert log.told == [("first", ONE), ("first", TWO)]


def test_a_ctrl_c_while_events_are_given_is_raised_when_everybody_has_them() -> None:
    log = Log(pressed_at=TWO)
    stream = log.stream()
    stream.publish(ONE)
    with pytest.raises(KeyboardInterrupt):
        stream.publish(TWO)
    stream.publish(THREE)
    with pytest.raises(KeyboardInterrupt):
        stream.flush()
    assert [event for _, event in log.told] == [ONE, TWO, THREE, ONE, ONE, TWO, TWO, THREE, THREE]


class Picky:
    """A consumer that wants notices only."""

    wants = (Noticed,)

    def __init__(self) -> None:
        self.told: list[tuple[int, Event]] = []

    def __call__(self, entry: Entry) -> None:
        self.told.append((entry.seq, entry.event))


def test_a_consumer_gets_only_the_events_that_it_wants() -> None:
    log, picky, notice = Log(), Picky(), Noticed(NoticeKind.LATE)
    stream = EventStream([picky], lambda: 0.0, 0.0)
    stream.publish(ONE)
    stream.publish(notice)
    everything = log.consumer("late")
    stream.subscribe(everything)
    stream.publish(TWO)
    stream.unsubscribe(everything)
    stream.publish(THREE)
    stream.publish(notice)
    assert picky.told == [(2, notice), (5, notice)]
    assert log.told == [("late", TWO)]


@pytest.mark.parametrize("error", [OSError("the screen is gone"), MemoryError()])
def test_a_consumer_that_fails_keeps_no_event_from_the_others(error: Exception) -> None:
    log = Log()

    def fail(entry: Entry) -> None:
        raise error

    stream = EventStream([fail, log.consumer("recording")], lambda: 0.0, 0.0)
    with pytest.raises(type(error)) as caught:
        stream.publish(ONE)
    assert caught.value is error
    assert log.told == [("recording", ONE)]
