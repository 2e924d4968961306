"""Kinds about replies: what a code and its digits say, what a reply answers, and what it wants."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from smtp_shell.knowledge.lookup import EnhancedFact, ReplyFact
from smtp_shell.study.facts import meaning
from smtp_shell.study.question import (
    Question,
    choose,
    code_forms,
    kind,
    number_forms,
    quote,
    said_line,
    sent_line,
    typed,
)
from smtp_shell.study.reading import Exchange, Reading, Said, Sent

_DIGITS: Final = {
    2: "It is done: the command was carried out.",
    3: "So far so good: the client has to send more.",
    4: "Not now: the same may work later, unchanged.",
    5: "No: the same must not be sent again unchanged.",
}
_SECOND_DIGITS: Final = {
    0: "the syntax, or the command as such",
    1: "information that was asked for, such as help",
    2: "the connection itself",
    5: "the mail system: mailboxes and messages",
}
# Only codes whose meaning is the same wherever they stand.
_CODES: Final = {
    214: ("Here is the help that was asked for.", "RFC 5321 section 4.2.2"),
    221: ("The server closes the connection, as it was asked to.", "RFC 5321 section 4.1.1.10"),
    235: ("The client is authenticated.", "RFC 4954 section 6"),
    251: ("The user is not local; the server forwards the mail.", "RFC 5321 section 3.4"),
    252: ("The server cannot say whether the mailbox exists, but would take mail for it.", "RFC 5321 section 3.5.3"),
    334: ("The exchange goes on: answer this challenge.", "RFC 4954 section 4"),
    354: ("Send the message now, and end it with a dot alone on a line.", "RFC 5321 section 4.1.1.4"),
    421: ("The service is not available now; the server closes the connection.", "RFC 5321 section 3.8"),
    452: ("The server lacks room for this now.", "RFC 5321 section 4.2.2"),
    500: ("The server does not know this command, or cannot read it.", "RFC 5321 section 4.2.2"),
    501: ("The command is known, but its argument is wrong.", "RFC 5321 section 4.2.2"),
    502: ("The server knows this command, but does not implement it.", "RFC 5321 section 4.2.4"),
    503: ("The command does not fit here: the order is wrong.", "RFC 5321 section 4.2.2"),
    535: ("The credentials were not accepted.", "RFC 4954 section 6"),
    538: ("This mechanism may be used only inside TLS.", "RFC 4954 section 6"),
    552: ("The message, or what is stored already, is more than the mailbox may hold.", "RFC 5321 section 4.2.2"),
    555: ("The server does not know a parameter of MAIL or RCPT.", "RFC 5321 section 4.1.1.11"),
}
_OF_AUTH: Final = frozenset({235, 334, 421, 503, 535, 538})
# Enhanced status code without its class -> what it says.
_DETAILS: Final = {
    "1.1": "There is no such mailbox.",
    "1.2": "The domain of the address cannot take mail.",
    "2.1": "The mailbox is there, but takes no messages.",
    "2.2": "The mailbox is full.",
    "3.4": "The message is too big for the system.",
    "5.1": "The command does not fit here, or is not offered.",
    "5.2": "The command cannot be read: its syntax is wrong.",
    "5.4": "The command's arguments are wrong, or not known.",
    "7.1": "The server's rules do not allow this delivery.",
    "7.8": "The user name or the password is wrong.",
    "7.11": "This mechanism needs TLS first.",
    "6.7": "The address is not ASCII, which was not agreed on.",
}
_SUBJECTS: Final = {
    "1": "the address",
    "2": "the mailbox",
    "3": "the mail system at the destination",
    "4": "the network and the routing",
    "5": "the protocol: the commands themselves",
    "6": "the content of the message",
    "7": "security, or a policy",
}
_CURES: Final = {
    500: "a command that the server knows",
    501: "a right argument, as the syntax has it",
    503: "another order: first the command that is missing",
    535: "the right user name and password",
    538: "TLS first, then AUTH",
    555: "no such parameter, since the server did not announce it",
}
_ADDRESS_CURE: Final = "another address: this mailbox does not exist"
_SIZE_CURE: Final = "a smaller message"
_AUTH_CURE: Final = "AUTH first: the client has to log in"
_TLS_CURE: Final = "STARTTLS first"


def _says(said: Said) -> str:
    return f"Line {said.line}: the server says {quote(said.text)}."


@kind
def reply_answers(reading: Reading) -> Iterator[Question]:
    """Ask which line of the client a reply answers."""
    lines = [sent_line(each) for each in reading.client_lines if each.replies]
    for exchange, said in reading.answered:
        if reading.regular and exchange in reading.client_lines and len(lines) > 1:
            right = sent_line(exchange)
            yield choose(
                said.line,
                f"{_says(said)} Which line does it answer?",
                right,
                [each for each in lines if each != right],
                "Replies come in the order of the commands, one for each: the reply answers the oldest command that has none yet.",
                "RFC 5321 section 4.2",
                "RFC 2920 section 3.1",
            )


@kind
def code_meaning(reading: Reading) -> Iterator[Question]:
    """Ask what a reply code means."""
    for exchange, said in reading.answered:
        # In an AUTH exchange a code may say something else, such as 501 for one that was cancelled.
        in_auth = exchange.sent is Sent.RESPONSE or exchange.verb == "AUTH"
        if said.code in _CODES and not (in_auth and said.code not in _OF_AUTH):
            right, source = _CODES[said.code]
            wrong = [text for code, (text, _) in _CODES.items() if code != said.code and code // 100 != said.digit]
            why = meaning(ReplyFact, str(said.code), right)
            yield choose(said.line, f"{_says(said)} What does {said.code} mean?", right, wrong, why, source)


@kind
def first_digit(reading: Reading) -> Iterator[Question]:
    """Ask what the first digit of a reply code says."""
    for _, said in reading.answered:
        if said.digit in _DIGITS:
            yield choose(
                said.line,
                f"{_says(said)} What does the first digit of {said.code} alone tell the client?",
                _DIGITS[said.digit],
                [text for digit, text in _DIGITS.items() if digit != said.digit],
                "A client can act on the first digit alone, even where it does not know the code.",
                "RFC 5321 section 4.2.1",
            )


@kind
def second_digit(reading: Reading) -> Iterator[Question]:
    """Ask what the second digit of a reply code says."""
    for _, said in reading.answered:
        second = said.code // 10 % 10
        if second in _SECOND_DIGITS:
            yield choose(
                said.line,
                f"{_says(said)} What is the reply about, by the second digit of {said.code}?",
                _SECOND_DIGITS[second],
                [text for digit, text in _SECOND_DIGITS.items() if digit != second],
                f"x{second}z: {_SECOND_DIGITS[second]}.",
                "RFC 5321 section 4.2.1",
            )


@kind
def enhanced_class(reading: Reading) -> Iterator[Question]:
    """Ask which part of an enhanced status code repeats the reply code's first digit."""
    for _, said in reading.answered:
        first, _, _ = said.enhanced.partition(".")
        if said.enhanced and first == str(said.digit):
            yield choose(
                said.line,
                f"{_says(said)} What does the first number of {said.enhanced} say?",
                f"the same as the first digit of {said.code}",
                [
                    "how many lines the reply has",
                    "which subject the reply is about",
                    "how often the client may try again",
                ],
                "The class of an enhanced status code is 2, 4 or 5, and agrees with the first digit of the reply code.",
                "RFC 3463 section 2",
                "RFC 2034 section 4",
            )


