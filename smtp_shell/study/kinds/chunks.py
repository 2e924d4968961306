"""Kinds about LMTP and about BDAT: replies for each recipient, and messages without a final dot."""

from __future__ import annotations

from collections.abc import Iterator

from smtp_shell.protocol.commands import bdat_chunk
from smtp_shell.study.question import Question, choose, kind, number_forms, quote, said_line, sent_line, typed
from smtp_shell.study.reading import Exchange, Reading, Transaction


@kind
def lhlo_means(reading: Reading) -> Iterator[Question]:
    """Ask what LHLO tells about the protocol."""
    for exchange in reading.of("LHLO"):
        if exchange.digit == 2:
            yield choose(
                exchange.line,
                f"Line {exchange.line}: the client sends {quote(exchange.text)}. Which protocol do the two speak?",
                "LMTP, for the local delivery into mailboxes",
                ["SMTP without extensions", "SMTP with extensions", "POP3, to fetch mail"],
                "LHLO takes the place of EHLO in LMTP. It needs no queue on the receiving side.",
                "RFC 2033 section 4.1",
            )


def _by_recipient(reading: Reading) -> Iterator[tuple[Transaction, Exchange]]:
    """Yield the LMTP transactions whose message has a reply for each accepted recipient."""
    for each in reading.transactions if reading.regular and reading.is_lmtp else ():
        if each.end is not None and each.mail.before.hello == "LHLO" and len(each.end.replies) == len(each.accepted):
            yield each, each.end


@kind
def lmtp_replies(reading: Reading) -> Iterator[Question]:
    """Ask how many replies follow the final dot in LMTP."""
    for each, end in _by_recipient(reading):
        yield typed(
            end.line,
            f"The transaction that begins on line {each.mail.line} is LMTP. How many replies does the server send after the message ends "
            f"on line {end.line}?",
            number_forms(len(each.accepted), "reply", "replies"),
            "In LMTP the end of the message has one reply for each recipient that was accepted.",
            "RFC 2033 section 4.2",
        )


@kind
def lmtp_recipient(reading: Reading) -> Iterator[Question]:
    """Ask which reply after the final dot of LMTP is for a recipient."""
    for each, end in _by_recipient(reading):
        for exchange, said in zip(each.accepted, end.replies, strict=True):
            yield choose(
                said.line,
                f"LMTP: which reply after the end of the message says what became of {quote(exchange.text)} on line {exchange.line}?",
                said_line(said),
                [said_line(other) for other in end.replies if other is not said],
                "The replies come in the order of the RCPTs that were accepted, one for each.",
                "RFC 2033 section 4.2",
            )


@kind
def bdat_last(reading: Reading) -> Iterator[Question]:
    """Ask what LAST in BDAT says."""
    for exchange in reading.of("BDAT"):
        chunk = bdat_chunk(exchange.text.encode())
        if chunk is not None and chunk.last:
            yield choose(
                exchange.line,
                f"Line {exchange.line}: the client sends {quote(exchange.text)}. What does LAST say?",
                "the message ends with this chunk",
                [
                    "this is the last message of the session",
                    "this is the last recipient",
                    "the chunk ends with a line that is a dot",
                ],
                "The chunk with LAST ends the message, and its reply says whether the message is accepted.",
                "RFC 3030 section 2",
            )


@kind
def bdat_number(reading: Reading) -> Iterator[Question]:
    """Ask what the number in BDAT counts."""
    for exchange in reading.of("BDAT"):
        chunk = bdat_chunk(exchange.text.encode())
        if chunk is not None:
            yield choose(
                exchange.line,
                f"Line {exchange.line}: the client sends {quote(exchange.text)}. What does {chunk.size} count?",
                "the octets of the chunk that follows the line",
                ["the lines of the message", "the octets of the whole message", "the messages sent so far"]
                if not chunk.last
                else ["the lines of the message", "the recipients of the message", "the messages sent so far"],
                "The server reads exactly so many octets after the line end of BDAT, whatever they are.",
                "RFC 3030 section 2",
            )


@kind
def bdat_dots(reading: Reading) -> Iterator[Question]:
    """Ask whether dots are doubled in a chunk."""
    for exchange in reading.of("BDAT"):
        if exchange.digit == 2:
            yield choose(
                exchange.line,
                f"Line {exchange.line}: the client sends {quote(exchange.text)}. Must it double a dot at the start of a line in the chunk?",
                "no: the length says where the chunk ends",
                ["yes, as with DATA", "only in the chunk with LAST", "only if the server announced 8BITMIME"],
                "Dot-stuffing is for DATA, whose end is a dot. With BDAT the octets are counted.",
                "RFC 3030 section 2",
            )


@kind
def bdat_or_data(reading: Reading) -> Iterator[Question]:
    """Ask which line ends a message that was sent with BDAT."""
    for each in reading.transactions:
        if each.end is not None and each.end.verb == "BDAT" and each.data is not None and each.accepted:
            yield choose(
                each.end.line,
                f"Which of these lines says that the message of the transaction on line {each.mail.line} is complete?",
                sent_line(each.end),
                [
                    sent_line(each.mail),
                    *(sent_line(other) for other in each.accepted),
                    *map(sent_line, reading.of("QUIT")),
                ],
                "With BDAT there is no final dot: the chunk with LAST completes the message.",
                "RFC 3030 section 2",
            )
