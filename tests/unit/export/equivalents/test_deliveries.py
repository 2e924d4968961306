"""A dialogue as deliveries: what is one, and what is remarked."""

import pytest

from smtp_shell.export.equivalents.acts import Body, Closed, LoggedIn, Opened, Said, Secured
from smtp_shell.export.equivalents.deliveries import MOST, Deliveries, deliveries
from smtp_shell.net.target import parse_target

TARGET = parse_target("mail.example.com:587")


def said(*lines: str) -> list[Said]:
    """Return commands; a reply code may stand before each, with a blank."""
    found = []
    for line in lines:
        code, _, rest = line.partition(" ")
        text, number = (rest, int(code)) if code.isdigit() else (line, 0)
        found.append(Said(text.encode(), text.split(" ")[0].upper(), code=number))
    return found


def of(*acts: object) -> Deliveries:
    return deliveries([Opened(TARGET), *acts])  # type: ignore[list-item]


def test_a_whole_message_is_one() -> None:
    found = of(
        *said("EHLO a", "STARTTLS"),
        Secured(verified=True),
        *said("EHLO b"),
        LoggedIn("PLAIN", "ann", code=235),
        *said("MAIL FROM:<a@example.org> SIZE=10", "550 RCPT TO:<b@example.org>", "RCPT TO:<c@example.org>", "DATA"),
        Body(0, 9, is_whole=True),
        *said("QUIT"),
        Closed(by_client=True),
    )
    (one,) = found.each
    assert (one.tls, one.verified, one.hello, one.name) == ("starttls", True, "EHLO", b"b")
    assert one.sender is not None
    assert one.sender.mailbox == "a@example.org"
    assert [each.mailbox for each in one.recipients] == ["b@example.org", "c@example.org"]
    assert (one.has_refusal, one.is_whole, one.body, one.reached) == (True, True, ((0, 9),), "DATA")
    assert found.remarks == ()


@pytest.mark.parametrize(
    ("lines", "reached"),
    [
        ((), ""),
        (("EHLO a",), "EHLO"),
        (("EHLO a", "MAIL FROM:<>"), "MAIL"),
        (("EHLO a", "MAIL FROM:<>", "RCPT TO:<a@example.org>"), "RCPT"),
        (("EHLO a", "501 MAIL FROM:<>"), "EHLO"),
        (("EHLO a", "MAIL FROM:<>", "RSET"), "EHLO"),
    ],
)
def test_how_far_it_came(lines: tuple[str, ...], reached: str) -> None:
    (one,) = of(*said(*lines)).each
    assert one.reached == reached


def test_each_message_of_a_connection_is_one() -> None:
    envelope = ("MAIL FROM:<>", "RCPT TO:<a@example.org>", "DATA")
    found = of(
        *said("EHLO a", *envelope), Body(0, 5, is_whole=True), *said("RSET", *envelope), Body(5, 9, is_whole=True)
    )
    assert [each.body for each in found.each] == [((0, 5),), ((5, 9),)]
    assert any("one message for each connection" in remark for remark in found.remarks)


def test_chunks_are_joined_and_an_abandoned_one_is_none() -> None:
    envelope = said("MAIL FROM:<>", "RCPT TO:<a@example.org>")
    found = of(
        *envelope,
        Body(0, 5, "chunk"),
        *said("RSET"),
        *envelope,
        Body(5, 7, "chunk"),
        Body(7, 9, "chunk", is_whole=True),
    )
    assert [each.body for each in found.each] == [((5, 7), (7, 9))]


def test_remarks_and_deliveries_are_bounded() -> None:
    messages = [
        act for n in range(MOST + 7) for act in (*said("MAIL FROM:<>", f"X{n} y"), Body(n, n + 1, is_whole=True))
    ]
    found = of(*messages)
    assert len(found.each) == MOST
    assert len(found.remarks) == MOST + 1
    assert found.remarks[-1] == "7 more deliveries are left out."
