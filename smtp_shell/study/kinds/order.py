"""Kinds about order: what the server would say if something else came first, and what was missing."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from smtp_shell.study.question import Question, choose, kind, quote, typed, verb_forms
from smtp_shell.study.reading import Exchange, Reading, Sent

_ORDER: Final = "RFC 5321 section 4.1.4"
_CHOICES: Final = {
    "503": "503: the order is wrong",
    "503 or 554": "503 or 554: there is nobody to deliver to",
    "354": "354: send the message",
    "250": "250: accepted",
    "221": "221: goodbye",
}


def _certain(reading: Reading) -> Iterator[Exchange]:
    """Yield the commands and final dots after which the state is known and the connection goes on, the dialogue being greeted."""
    after = reading.exchanges[1:]
    for exchange, following in zip(reading.exchanges, [*after, None], strict=False):
        state = exchange.after
        in_auth = exchange.code == 334 or (following is not None and following.sent is Sent.RESPONSE)
        ends = exchange.verb == "QUIT" or exchange.code in (354, 421)
        becomes_tls = exchange.verb == "STARTTLS" and exchange.digit == 2
        alone = following is None or following.group != exchange.group or not exchange.group
        is_known = reading.regular and bool(exchange.line) and state.certain and bool(state.hello)
        if is_known and alone and not (in_auth or ends or becomes_tls):
            yield exchange


def _if(exchange: Exchange, line: str) -> str:
    said = f"{exchange.replies[-1].code or 'yes'}" if exchange.replies else ""
    return (
        f"After the {said} to {quote(exchange.text)} on line {exchange.line}, suppose the client sent {line} next. "
        "What would the server say?"
    )


def _would(exchange: Exchange, line: str, right: str, why: str, *sources: str) -> Question:
    wrong = [text for code, text in _CHOICES.items() if code != right and not (right[:3] == code[:3] == "503")]
    return choose(exchange.line, _if(exchange, line), _CHOICES[right], wrong, why, *sources)


@kind
def rcpt_first(reading: Reading) -> Iterator[Question]:
    """Ask what the server would say if RCPT came without MAIL."""
    for exchange in _certain(reading):
        if exchange.after.sender is None:
            why = "RCPT names a recipient of the transaction under way, and there is none: MAIL is missing. The server must say 503."
            yield _would(exchange, "RCPT TO:<bob@example.org>", "503", why, "RFC 5321 section 3.3", _ORDER)


@kind
def data_first(reading: Reading) -> Iterator[Question]:
    """Ask what the server would say if DATA came without a recipient."""
    for exchange in _certain(reading):
        if not exchange.after.accepted:
            missing = "MAIL and RCPT are missing" if exchange.after.sender is None else "no recipient was accepted"
            why = f"The message has no recipient: {missing}. The server answers 503 (wrong order) or 554 (no valid recipients)."
            yield _would(exchange, "DATA", "503 or 554", why, "RFC 5321 section 3.3", "RFC 5321 section 4.1.1.4")


@kind
def mail_twice(reading: Reading) -> Iterator[Question]:
    """Ask what the server would say if MAIL came inside a transaction."""
    for exchange in _certain(reading):
        if exchange.after.sender is not None:
            why = (
                "A transaction is under way, and MAIL would begin another. RSET or the final dot has to end the first."
            )
            yield _would(exchange, "MAIL FROM:<dave@example.com>", "503", why, _ORDER)


@kind
def noop_anywhere(reading: Reading) -> Iterator[Question]:
    """Ask what the server would say to NOOP."""
    for exchange in _certain(reading):
        if exchange.verb in ("MAIL", "RCPT", "EHLO") and exchange.digit == 2:
            why = "NOOP may come at any time, and changes nothing: the transaction goes on."
            yield _would(exchange, "NOOP", "250", why, "RFC 5321 section 4.1.1.9", _ORDER)


@kind
def missing_command(reading: Reading) -> Iterator[Question]:
    """Ask which command was missing before one that was answered with 503."""
    for exchange in reading.of("RCPT", "DATA", "MAIL", "AUTH"):
        state = exchange.before
        said = exchange.reply
        if said is None or said.code != 503 or not state.certain or not reading.regular:
            continue
        verbs: tuple[str, ...] = ()
        if not state.hello:
            verbs = ("EHLO", "HELO", "EHLO or HELO", "HELO or EHLO") if exchange.verb == "MAIL" else ()
            verbs = ("EHLO",) if exchange.verb == "AUTH" else verbs
        elif exchange.verb in ("RCPT", "DATA") and state.sender is None:
            verbs = ("MAIL", "MAIL FROM", "MAIL FROM:")
        elif exchange.verb == "DATA" and not state.accepted:
            verbs = ("RCPT", "RCPT TO", "RCPT TO:")
        if verbs:
            yield typed(
                exchange.line,
                f"Line {exchange.line}: {quote(exchange.text)} is answered with {quote(said.text)}. "
                "Which is the first command that was missing before it?",
                verb_forms(*verbs),
                "The order is EHLO, MAIL, RCPT for each recipient, DATA. The state of the server decides, not what was tried.",
                _ORDER,
                "RFC 5321 section 3.3",
            )


@kind
def nested_mail(reading: Reading) -> Iterator[Question]:
    """Ask what makes a second MAIL possible."""
    for exchange in reading.of("MAIL"):
        if exchange.code == 503 and exchange.before.certain and exchange.before.sender is not None and reading.regular:
            yield choose(
                exchange.line,
                f"Line {exchange.line}: {quote(exchange.text)} is answered with 503. Which command would have made room for it?",
                "RSET",
                ["NOOP", "RCPT", "VRFY"],
                "A transaction is under way. RSET ends it, and so does the end of the mail data, or a new EHLO.",
                _ORDER,
                "RFC 5321 section 4.1.1.5",
            )


@kind
def hello_in_transaction(reading: Reading) -> Iterator[Question]:
    """Ask what EHLO does to the transaction under way."""
    for exchange in reading.of("EHLO", "HELO", "LHLO"):
        if exchange.digit == 2 and exchange.before.certain and exchange.before.sender is not None and reading.regular:
            yield choose(
                exchange.line,
                f"Line {exchange.line}: {quote(exchange.text)} comes in the middle of a transaction, and is accepted. "
                "What becomes of the sender and the recipients named so far?",
                "they are forgotten, as by RSET",
                [
                    "they stay, and DATA may follow",
                    "the sender stays, the recipients are forgotten",
                    "they get a bounce",
                ],
                "EHLO in the course of a session clears all buffers, exactly as RSET would.",
                _ORDER,
            )


@kind
def first_command(reading: Reading) -> Iterator[Question]:
    """Ask which command has to be first."""
    said = reading.greeting
    hellos = [each for each in reading.of("EHLO", "LHLO") if each.digit == 2]
    if said is not None and said.code == 220 and hellos and hellos[0].verb == "EHLO":
        yield choose(
            said.line,
            f"The greeting has come on line {said.line}. With which command does a client begin that wants to send a message?",
            "EHLO",
            ["MAIL", "RCPT", "DATA", "NOOP"],
            "First the client says who it is and asks for the extensions: EHLO, or HELO of old.",
            "RFC 5321 section 3.2",
            _ORDER,
        )
