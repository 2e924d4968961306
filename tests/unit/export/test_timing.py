"""Times as bars."""

import pytest

from smtp_shell.display.columns import cells
from smtp_shell.export.timing import MOST_BARS, bars
from smtp_shell.figures import shown_seconds
from smtp_shell.protocol.commands import Command
from smtp_shell.protocol.events import (
    Certificate,
    CommandSent,
    Connected,
    Entry,
    Event,
    MailDataSent,
    ReplyReceived,
    TimedOut,
    TlsStarted,
)
from smtp_shell.protocol.replies import Reply

TLS = TlsStarted("TLSv1.3", "X", True, Certificate(), "mx")
NOOP = Command(b"NOOP")


def reply(code: int = 250, seconds: float | None = None, command: Command | None = None) -> ReplyReceived:
    return ReplyReceived(Reply(code, (b"ok",), b"%d ok\r\n" % code), command, seconds, command.verb if command else "")


def rows(*timed: tuple[float, Event], width: int = 80, ascii_only: bool = False) -> list[str]:
    entries = [Entry(number, at, event) for number, (at, event) in enumerate(timed, 1)]
    return [row.text for row in bars(entries, width, ascii_only=ascii_only)]


def words(found: list[str]) -> str:
    """Return the rows as running text."""
    return " ".join(" ".join(found).split())


def of(label: str, found: list[str]) -> str:
    return next(row for row in found if label in row)


SESSION = (
    (0.3, Connected("mx.example:25", looked_up=0.1)),
    (0.5, reply(220)),
    (0.6, CommandSent(Command(b"STARTTLS"))),
    (1.0, reply(220, 0.4, Command(b"STARTTLS"))),
    (1.8, TLS),
    (2.0, MailDataSent(b".\r\n", last=True)),
    (4.0, reply(450, 2.0)),
)


def test_each_part_has_its_time_and_its_bar() -> None:
    found = rows(*SESSION, ascii_only=True)
    for label, time, share in (
        ("look-up (DNS)", "100 ms", 0.05),
        ("TCP", "200 ms", 0.1),
        ("+ greeting", "200 ms", 0.1),
        ("+ STARTTLS", "400 ms", 0.2),
        ("TLS handshake", "800 ms", 0.4),
        ("~ the final dot", "2.00 s", 1.0),
    ):
        row = of(label, found)
        assert time in row
        longest = of("the final dot", found).count("#")
        assert abs(row.count("#") / longest - share) < 0.03
    assert found[0] == "connect mx.example:25"
    text = words(found)
    assert "In all 4.00 s: 3.70 s of waiting" in text
    assert "and 300 ms of the client's own" in text


def test_a_transcript_has_one_time_for_look_up_and_tcp_and_says_so() -> None:
    found = rows((0.25, Connected("mx:25")), (0.5, reply(220)), width=120)
    assert "250 ms" in of("look-up and TCP", found)
    assert "look-up and TCP: a transcript does not tell look-up and TCP apart." in words(found)


def test_an_address_needs_no_look_up_and_a_program_no_tcp() -> None:
    found = rows((0.25, Connected("192.0.2.1:25", looked_up=0.0)), (0.5, reply(220)), width=100)
    assert "none: it is an address" in of("look-up", found)
    assert "TCP" not in "".join(rows((0.1, Connected("pipe:sendmail -bs")), (0.5, reply(220))))


def test_the_greeting_does_not_count_the_connection_or_implicit_tls() -> None:
    found = rows((1.0, Connected("mx:465", True, looked_up=0.5)), (3.0, TLS), (3.1, reply(220, 3.1)))
    assert "2.00 s" in of("TLS handshake", found)
    assert "100 ms" in of("greeting", found)


def test_what_is_not_known_is_said_to_be_so() -> None:
    found = rows(
        (0.1, Connected("mx")), (0.2, reply(220)), (0.3, reply(421, None)), (6.0, TimedOut(5.0, "NOOP")), width=120
    )
    assert "?  (not known: it answers nothing, or came late)" in of("~ a reply", found)
    assert "5.00 s" in of("NOOP", found)
    assert "NOOP: did not come." in words(found)
    assert rows((0.0, CommandSent(NOOP)), (0.0, reply(250, 0.0, NOOP))) == [
        "  There are no times in this dialogue: it was written by hand, or nothing",
        "  happened.",
    ]


def test_a_credential_is_masked_in_a_label() -> None:
    auth = Command.parse(b"AUTH PLAIN AGFubgBzM2NyZXQ=")
    text = "\n".join(
        rows((0.1, Connected("mx")), (0.2, reply(220)), (0.3, CommandSent(auth)), (0.4, reply(235, 0.1, auth)))
    )
    assert "AGFubg" not in text
    assert "AUTH PLAIN" in text


def test_replies_to_one_write_are_not_waited_for_twice() -> None:
    command = CommandSent(NOOP, pipelined=True)
    found = rows((0.0, Connected("mx", looked_up=0.0)), (0.0, reply(220)), (0.0, command), (0.0, command),
                 (1.0, reply(250, 1.0, NOOP)), (1.5, reply(250, 1.5, NOOP)))  # fmt: skip
    assert "In all 1.50 s: 1.50 s of waiting" in words(found)


def test_there_are_so_many_bars_and_the_rest_is_summed() -> None:
    timed = [(0.1 * number, reply(250, 0.1, NOOP)) for number in range(1, MOST_BARS + 12)]
    found = rows(*timed, width=100)
    assert sum(row.startswith("+ NOOP") for row in found) == MOST_BARS
    assert "and 11 more replies: 1.10 s in all, the slowest 100 ms" in words(found)


@pytest.mark.parametrize("width", [24, 40, 80, 120, 200])
def test_every_row_fits(width: int) -> None:
    assert all(cells(row) <= width for row in rows(*SESSION, (9.0, TimedOut(5.0, "the reply " * 30)), width=width))
    assert all(row.isascii() for row in rows(*SESSION, width=width, ascii_only=True))


@pytest.mark.parametrize(
    ("seconds", "shown"),
    [(0.0, "< 1 ms"), (0.0004, "< 1 ms"), (0.0126, "13 ms"), (1.5, "1.50 s"), (1234.5, "1,234.50 s")],
)
def test_durations(seconds: float, shown: str) -> None:
    assert shown_seconds(seconds) == shown
