"""Many traces of secrets, found in one pass."""

from __future__ import annotations

import pytest

from smtp_shell.protocol.traces import MOST_TRACES, TraceIndex


@pytest.mark.parametrize(
    ("traces", "octets", "shown"),
    [
        ([b"secret"], b"a secret here", b"a * here"),
        ([b"secret"], b"secretsecret", b"**"),
        ([b"secret", b"secretive"], b"secretive", b"*"),
        ([b"abcdef", b"defghi"], b"xabcdefghix", b"x*x"),
        ([b"abcd", b"efgh"], b"abcdxefgh", b"*x*"),
        ([b"x" * 100], b"a " + b"x" * 100 + b"y z", b"a * z"),
        ([b"abcd", b"bcdef"], b"abcd, abcdef", b"*, *"),
        ([b"x" * 64], b"a " + b"x" * 64, b"a *"),
        ([b"x" * 64], b"a " + b"x" * 64 + b"!y z", b"a * z"),
        ([b"abc"], b"an abc", b"an abc"),  # too short to be looked for
        ([b"secret"], b"secre", b"secre"),
        ([b"secret"], b"", b""),
    ],
)
def test_what_is_found_is_masked(traces: list[bytes], octets: bytes, shown: bytes) -> None:
    assert TraceIndex(traces).conceal(octets, b"*") == shown


def test_where_nothing_is_found_the_octets_are_the_same_object() -> None:
    octets = b"nothing here"
    assert TraceIndex([b"secret"]).conceal(octets, b"*") is octets


def test_the_oldest_are_forgotten_and_what_is_added_again_is_new() -> None:
    assert MOST_TRACES == 16_384
    index = TraceIndex([b"first-one", b"second-one"])
    index.add(b"trace%d" % number for number in range(MOST_TRACES - 2))
    index.add([b"first-one"])
    index.add([b"third-one"])
    assert index.conceal(b"first-one second-one third-one", b"*") == b"* second-one *"
    assert len([*index]) == MOST_TRACES


def test_of_a_long_trace_64_octets_are_compared() -> None:
    trace = b"x" * 63 + b"yz"
    index = TraceIndex([trace])
    assert index.conceal(b"x" * 63 + b"ya b", b"*") == b"* b"  # up to the end of the word
    assert index.conceal(b"x" * 63 + b"za b", b"*") == b"x" * 63 + b"za b"
    exact = TraceIndex([b"x" * 63])
    assert exact.conceal(b"x" * 63 + b"ya b", b"*") == b"*ya b"


def test_the_shortest_trace_has_four_octets() -> None:
    assert TraceIndex([b"abcd"]).conceal(b"abcd", b"*") == b"*"
    assert TraceIndex([b"abcd"]).conceal(b"abc", b"*") == b"abc"


def test_what_is_forgotten_leaves_what_shares_its_beginning() -> None:
    index = TraceIndex([b"same-one", b"same-two", b"samelonger-one"])
    index.add(b"trace%d" % number for number in range(MOST_TRACES - 2))
    assert index.conceal(b"same-one same-two samelonger-one", b"*") == b"same-one * *"
    index.add([b"one-more"])
    assert index.conceal(b"same-two samelonger-one", b"*") == b"same-two *"
    index.add([b"two-more"])
    assert index.conceal(b"samelonger-one", b"*") == b"samelonger-one"
