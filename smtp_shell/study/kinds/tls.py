"""Kinds about TLS: what is encrypted, what is forgotten, and whom the client knows."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from smtp_shell.study.question import Question, choose, code_forms, kind, number_forms, quote, sent_line, typed
from smtp_shell.study.reading import Exchange, Reading, Sent

_HELLOS: Final = ("EHLO", "LHLO")
_PORTS: Final = {
    25: ("mail from one server to the next", "RFC 5321 section 4.5.4.2"),
    465: ("submission by users, with TLS from the first octet", "RFC 8314 section 3.3"),
    587: ("submission by users, with STARTTLS where TLS is used", "RFC 6409 section 3.1"),
}


def _started(reading: Reading) -> Exchange | None:
    """Return the STARTTLS that led to TLS; None if there is none, or more than one."""
    found = [each for each in reading.of("STARTTLS") if each.code == 220 and not each.tls]
    inside = any(each.tls for each in reading.client_lines)
    return found[0] if len(found) == 1 and inside and reading.regular else None


def _hellos(reading: Reading) -> tuple[Exchange, Exchange] | None:
    """Return the last hello before TLS and the first inside it, both accepted; None where there are not both."""
    hellos = [each for each in reading.of(*_HELLOS) if each.digit == 2]
    before = [each for each in hellos if not each.tls]
    inside = [each for each in hellos if each.tls]
    return (before[-1], inside[0]) if _started(reading) and before and inside else None


@kind
def ehlo_after_tls(reading: Reading) -> Iterator[Question]:
    """Ask why EHLO comes again after TLS has started."""
    if found := _hellos(reading):
        first, second = found
        yield choose(
            second.line,
            f"The client said {quote(first.text)} on line {first.line} already. Why does it say EHLO again on line {second.line}?",
            "TLS has started in between: what was said before it is forgotten, since anybody could have changed it",
            [
                "the reply to the first EHLO had not come",
                "each mail transaction begins with EHLO",
                "the first EHLO was refused",
            ],
            "After the handshake both sides forget what they learnt in the clear. The server may announce other extensions, such as AUTH.",
            "RFC 3207 section 4.2",
        )


@kind
def first_encrypted(reading: Reading) -> Iterator[Question]:
    """Ask which line of the client is the first that goes out encrypted."""
    if starttls := _started(reading):
        first, *later = [each for each in reading.client_lines if each.tls]
        clear = [each for each in reading.client_lines if not each.tls]
        yield choose(
            first.line,
            "Which is the first line of the client that crosses the network encrypted?",
            sent_line(first),
            [sent_line(starttls), *(sent_line(each) for each in (*later[:2], *clear))],
            "STARTTLS itself and its 220 are in the clear. The TLS handshake follows, and all that comes after it is encrypted.",
            "RFC 3207 section 4",
        )


@kind
def readable_line(reading: Reading) -> Iterator[Question]:
    """Ask which line somebody on the way can read."""
    starttls = _started(reading)
    inside = [sent_line(each) for each in reading.client_lines if each.tls]
    for exchange in reading.client_lines if starttls and len(inside) > 1 else ():
        if not exchange.tls:
            yield choose(
                exchange.line,
                "Somebody on the way records the packets. Which of these lines can be read there?",
                sent_line(exchange),
                inside,
                "What was sent before the TLS handshake is in the clear, STARTTLS included.",
                "RFC 3207 section 4",
            )


@kind
def unreadable_line(reading: Reading) -> Iterator[Question]:
    """Ask which line somebody on the way cannot read."""
    starttls = _started(reading)
    clear = [sent_line(each) for each in reading.client_lines if not each.tls]
    for exchange in reading.client_lines if starttls and len(clear) > 1 else ():
        if exchange.tls:
            yield choose(
                exchange.line,
                "Somebody on the way records the packets. Which of these lines cannot be read there?",
                sent_line(exchange),
                clear,
                "All that follows the TLS handshake is encrypted, envelope and message included.",
                "RFC 3207 section 4",
            )


@kind
def wireshark_sees(reading: Reading) -> Iterator[Question]:
    """Ask what Wireshark shows of the lines inside TLS."""
    inside = [each for each in reading.client_lines if each.tls]
    if inside and reading.regular:
        yield choose(
            inside[0].line,
            f"Wireshark captures this connection and has no keys. What does it show from line {inside[0].line} on?",
            "TLS records: that there is data and how long it is, not what it says",
            [
                "nothing at all: encrypted packets cannot be captured",
                "the commands and replies, as before",
                "the commands, but not the text of the message",
            ],
            "Addresses, ports, times and lengths stay visible. The content becomes readable with the session's keys only.",
            "RFC 8446 section 5",
        )


@kind
def tls_begins(reading: Reading) -> Iterator[Question]:
    """Ask which reply code the TLS handshake follows."""
    if starttls := _started(reading):
        yield typed(
            starttls.line,
            f"Line {starttls.line}: the client sends STARTTLS. After which reply code does the TLS handshake begin?",
            code_forms(220),
            "220 to STARTTLS: the server is ready, and the next octets are the handshake. Any other code: no TLS.",
            "RFC 3207 section 4",
        )


@kind
def after_starttls(reading: Reading) -> Iterator[Question]:
    """Ask what the client may send between STARTTLS and its reply."""
    for exchange in reading.of("STARTTLS"):
        if not exchange.tls and exchange.code == 220:
            yield choose(
                exchange.line,
                f"Line {exchange.line}: the client sends STARTTLS. What may it send before the reply has come?",
                "nothing",
                ["EHLO", "MAIL, if the server announced PIPELINING", "AUTH, since TLS is about to start"],
                "STARTTLS must be the last command of a group. Text in the clear after it could have been put there by somebody else.",
                "RFC 3207 section 4",
                "RFC 3207 section 6",
            )


@kind
def announced_after_tls(reading: Reading) -> Iterator[Question]:
    """Ask what the server announces only inside TLS."""
    yield from _difference(reading, inside=True)


@kind
def gone_after_tls(reading: Reading) -> Iterator[Question]:
    """Ask what the server announces no more inside TLS."""
    yield from _difference(reading, inside=False)


def _difference(reading: Reading, *, inside: bool) -> Iterator[Question]:
    found = _hellos(reading)
    if found is None:
        return
    first, second = found
    before, after = first.announced, second.announced
    if before is None or after is None:
        return
    has, lacks = (after, before) if inside else (before, after)
    others = [each for each in {**before, **after} if not (each in has and each not in lacks)]
    for keyword in has:
        if keyword not in lacks:
            yield choose(
                second.line,
                f"Compare the replies to {first.verb} on line {first.line} and on line {second.line}. What does the server announce "
                + ("only in the second, inside TLS?" if inside else "only in the first, before TLS?"),
                keyword,
                others,
                "A server offers AUTH only where nobody can read the password, and STARTTLS only as long as there is no TLS. "
                "The client believes only what was said inside TLS.",
                "RFC 3207 section 4.2",
                "RFC 4954 section 4",
            )


@kind
def tls_verified(reading: Reading) -> Iterator[Question]:
    """Ask what the check of the certificate tells the client."""
    texts = {
        True: "that nobody on the way can read it, and that it talks to the server it meant",
        False: "that somebody who only listens cannot read it, but not whom it talks to",
    }
    for handshake in reading.handshakes:
        if handshake.verified is not None:
            word = "verified" if handshake.verified else "unverified"
            yield choose(
                handshake.line,
                f"TLS starts on line {handshake.line}, and the certificate is {word}. What does the client know about the connection?",
                texts[handshake.verified],
                [texts[not handshake.verified], "nothing: without a certificate of its own there is no encryption"],
                "Encryption keeps listeners out. Only a certificate with a good chain, dates and name says who the other side is.",
                "RFC 3207 section 4.1",
                "RFC 7817 section 3",
            )


@kind
def implicit_or_explicit(reading: Reading) -> Iterator[Question]:
    """Ask whether TLS is implicit or explicit here."""
    explicit, implicit = "explicit: the connection begins in the clear", "implicit: TLS begins with the first octet"
    starttls = _started(reading)
    inside = [each for each in reading.client_lines if each.tls]
    if starttls is not None or (reading.implicit and inside):
        yield choose(
            starttls.line if starttls is not None else inside[0].line,
            f"Which way does TLS start in {reading.here}?",
            explicit if starttls is not None else implicit,
            [implicit if starttls is not None else explicit, "not at all"],
            "STARTTLS turns a connection in the clear into an encrypted one. With implicit TLS, as on port 465, the handshake is first.",
            "RFC 8314 section 3.3",
            "RFC 3207 section 4",
        )


@kind
def implicit_tls_port(reading: Reading) -> Iterator[Question]:
    """Ask on which port TLS would begin with the first octet."""
    if starttls := _started(reading):
        yield typed(
            starttls.line,
            f"Line {starttls.line} starts TLS in the middle of the connection. On which port for submission would it begin with the "
            "first octet?",
            ["465", "port 465", "tcp 465", "465/tcp"],
            "Port 465 is for submission with implicit TLS (submissions).",
            "RFC 8314 section 3.3",
        )


@kind
def port_purpose(reading: Reading) -> Iterator[Question]:
    """Ask what the server's port is for."""
    if reading.port in _PORTS:
        right, source = _PORTS[reading.port]
        yield choose(
            reading.first,
            f"Line {reading.first}: the client connects to port {reading.port}. What is this port for?",
            right,
            [text for port, (text, _) in _PORTS.items() if port != reading.port],
            f"Port {reading.port}: {right}.",
            source,
        )


@kind
def lines_in_the_clear(reading: Reading) -> Iterator[Question]:
    """Ask how many commands were sent in the clear."""
    starttls = _started(reading)
    clear = [each for each in reading.client_lines if not each.tls]
    if starttls is not None and all(each.sent is Sent.COMMAND for each in clear):
        yield typed(
            starttls.line,
            f"How many commands does the client send in the clear in {reading.here}, STARTTLS included?",
            number_forms(len(clear), "command", "commands"),
            f"The last of them is STARTTLS on line {starttls.line}. The handshake follows its reply.",
            "RFC 3207 section 4",
        )


@kind
def starttls_gone(reading: Reading) -> Iterator[Question]:
    """Ask why STARTTLS is refused inside TLS."""
    for exchange in reading.of("STARTTLS"):
        if exchange.tls and exchange.digit == 5:
            yield choose(
                exchange.line,
                f"Line {exchange.line}: the client sends STARTTLS, and the server refuses. Why?",
                "the connection is inside TLS already",
                ["a mail transaction is under way", "the client has not logged in", "the certificate has expired"],
                "Inside TLS the server does not announce STARTTLS any more, and the client must not try it again.",
                "RFC 3207 section 4.2",
            )