@kind
def enhanced_subject(reading: Reading) -> Iterator[Question]:
    """Ask what the second number of an enhanced status code is about."""
    for _, said in reading.answered:
        subject = said.enhanced.split(".")[1] if said.enhanced else ""
        if subject in _SUBJECTS:
            yield choose(
                said.line,
                f"{_says(said)} What is the subject of {said.enhanced}, by its second number?",
                _SUBJECTS[subject],
                [text for number, text in _SUBJECTS.items() if number != subject],
                f"x.{subject}.z is about {_SUBJECTS[subject]}.",
                "RFC 3463 section 2",
            )


@kind
def refusal_reason(reading: Reading) -> Iterator[Question]:
    """Ask why the server refused, from the enhanced status code."""
    for _, said in reading.answered:
        detail = said.enhanced.partition(".")[2]
        if said.digit in (4, 5) and said.enhanced[:1] == str(said.digit) and detail in _DETAILS:
            yield choose(
                said.line,
                f"{_says(said)} What does {said.enhanced} give as the reason?",
                _DETAILS[detail],
                [text for other, text in _DETAILS.items() if other != detail and other[0] != detail[0]],
                meaning(EnhancedFact, f"x.{detail}", _DETAILS[detail]),
                "RFC 3463 section 3",
                "RFC 5248 section 2.4",
            )


