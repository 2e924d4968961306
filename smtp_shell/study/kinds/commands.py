"""Kinds about commands and extensions: what a line asks for, who defines it, and what a parameter needs."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from smtp_shell.knowledge.lookup import CommandFact, ExtensionFact
from smtp_shell.protocol.parameters import PARAMETERS
from smtp_shell.study.facts import meaning, sources
from smtp_shell.study.question import Question, choose, kind, quote, typed
from smtp_shell.study.reading import Exchange, Reading

_MEANINGS: Final = {
    "EHLO": ("I am this host; which extensions do you have?", "RFC 5321 section 4.1.1.1"),
    "HELO": ("I am this host; I do not ask for extensions.", "RFC 5321 section 4.1.1.1"),
    "LHLO": ("I am this host, and I speak LMTP.", "RFC 2033 section 4.1"),
    "MAIL": ("A new message; this is its envelope sender.", "RFC 5321 section 4.1.1.2"),
    "RCPT": ("The message goes to this recipient, among others.", "RFC 5321 section 4.1.1.3"),
    "DATA": ("May I send the text of the message now?", "RFC 5321 section 4.1.1.4"),
    "BDAT": ("Here is a piece of the message, with its length in octets.", "RFC 3030 section 2"),
    "RSET": ("Forget the message that I began.", "RFC 5321 section 4.1.1.5"),
    "NOOP": ("Do nothing, only answer.", "RFC 5321 section 4.1.1.9"),
    "VRFY": ("Is this a user or a mailbox here?", "RFC 5321 section 4.1.1.6"),
    "EXPN": ("Who is on this mailing list?", "RFC 5321 section 4.1.1.7"),
    "HELP": ("Send me some help for a person.", "RFC 5321 section 4.1.1.8"),
    "QUIT": ("I am done; close the connection.", "RFC 5321 section 4.1.1.10"),
    "STARTTLS": ("Let us encrypt this connection from here on.", "RFC 3207 section 4"),
    "AUTH": ("I want to log in, with this mechanism.", "RFC 4954 section 4"),
    "ETRN": ("Start sending what is queued for this host.", "RFC 1985 section 5"),
}
_DEFINED_IN: Final = {
    **dict.fromkeys(("EHLO", "HELO", "MAIL", "RCPT", "DATA", "RSET", "NOOP", "VRFY", "EXPN", "HELP", "QUIT"), 5321),
    "LHLO": 2033,
    "BDAT": 3030,
    "STARTTLS": 3207,
    "AUTH": 4954,
    "ETRN": 1985,
}
_RFCS: Final = {
    1870: "RFC 1870, message size declaration",
    1985: "RFC 1985, remote message queue starting",
    2033: "RFC 2033, LMTP",
    2034: "RFC 2034, enhanced error codes",
    2920: "RFC 2920, command pipelining",
    3030: "RFC 3030, large and binary messages",
    3207: "RFC 3207, secure SMTP over TLS",
    3461: "RFC 3461, delivery status notifications",
    4648: "RFC 4648, base16, base32 and base64",
    4954: "RFC 4954, authentication",
    5321: "RFC 5321, SMTP",
    5322: "RFC 5322, the message format",
    6152: "RFC 6152, 8-bit MIME transport",
    6531: "RFC 6531, internationalized email",
}
# Keyword -> its RFC, and what the server offers by it.
_KEYWORDS: Final = {
    "SIZE": (1870, "It says how many octets a message may have, and MAIL can say in advance how many it will have."),
    "8BITMIME": (6152, "The body may have octets over 127."),
    "SMTPUTF8": (6531, "Addresses and header fields may be in UTF-8."),
    "PIPELINING": (2920, "Commands may be sent before the replies to earlier ones have come."),
    "ENHANCEDSTATUSCODES": (2034, "Replies have codes such as 5.1.1 at the start of their text."),
    "STARTTLS": (3207, "The connection can be turned into an encrypted one."),
    "AUTH": (4954, "The client can log in, by one of the mechanisms named."),
    "DSN": (3461, "The client can ask for reports about the delivery."),
    "CHUNKING": (3030, "The message can be sent in pieces of a length said before, without a final dot."),
    "ETRN": (1985, "The client can ask for the mail that is queued for a host."),
}
_UNREAD: Final = frozenset({500, 501, 502, 504, 555})


def _sends(exchange: Exchange) -> str:
    return f"Line {exchange.line}: the client sends {quote(exchange.text)}."


@kind
def line_meaning(reading: Reading) -> Iterator[Question]:
    """Ask what the client meant by a line."""
    for exchange in reading.of(*_MEANINGS):
        if exchange.code not in _UNREAD:
            right, source = _MEANINGS[exchange.verb]
            hellos = ("EHLO", "HELO", "LHLO")
            wrong = [
                text
                for verb, (text, _) in _MEANINGS.items()
                if verb != exchange.verb and not (verb in hellos and exchange.verb in hellos)
            ]
            why = meaning(CommandFact, exchange.verb, right)
            yield choose(exchange.line, f"{_sends(exchange)} What does it say by that?", right, wrong, why, source)


@kind
def command_rfc(reading: Reading) -> Iterator[Question]:
    """Ask which RFC defines a command."""
    for exchange in reading.of(*_DEFINED_IN):
        number = _DEFINED_IN[exchange.verb]
        yield choose(
            exchange.line,
            f"{_sends(exchange)} Which of these RFCs defines the command {exchange.verb}?",
            _RFCS[number],
            [title for other, title in _RFCS.items() if other != number],
            f"{exchange.verb}: {_MEANINGS[exchange.verb][0]}",
            _MEANINGS[exchange.verb][1],
        )


def _announcements(reading: Reading) -> Iterator[tuple[int, str]]:
    """Yield each known keyword that was announced, with the line of the reply."""
    for exchange in reading.exchanges:
        said = exchange.reply
        for keyword in exchange.announced or ():
            if said is not None and keyword in _KEYWORDS:
                yield said.line, keyword


@kind
def extension_rfc(reading: Reading) -> Iterator[Question]:
    """Ask which RFC defines an extension that was announced."""
    for line, keyword in _announcements(reading):
        number, offer = _KEYWORDS[keyword]
        yield choose(
            line,
            f"The reply on line {line} announces {keyword}. Which of these RFCs defines this extension?",
            _RFCS[number],
            [title for other, title in _RFCS.items() if other != number],
            f"{keyword}: {offer}",
            *sources(ExtensionFact, keyword, f"RFC {number}"),
        )


@kind
def keyword_meaning(reading: Reading) -> Iterator[Question]:
    """Ask what the server offers by a keyword of EHLO."""
    for line, keyword in _announcements(reading):
        number, right = _KEYWORDS[keyword]
        yield choose(
            line,
            f"The reply on line {line} announces {keyword}. What does that tell the client?",
            right,
            [text for other, (_, text) in _KEYWORDS.items() if other != keyword],
            meaning(ExtensionFact, keyword, right),
            *sources(ExtensionFact, keyword, f"RFC {number}"),
        )


@kind
def parameter_extension(reading: Reading) -> Iterator[Question]:
    """Ask which keyword must have been announced for a parameter."""
    for exchange in reading.of("MAIL", "RCPT"):
        for parameter in exchange.parameters:
            name, _, value = parameter.partition("=")
            row = PARAMETERS.get(name.upper())
            if row is not None and not row.obsolete:
                keyword = row.extensions(value)[0]
                yield typed(
                    exchange.line,
                    f"{_sends(exchange)} Which keyword must the server have announced for {quote(parameter)}?",
                    [keyword, f"keyword {keyword}", f"extension {keyword}", f"250-{keyword}"],
                    f"A parameter may be used only if the reply to EHLO announced its extension, here {keyword}.",
                    row.source,
                    "RFC 5321 section 4.1.1.11",
                )


@kind
def helo_or_ehlo(reading: Reading) -> Iterator[Question]:
    """Ask what EHLO does that HELO does not."""
    for exchange in reading.of("EHLO", "HELO")[:2]:
        if exchange.digit == 2:
            yield choose(
                exchange.line,
                f"{_sends(exchange)} What does the client learn by EHLO and not by HELO?",
                "the extensions that the server offers",
                ["the name of the server", "whether the server takes mail at all", "which mailboxes there are"],
                "The reply to HELO is one line. Only EHLO makes the server list its extensions, one a line.",
                "RFC 5321 section 4.1.1.1",
                "RFC 5321 section 3.2",
            )


@kind
def hello_name(reading: Reading) -> Iterator[Question]:
    """Ask whom the name in EHLO or HELO stands for."""
    for exchange in reading.of("EHLO", "HELO", "LHLO"):
        if exchange.argument and exchange.digit == 2:
            yield choose(
                exchange.line,
                f"{_sends(exchange)} Whom is {quote(exchange.argument)} meant to name?",
                "the host that the client runs on",
                ["the server that it talks to", "the one who wrote the message", "the domain of the recipients"],
                "The argument is the client's own name, a domain or an address literal. No mailbox stands there.",
                "RFC 5321 section 4.1.1.1",
            )


@kind
def rset_forgets(reading: Reading) -> Iterator[Question]:
    """Ask what RSET makes the server forget."""
    for exchange in reading.of("RSET"):
        if exchange.digit == 2:
            yield choose(
                exchange.line,
                f"{_sends(exchange)} What does the server forget by that?",
                "sender, recipients and mail data of the transaction, if one is under way",
                [
                    "everything, EHLO included: the client has to begin anew",
                    "the last recipient only",
                    "the messages that it has accepted so far",
                ],
                "RSET ends the mail transaction. What EHLO, STARTTLS and AUTH have set up stays, and so do accepted messages.",
                "RFC 5321 section 4.1.1.5",
            )


@kind
def why_quit(reading: Reading) -> Iterator[Question]:
    """Ask why the client sends QUIT and waits for the reply."""
    for exchange in reading.of("QUIT"):
        if exchange.code == 221:
            yield choose(
                exchange.line,
                f"{_sends(exchange)} Why does it not just close the connection?",
                "so that both sides know that the dialogue ended as it should",
                [
                    "because the messages accepted so far are delivered only after QUIT",
                    "because the server keeps the connection open for ever otherwise",
                    "because QUIT makes the server forget who the client was",
                ],
                "The server answers 221 and closes. A message counts as accepted from the 250 after its final dot, QUIT or not.",
                "RFC 5321 section 4.1.1.10",
                "RFC 5321 section 6.1",
            )


@kind
def vrfy_or_rcpt(reading: Reading) -> Iterator[Question]:
    """Ask whether VRFY or EXPN begins a mail transaction."""
    for exchange in reading.of("VRFY", "EXPN"):
        yield choose(
            exchange.line,
            f"{_sends(exchange)} What does that change in the mail transaction?",
            "nothing: it is only a question",
            ["it adds a recipient", "it begins a transaction", "it ends the transaction"],
            "VRFY and EXPN ask, and leave the state as it is. Many servers answer 252 or 502, since spammers ask too.",
            "RFC 5321 section 4.1.4",
            "RFC 5321 section 7.3",
        )
