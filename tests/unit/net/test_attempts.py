"""Attempts at several addresses: in which order, for how long each, and what is said of them."""

import socket
import time

import pytest

from smtp_shell.net.attempts import Attempt, Watch, first_open, why_none
from smtp_shell.net.resolve import Address, interleaved
from smtp_shell.protocol.events import Event, Noticed, NoticeKind


def soon(seconds: float = 60.0) -> float:
    return time.monotonic() + seconds


def refuse(place: str, until: float) -> str:
    raise ConnectionRefusedError


def test_the_first_that_answers_is_taken_and_the_others_are_not_tried() -> None:
    tried: list[str] = []

    def open_one(place: str, until: float) -> str:
        tried.append(place)
        if place == "a":
            raise ConnectionRefusedError
        return place

    found, attempts = first_open(["a", "b", "c"], soon(), open_one)
    assert (found, tried) == ("b", ["a", "b"])
    assert [(attempt.place, attempt.problem) for attempt in attempts] == [
        ("a", "the connection was refused"),
        ("b", ""),
    ]


def test_a_silent_address_leaves_time_to_the_others() -> None:
    shares: list[float] = []

    def open_one(place: str, until: float) -> str:
        shares.append(until - time.monotonic())
        raise TimeoutError

    assert first_open(["a", "b", "c"], soon(60), open_one)[0] is None
    assert shares[0] == pytest.approx(20, abs=5)
    assert shares[1] == pytest.approx(30, abs=5)
    assert shares[2] == pytest.approx(60, abs=5)


def test_each_address_has_a_little_time_even_after_the_deadline() -> None:
    def open_one(place: str, until: float) -> str:
        assert until > time.monotonic() or place == "b"
        raise TimeoutError

    first_open(["a", "b"], time.monotonic() - 5, open_one)


def test_each_failure_of_several_is_published_and_that_of_one_alone_is_not() -> None:
    events: list[Event] = []
    tried: list[str] = []
    watch = Watch(events.append, tried.append)
    first_open(["a"], soon(), refuse, watch)
    assert events == []
    first_open(["a", "b"], soon(), refuse, watch)
    assert [event.kind for event in events if isinstance(event, Noticed)] == [NoticeKind.ATTEMPT] * 2
    assert [text.partition(", up to ")[0] for text in tried] == ["a, address 1 of 2", "b, address 2 of 2"]
    first_open(["a", "b"], soon(), lambda place, until: place, watch)
    assert tried[-1] == ""


def test_why_there_is_none() -> None:
    refused = Attempt("a", 0.1, "the connection was refused")
    silent = Attempt("b", 5.0, "it did not answer in time")
    assert why_none([refused, refused]) == "the connection was refused"
    assert why_none([refused, silent]) == "a: the connection was refused, b: it did not answer in time"


@pytest.mark.parametrize(
    ("attempt", "said"),
    [
        (Attempt("a:25", 0.012), "a:25 answered after 12 ms"),
        (Attempt("a:25", 0.012, "the connection was refused"), "a:25: the connection was refused after 12 ms"),
        (Attempt("a:25", 5.0, "no", 5.0), "a:25: no answer within 5 s, its share of the time"),
    ],
)
def test_an_attempt_in_words(attempt: Attempt, said: str) -> None:
    assert str(attempt) == said


def test_the_families_take_turns() -> None:
    def address(host: str) -> Address:
        return Address(int(socket.AF_INET6 if ":" in host else socket.AF_INET), (host, 25))

    hosts = ["2001:db8::1", "2001:db8::2", "2001:db8::3", "192.0.2.1"]
    assert [each.sockaddr[0] for each in interleaved(list(map(address, hosts)))] == [
        "2001:db8::1",
        "192.0.2.1",
        "2001:db8::2",
        "2001:db8::3",
    ]
    assert interleaved([]) == []
