"""Kinds about mail data: where it ends, how dots survive, where the header ends, and which fields there must be."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from smtp_shell.knowledge.lookup import HeaderFact
from smtp_shell.study.facts import meaning
from smtp_shell.study.question import Question, choose, clip, kind, quote, sent_line, typed
from smtp_shell.study.reading import Exchange, Mail, Reading, Sent, Transaction

_MANDATORY: Final = ("From", "Date")
_OPTIONAL: Final = ("To", "Subject", "Message-ID", "Cc", "Bcc", "Reply-To", "MIME-Version")
_FIELDS: Final = {
    "From": ("who wrote the message", "RFC 5322 section 3.6.2"),
    "To": ("whom the message is written to, for the reader", "RFC 5322 section 3.6.3"),
    "Cc": ("who gets a copy, for the reader", "RFC 5322 section 3.6.3"),
    "Subject": ("what the message is about", "RFC 5322 section 3.6.5"),
    "Date": ("when the author finished the message", "RFC 5322 section 3.6.1"),
    "Message-Id": ("a name for this version of the message that no other has", "RFC 5322 section 3.6.4"),
    "Mime-Version": ("that the message is built by the rules of MIME", "RFC 2045 section 4"),
    "Content-Type": ("what the body is, and in which character set", "RFC 2045 section 5"),
    "Content-Transfer-Encoding": ("how the octets of the body are written", "RFC 2045 section 6"),
}


def _ended(reading: Reading) -> Iterator[tuple[Exchange, Mail]]:
    """Yield each final dot that was answered after a 354, with its mail data."""
    dots = {each.line: each for each in reading.exchanges if each.sent is Sent.DOT and each.replies}
    for mail in reading.messages:
        if mail.end in dots:
            yield dots[mail.end], mail


def _data(reading: Reading) -> Iterator[tuple[Exchange, Transaction]]:
    """Yield each DATA that was answered with 354."""
    for each in reading.transactions:
        if each.data is not None and each.data.code == 354:
            yield each.data, each


@kind
def data_end(reading: Reading) -> Iterator[Question]:
    """Ask which line ends the mail data."""
    for dot, mail in _ended(reading):
        lines = [f"line {line}, C: {clip(text)}" for line, text in mail.body if line and text.strip()]
        quits = [sent_line(each) for each in reading.of("QUIT", "RSET") if each.line > dot.line]
        if mail.whole and reading.regular and (lines or quits):
            separator = [f"line {mail.separator}, C: (the empty line)"] if mail.separator else []
            yield choose(
                dot.line,
                "Which of these lines ends the mail data?",
                sent_line(dot),
                [*separator, *quits[:1], *reversed(lines)],
                "A line that is a dot and nothing else ends mail data. An empty line does not, and QUIT inside it would be text.",
                "RFC 5321 section 4.1.1.4",
            )


@kind
def end_octets(reading: Reading) -> Iterator[Question]:
    """Ask which octets end the mail data."""
    for dot, _ in _ended(reading):
        yield choose(
            dot.line,
            f"Line {dot.line} is the final dot. Which octets does a server look for to find the end of the mail data?",
            "CR LF . CR LF",
            ["LF . LF", "CR LF CR LF", ". QUIT"],
            "Five octets: the line end before the dot, the dot, and its own line end. A bare LF is no line end.",
            "RFC 5321 section 4.1.1.4",
            "RFC 5321 section 2.3.8",
        )


@kind
def line_end(reading: Reading) -> Iterator[Question]:
    """Ask which two characters end each line."""
    for exchange in reading.client_lines[:1]:
        yield typed(
            exchange.line,
            f"Line {exchange.line}: the client sends {quote(exchange.text)}. Which two characters end this line on the wire?",
            [
                "CRLF",
                "CR LF",
                "CR and LF",
                "CR, LF",
                "CR+LF",
                "CR + LF",
                "CR/LF",
                "<CR><LF>",
                "<CRLF>",
                r"\r\n",
                r"\r \n",
                r"\r and \n",
                "0d 0a",
                "0d0a",
                "0x0d 0x0a",
                r"\x0d\x0a",
                "13 10",
                "13 and 10",
                "carriage return line feed",
                "carriage return and line feed",
                "carriage return, line feed",
                "carriage return and newline",
                "carriage return + line feed",
            ],
            "Every line of SMTP ends in CR LF, on both sides. A client that sends LF alone waits for ever with many servers.",
            "RFC 5321 section 2.3.8",
        )


@kind
def lone_dot(reading: Reading) -> Iterator[Question]:
    """Ask how a line with a lone dot survives inside a message."""
    for dot, _ in _ended(reading):
        yield choose(
            dot.line,
            f"Line {dot.line} ends the mail data. How can a line that is a single dot stand inside a message?",
            "the client sends two dots there, and the server takes one off",
            [
                "it cannot: such a message is refused",
                "the client writes a backslash before it",
                "the server knows from SIZE that the message goes on",
            ],
            "The client doubles a dot at the start of any line, and the server removes it again: dot-stuffing, or transparency.",
            "RFC 5321 section 4.5.2",
        )


@kind
def dot_unstuffed(reading: Reading) -> Iterator[Question]:
    """Ask how a line with a doubled dot arrives."""
    for _, mail in _ended(reading):
        for line, text in mail.stuffed:
            if mail.whole and len(text) < 40 and "\\" not in text:
                yield choose(
                    line,
                    f"Line {line}: the client sends {quote(text)} as mail data. What stands in the message that arrives?",
                    f"{quote(text[1:])}, with {_dots(text[1:])}",
                    [f"{quote(each)}, with {_dots(each)}" for each in (text, f".{text}", text.lstrip(".")) if each],
                    "The server takes one dot off a line that begins with one, unless the line is a dot alone.",
                    "RFC 5321 section 4.5.2",
                )


def _dots(text: str) -> str:
    number = len(text) - len(text.lstrip("."))
    return f"{number or 'no'} {'dot' if number == 1 else 'dots'} at the start"


@kind
def header_end(reading: Reading) -> Iterator[Question]:
    """Ask which line separates header and body."""
    for _, mail in _ended(reading):
        if mail.whole and mail.separator and mail.fields and mail.body:
            first, last = mail.fields[0], mail.fields[-1]
            yield choose(
                mail.separator,
                f"The mail data ends on line {mail.end}. Which of these lines separates its header from its body?",
                f"line {mail.separator}, which is empty",
                [
                    f"line {mail.end}, the dot",
                    f"line {first.line}, {clip(f'{first.name}: {first.value}')}",
                    f"line {last.line}, {clip(f'{last.name}: {last.value}')}",
                    f"line {mail.body[0][0]}, the first of the body",
                ],
                "The first empty line ends the header. What follows it is the body, whatever it looks like.",
                "RFC 5322 section 2.1",
            )


@kind
def mandatory_field(reading: Reading) -> Iterator[Question]:
    """Ask which header field every message must have."""
    for _, mail in _ended(reading):
        present = {each.name.title(): each for each in mail.fields}
        for name in _MANDATORY:
            field = present.get(name)
            if field is not None and mail.separator:
                here = [each for each in _OPTIONAL if each.title() in present]
                yield choose(
                    field.line,
                    f"Line {mail.end} ends a message. Which of these header fields must every message have?",
                    name,
                    [*here, *(each for each in _OPTIONAL if each not in here)],
                    "Two fields are mandatory: From and Date. Message-ID should be there; To and Subject may be missing.",
                    "RFC 5322 section 3.6",
                )


@kind
def field_meaning(reading: Reading) -> Iterator[Question]:
    """Ask what a header field says."""
    for _, mail in _ended(reading):
        for field in mail.fields if mail.separator else ():
            if field.name.title() in _FIELDS:
                right, source = _FIELDS[field.name.title()]
                yield choose(
                    field.line,
                    f"Line {field.line}: the header says {quote(f'{field.name}: {field.value}')}. What does this field tell?",
                    right,
                    [text for text, _ in _FIELDS.values() if text != right],
                    meaning(HeaderFact, field.name, f"{field.name}: {right}."),
                    source,
                )


@kind
def data_354(reading: Reading) -> Iterator[Question]:
    """Ask what 354 asks of the client."""
    for data, _ in _data(reading):
        said = data.reply
        if said is not None:
            yield choose(
                said.line,
                f"Line {said.line}: the server answers DATA with {quote(said.text)}. What is the client to do?",
                "send the message, and end it with a line that is a dot",
                ["send DATA once more", "nothing: the message has been accepted", "send the next RCPT"],
                "354 is no success yet. The message is accepted, or not, by the reply after the final dot.",
                "RFC 5321 section 4.1.1.4",
            )


@kind
def promise_of_250(reading: Reading) -> Iterator[Question]:
    """Ask what the 250 after the final dot promises."""
    for dot, _ in _ended(reading):
        said = dot.reply
        if said is not None and said.code == 250 and not reading.is_lmtp:
            yield choose(
                said.line,
                f"Line {said.line}: the server answers the final dot with {quote(said.text)}. What does it promise?",
                "it delivers the message, or tells the sender that it could not",
                [
                    "the recipient has read the message",
                    "the message is in the recipient's mailbox now",
                    "nothing: the client has to keep the message until QUIT",
                ],
                "With this 250 the server takes the responsibility over. The client may forget the message, and must not send it again.",
                "RFC 5321 section 6.1",
                "RFC 5321 section 4.2.5",
            )


@kind
def refused_after_dot(reading: Reading) -> Iterator[Question]:
    """Ask who has the message when the final dot is refused."""
    for dot, _ in _ended(reading):
        said = dot.reply
        if said is not None and said.digit in (4, 5) and len(dot.replies) == 1 and not reading.is_lmtp:
            yield choose(
                said.line,
                f"Line {said.line}: the server answers the final dot with {quote(said.text)}. Who is responsible for the message now?",
                "the client: the server has not taken it",
                ["the server: it has all of it", "the recipient", "both: the message is there twice"],
                "Only a 2yz after the final dot hands the message over.",
                "RFC 5321 section 4.2.5",
                "RFC 5321 section 6.1",
            )


@kind
def trace_field(reading: Reading) -> Iterator[Question]:
    """Ask which header field each server adds."""
    for dot, _ in _ended(reading):
        if dot.digit == 2:
            yield choose(
                dot.line,
                f"The server accepts the message that ends on line {dot.line}. Which field does every server on the way add at its top?",
                "Received",
                ["Reply-To", "Message-ID", "Subject"],
                "Each server that takes a message puts a Received field before the others: the trace, to be read from below.",
                "RFC 5321 section 4.4",
            )


@kind
def quit_in_data(reading: Reading) -> Iterator[Question]:
    """Ask what QUIT would do among the mail data."""
    for data, each in _data(reading):
        if each.end is not None and each.end.sent is Sent.DOT:
            yield choose(
                data.line,
                f"Suppose the client sent QUIT as a line of its own after the 354 to line {data.line}, and before the dot on line "
                f"{each.end.line}. What would happen?",
                "QUIT becomes a line of the message",
                ["the server answers 221", "the server answers 503", "the message is given up, as by RSET"],
                "After 354 every line is text, up to the line with the dot. A client that forgets the dot waits for ever.",
                "RFC 5321 section 4.1.1.4",
            )