@kind
def what_helps(reading: Reading) -> Iterator[Question]:
    """Ask what would have to change for a refused command to succeed."""
    cures = {*_CURES.values(), _ADDRESS_CURE, _SIZE_CURE, _AUTH_CURE, _TLS_CURE}
    for exchange, said in reading.answered:
        right = _cure(exchange, said)
        if right:
            similar = {_TLS_CURE, _CURES[538]} if right in (_TLS_CURE, _CURES[538]) else {right}
            if right in (_CURES[503], _AUTH_CURE):
                similar |= {_CURES[503], _AUTH_CURE, _TLS_CURE}
            if right in (_ADDRESS_CURE, _CURES[501], _CURES[555]):
                similar |= {_CURES[501], _CURES[555]}
            yield choose(
                said.line,
                f"{_says(said)} It answers {quote(exchange.text)}. What would help?",
                right,
                sorted(cures - similar),
                "A 5yz is for good: the same line would be refused again. Something has to change first.",
                "RFC 5321 section 4.2.1",
                "RFC 4954 section 6",
            )


def _cure(exchange: Exchange, said: Said) -> str:
    text = " ".join(said.lines).lower()
    if said.code == 550 and said.enhanced == "5.1.1" and exchange.verb == "RCPT":
        return _ADDRESS_CURE
    if said.code == 552 and said.enhanced == "5.3.4":
        return _SIZE_CURE
    if said.code == 530:
        wants_tls, wants_auth = "starttls" in text, "auth" in text
        return "" if wants_tls == wants_auth else (_TLS_CURE if wants_tls else _AUTH_CURE)
    if said.code in (501, 503, 555) and exchange.verb not in ("MAIL", "RCPT", "DATA", "HELO", "EHLO"):
        return ""  # such as an AUTH that was cancelled, or is forbidden because it was done already
    if said.code == 500 and "long" in text:
        return ""
    if said.code == 503 and ("auth" in text or "tls" in text):
        return ""
    if exchange.verb == "MAIL" and said.code == 503 and exchange.before.sender is not None:
        return ""  # what helps is RSET, or going on
    return _CURES.get(said.code, "") if exchange.sent is not Sent.GREETING else ""


@kind
def who_retries(reading: Reading) -> Iterator[Question]:
    """Ask who tries again after a refusal for now."""
    for exchange, said in reading.answered:
        if said.digit == 4 and (exchange.verb in ("MAIL", "RCPT", "DATA", "BDAT") or exchange.sent is Sent.DOT):
            yield choose(
                said.line,
                f"{_says(said)} Between two mail servers: who tries again?",
                "the client, by itself, later: it keeps the message in its queue",
                [
                    "the user who wrote the message, by hand",
                    "the server: it calls back when it is ready",
                    "nobody: a 4yz is for good",
                ],
                "A 4yz is a refusal for now. The client keeps the message and tries again after a while, for some days.",
                "RFC 5321 section 4.2.1",
                "RFC 5321 section 4.5.4.1",
            )


@kind
def retry_or_fix(reading: Reading) -> Iterator[Question]:
    """Ask whether a refused line may be sent again as it is."""
    for exchange, said in reading.answered:
        if said.digit in (4, 5) and exchange.line and exchange.sent is Sent.COMMAND and _is_repeatable(exchange):
            texts = {
                4: "yes, later: the refusal is for now",
                5: "no: it would be refused again",
                2: "it need not be: the server has done it",
            }
            yield choose(
                said.line,
                f"{_says(said)} Does it make sense to send {quote(exchange.text)} again, unchanged, in the same place?",
                texts[said.digit],
                [text for digit, text in texts.items() if digit != said.digit],
                "4yz: try again later. 5yz: do not repeat the same request, in the same sequence.",
                "RFC 5321 section 4.2.1",
            )


def _is_repeatable(exchange: Exchange) -> bool:
    return exchange.verb != "AUTH" and exchange.code != 421


