"""Kinds about the envelope: who sends, who gets the message, where a bounce goes, and what the header has to do with it."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import Final

from smtp_shell.study.question import (
    Question,
    address_forms,
    choose,
    clip,
    kind,
    number_forms,
    quote,
    sent_line,
    typed,
)
from smtp_shell.study.reading import Exchange, Reading, Sent, Transaction

_ADDRESS: Final = re.compile(r"[A-Za-z0-9._+-]+@[A-Za-z0-9.-]*[A-Za-z0-9]")
_OTHERS: Final = ("dave@example.com", "erin@example.net", "frank@example.org")
_HEADER: Final = ("From", "To", "Cc", "Subject", "Date")


def _plain(mailbox: str | None) -> bool:
    return mailbox is not None and _ADDRESS.fullmatch(mailbox) is not None


def _whole(reading: Reading) -> Iterator[Transaction]:
    """Yield the transactions whose message was accepted, with all of their replies known."""
    for each in reading.transactions:
        if reading.regular and each.delivered and each.accepted:
            yield each


@kind
def envelope_sender(reading: Reading) -> Iterator[Question]:
    """Ask who the envelope sender is."""
    for each in reading.transactions:
        mailbox = each.mail.mailbox
        if mailbox is not None and _plain(mailbox):
            yield typed(
                each.mail.line,
                f"Which address is the envelope sender of the transaction that begins on line {each.mail.line}?",
                address_forms(mailbox),
                "The address in MAIL FROM is the envelope sender, the reverse-path. The From: field of the header plays no part in it.",
                "RFC 5321 section 3.3",
                "RFC 5321 section 4.1.1.2",
            )


@kind
def bounce_address(reading: Reading) -> Iterator[Question]:
    """Ask where a bounce of the message would go."""
    for each in _whole(reading):
        mailbox = each.mail.mailbox
        if mailbox is not None and _plain(mailbox):
            yield typed(
                each.mail.line,
                f"The message of the transaction on line {each.mail.line} is accepted, and cannot be delivered later. To which address "
                "does the bounce go?",
                address_forms(mailbox),
                "A bounce goes to the reverse-path, the address of MAIL FROM, and itself has the null reverse-path.",
                "RFC 5321 section 6.1",
                "RFC 5321 section 4.5.5",
            )


@kind
def bounce_sender(reading: Reading) -> Iterator[Question]:
    """Ask what the MAIL line of a bounce looks like."""
    for each in _whole(reading):
        mailbox = each.mail.mailbox
        if mailbox is not None and _plain(mailbox):
            yield choose(
                each.mail.line,
                f"A bounce for the message of line {each.mail.line} is sent. With which line does its envelope begin?",
                "MAIL FROM:<>",
                [
                    f"MAIL FROM:<{mailbox}>",
                    f"MAIL FROM:<{each.accepted[0].mailbox or 'postmaster'}>",
                    "MAIL FROM:<postmaster>",
                ],
                "A bounce has the null reverse-path, so that no bounce is ever sent for a bounce.",
                "RFC 5321 section 4.5.5",
            )


@kind
def null_path(reading: Reading) -> Iterator[Question]:
    """Ask why a reverse-path is empty."""
    for exchange in reading.of("MAIL"):
        if exchange.mailbox == "":
            yield choose(
                exchange.line,
                f"Line {exchange.line}: the client sends {quote(exchange.text)}. What is the empty address for?",
                "nobody is to get a bounce for this message, which is often a bounce itself",
                [
                    "the server is to put in the address from the From: field",
                    "the sender wants to stay unknown to the recipient",
                    "the message goes to all mailboxes of the server",
                ],
                "The null reverse-path keeps two servers from sending each other bounces for ever.",
                "RFC 5321 section 4.5.5",
                "RFC 5321 section 6.1",
            )


@kind
def where_it_goes(reading: Reading) -> Iterator[Question]:
    """Ask which address decides where the message goes."""
    for each in _whole(reading):
        message = each.message
        to = message.field("To") if message is not None else None
        if message is None or to is None or each.accepted[0].mailbox is None:
            continue
        from_ = message.field("From")
        wrong = [f"line {to.line}, {clip(f'{to.name}: {to.value}')}", sent_line(each.mail)]
        if from_ is not None:
            wrong.append(f"line {from_.line}, {clip(f'{from_.name}: {from_.value}')}")
        yield choose(
            each.accepted[0].line,
            f"Which of these lines decides who gets the message of the transaction that begins on line {each.mail.line}?",
            sent_line(each.accepted[0]),
            wrong,
            "Servers deliver by the envelope, that is by RCPT TO. The header is part of the text, and is for people.",
            "RFC 5321 section 2.3.1",
            "RFC 5321 section 3.3",
        )


@kind
def change_to(reading: Reading) -> Iterator[Question]:
    """Ask who gets the message if the To: field says something else."""
    for each in _whole(reading):
        to = each.message.field("To") if each.message is not None else None
        boxes = [exchange.mailbox or "" for exchange in each.accepted]
        if to is None or not all(map(_plain, boxes)):
            continue
        stranger = next(name for name in _OTHERS if name not in {*map(str.lower, boxes)})
        gets = boxes[0] if len(boxes) == 1 else f"{boxes[0]} and {len(boxes) - 1} more of the envelope"
        yield choose(
            to.line,
            f"Suppose line {to.line} said {quote(f'To: {stranger}')} and all else were the same. Who would get the message?",
            gets,
            [stranger, f"{gets}, and {stranger} too", "nobody: the server compares the two and refuses"],
            "The To: field is text for the reader. RCPT TO alone says where the message goes.",
            "RFC 5321 section 2.3.1",
            "RFC 5322 section 3.6.3",
        )


@kind
def envelope_or_header(reading: Reading) -> Iterator[Question]:
    """Ask whether a line belongs to the envelope or to the header."""
    for each in reading.transactions:
        for exchange in (each.mail, *each.accepted[:1]):
            yield _part(
                exchange.line,
                exchange.text,
                "the envelope",
                "MAIL and RCPT are the envelope, which the servers act on.",
            )
        message = each.message
        for field in message.fields if message is not None and message.separator else ():
            if field.name.title() in _HEADER:
                why = "It stands in the mail data before the first empty line: a field of the header, which the servers do not act on."
                yield _part(field.line, f"{field.name}: {field.value}", "the header", why)


def _part(line: int, text: str, right: str, why: str) -> Question:
    return choose(
        line,
        f"Line {line}: the client sends {quote(text)}. What is this line a part of?",
        right,
        [each for each in ("the envelope", "the header", "the body") if each != right],
        why,
        "RFC 5321 section 2.3.1",
        "RFC 5322 section 2.1",
    )


@kind
def accepted_recipients(reading: Reading) -> Iterator[Question]:
    """Ask how many recipients get the message."""
    for each in _whole(reading):
        boxes = {(exchange.mailbox or "").lower() for exchange in each.accepted}
        number = len(each.accepted)
        if (len(each.recipients) > 1 or len(reading.transactions) > 1) and len(boxes) == number:
            yield typed(
                each.mail.line,
                f"For how many recipients does the server accept the message of the transaction that begins on line {each.mail.line}?",
                number_forms(number, "recipient", "recipients"),
                f"{len(each.recipients)} RCPT in it, of which {number} answered with 2yz. Each RCPT is accepted or refused by itself.",
                "RFC 5321 section 3.3",
            )


@kind
def refused_recipient(reading: Reading) -> Iterator[Question]:
    """Ask what happens to a recipient that was refused."""
    for each in _whole(reading):
        for exchange in each.refused:
            if exchange.digit == 5 and not any(exchange.mailbox == other.mailbox for other in each.accepted):
                yield choose(
                    exchange.line,
                    f"Line {exchange.line}: {quote(exchange.text)} is refused with {exchange.code or '5yz'}, and the message is accepted "
                    "for another recipient. Who tells the sender about this one?",
                    "the client: the server has not taken this recipient over",
                    [
                        "the server: it sends a bounce for this recipient",
                        "nobody: the message is lost for all recipients",
                        "the other recipient's server",
                    ],
                    "A server is responsible only for recipients that it accepted. Of the others the client has to report.",
                    "RFC 5321 section 3.3",
                    "RFC 5321 section 6.1",
                )


@kind
def others_of_refused(reading: Reading) -> Iterator[Question]:
    """Ask what a refused RCPT does to the transaction."""
    for each in reading.transactions if reading.regular else ():
        for exchange in each.refused:
            if exchange.code != 421:
                yield choose(
                    exchange.line,
                    f"Line {exchange.line}: {quote(exchange.text)} is refused. What becomes of the transaction?",
                    "it goes on: the other recipients are not touched",
                    [
                        "it is over: the client has to begin again with MAIL",
                        "it is over, and so is the connection",
                        "it goes on, and the server asks for another address",
                    ],
                    "Each RCPT stands for itself. One accepted recipient is enough for DATA.",
                    "RFC 5321 section 3.3",
                )


@kind
def transaction_begins(reading: Reading) -> Iterator[Question]:
    """Ask which line begins the mail transaction."""
    for each in _whole(reading):
        wrong = [*reading.of("EHLO", "HELO", "LHLO"), *each.accepted[:1], *([each.data] if each.data else [])]
        yield choose(
            each.mail.line,
            f"With which of these lines does a mail transaction in {reading.here} begin?",
            sent_line(each.mail),
            [sent_line(other) for other in wrong],
            "A transaction begins with MAIL that is accepted. EHLO begins the session, RCPT and DATA stand inside the transaction.",
            "RFC 5321 section 3.3",
        )


@kind
def transaction_ends(reading: Reading) -> Iterator[Question]:
    """Ask which line ends the mail transaction."""
    for each in _whole(reading):
        if each.end is not None and each.end.sent is Sent.DOT and each.data is not None:
            wrong = [each.accepted[-1], each.data, *reading.of("QUIT")]
            yield choose(
                each.end.line,
                f"With which of these lines does the transaction end that begins on line {each.mail.line}?",
                sent_line(each.end),
                [sent_line(other) for other in wrong],
                "The final dot ends the mail data, and with the reply to it the transaction is over. QUIT only ends the session.",
                "RFC 5321 section 4.1.1.4",
            )


def _sized(exchange: Exchange) -> int:
    sizes = [each[5:] for each in exchange.parameters if each.upper().startswith("SIZE=")]
    return int(sizes[0]) if len(sizes) == 1 and sizes[0].isascii() and sizes[0].isdigit() and len(sizes[0]) < 16 else 0


@kind
def declared_size(reading: Reading) -> Iterator[Question]:
    """Ask what SIZE= in MAIL says."""
    for exchange in reading.of("MAIL"):
        if _sized(exchange):
            yield choose(
                exchange.line,
                f"Line {exchange.line}: the client sends {quote(exchange.text)}. What does it say by the SIZE?",
                f"the message will have about {_sized(exchange)} octets",
                [
                    f"the server must not take more than {_sized(exchange)} octets",
                    f"the message is number {_sized(exchange)} of this client",
                    f"the client takes bounces of up to {_sized(exchange)} octets",
                ],
                "With SIZE the server can refuse a message that is too big before it is sent.",
                "RFC 1870 section 3",
                "RFC 1870 section 6",
            )


@kind
def size_limit(reading: Reading) -> Iterator[Question]:
    """Ask how big a message the server takes."""
    for exchange in reading.exchanges:
        words, said = (exchange.announced or {}).get("SIZE", ()), exchange.reply
        if (
            said is not None
            and len(words) == 1
            and words[0].isascii()
            and words[0].isdigit()
            and 0 < len(words[0]) < 16
        ):
            limit = int(words[0])
            if limit:
                yield typed(
                    said.line,
                    f"By the reply to {exchange.verb} that begins on line {said.line}: how many octets may a message have at most?",
                    [*_size_forms(limit)],
                    f"SIZE {limit} announces it. SIZE 0, or no number, would set no limit.",
                    "RFC 1870 section 4",
                )


def _size_forms(limit: int) -> Iterator[str]:
    forms = [str(limit)]
    if limit % 2**20 == 0:
        forms += [f"{limit // 2**20} MiB", f"{limit // 2**20}MiB"]
    if limit % 10**6 == 0:
        forms += [f"{limit // 10**6} MB", f"{limit // 10**6}MB"]
    yield from forms
    for unit in ("octets", "bytes", "byte", "octet", "b"):
        yield f"{limit} {unit}"
    yield f"size {limit}"


@kind
def return_path(reading: Reading) -> Iterator[Question]:
    """Ask where the recipient sees the envelope sender."""
    for each in _whole(reading):
        if each.mail.mailbox:
            yield choose(
                each.mail.line,
                f"The server that delivers the message of line {each.mail.line} writes its reverse-path into the header. Into which field?",
                "Return-Path",
                ["Reply-To", "Sender", "From"],
                "At the final delivery the reverse-path of MAIL goes into Return-Path. From, Sender and Reply-To are the author's.",
                "RFC 5321 section 4.4",
            )