@kind
def refused_line(reading: Reading) -> Iterator[Question]:
    """Ask which line of the client was refused."""
    known = [each for each in reading.client_lines if each.replies and all(said.digit for said in each.replies)]
    taken = [sent_line(each) for each in known if all(said.digit in (2, 3) for said in each.replies)]
    for exchange in known:
        if reading.regular and len(taken) > 1 and exchange.digit in (4, 5):
            yield choose(
                exchange.line,
                f"Which of these lines in {reading.here} did the server refuse?",
                sent_line(exchange),
                taken,
                f"It was answered with {exchange.code or f'{exchange.digit}yz'}: codes that begin with 4 or 5 are refusals.",
                "RFC 5321 section 4.2.1",
            )


@kind
def reply_count(reading: Reading) -> Iterator[Question]:
    """Ask how many replies the lines of a multi-line reply are."""
    for exchange, said in reading.answered:
        if said.count > 1 and exchange.line:
            yield typed(
                said.line,
                f"{quote(exchange.text)} on line {exchange.line} is answered with {said.count} lines, the first of which is "
                f"{quote(said.text)}. How many replies are that?",
                number_forms(1, "reply"),
                "Lines with a hyphen after the code go on; the line with a blank there is the last. All of them are one reply.",
                "RFC 5321 section 4.2.1",
            )


@kind
def multi_line_sign(reading: Reading) -> Iterator[Question]:
    """Ask what tells the client that a line is the last of its reply."""
    for _, said in reading.answered:
        if _shows_its_end(said):
            yield choose(
                said.line,
                f"The reply that begins on line {said.line} has {said.count} lines. How does the client know which is the last?",
                "a blank follows the code, where the others have a hyphen",
                ["an empty line follows it", "a line with a single dot follows it", "the server pauses after it"],
                "250- goes on, 250 with a blank is the last line. Neither a pause nor a segment's end says anything.",
                "RFC 5321 section 4.2.1",
            )


@kind
def multi_line_last(reading: Reading) -> Iterator[Question]:
    """Ask which line ends a multi-line reply."""
    for _, said in reading.answered:
        if _shows_its_end(said):
            yield choose(
                said.line,
                f"Which of these lines ends the reply that begins on line {said.line}, whatever order they are shown in here?",
                said.lines[-1],
                said.lines[:-1],
                "The last line of a reply has a blank after the code, every other line a hyphen.",
                "RFC 5321 section 4.2.1",
            )


def _shows_its_end(said: Said) -> bool:
    return 1 < said.count == len(said.lines) and said.lines[-1][3:4] == " "


@kind
def greeting(reading: Reading) -> Iterator[Question]:
    """Ask which reply is the greeting."""
    said = reading.greeting
    if said is not None and reading.regular:
        yield choose(
            said.line,
            f"Which of these replies in {reading.here} is the greeting, which answers no command?",
            said_line(said),
            [said_line(each) for exchange, each in reading.answered if exchange.sent is not Sent.GREETING],
            "The server speaks first. The client waits for this reply before it sends anything.",
            "RFC 5321 section 3.1",
            "RFC 5321 section 4.3.1",
        )


@kind
def first_to_speak(reading: Reading) -> Iterator[Question]:
    """Ask who speaks first once the connection is open."""
    said = reading.greeting
    if said is not None and said.digit == 2 and not reading.implicit:
        yield typed(
            said.line,
            "The TCP connection is open. Who speaks first in SMTP, the client or the server?",
            ["the server", "mail server", "s", "receiver"],
            f"The server greets, here with {said.code}; the client waits for that.",
            "RFC 5321 section 3.1",
        )


@kind
def quit_code(reading: Reading) -> Iterator[Question]:
    """Ask which code answers QUIT."""
    for exchange in reading.of("QUIT"):
        if exchange.code == 221:
            yield typed(
                exchange.line,
                f"Line {exchange.line}: the client sends QUIT. With which reply code does the server answer it?",
                code_forms(221),
                "221: the server closes the connection, as it was asked to.",
                "RFC 5321 section 4.1.1.10",
            )


@kind
def state_after_refusal(reading: Reading) -> Iterator[Question]:
    """Ask what a 503 does to the transaction."""
    for exchange, said in reading.answered:
        if said.code == 503 and exchange.line and exchange.sent is Sent.COMMAND:
            yield choose(
                said.line,
                f"{_says(said)} What becomes of the state of the dialogue by this 503?",
                "nothing: it stays as it was before the command",
                [
                    "everything is forgotten, and the client has to begin with EHLO",
                    "the server closes the connection",
                    "the command is kept, and done as soon as it fits",
                ],
                "A command out of order is answered with 503, and the server stays in the same state.",
                "RFC 5321 section 4.1.4",
            )
