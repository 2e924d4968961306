"""Why a command was refused, from the state of the dialogue; what is in order now, and what usually comes next.

Pure functions over an exchange. What a reply means by itself is in `explain`.
"""

from __future__ import annotations

import re
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING, Final

from smtp_shell.knowledge.near import envelope, near_misses
from smtp_shell.protocol.announcements import size_limit
from smtp_shell.protocol.commands import auth_mechanism
from smtp_shell.protocol.octets import escape, escape_str
from smtp_shell.protocol.parameters import PARAMETERS
from smtp_shell.protocol.phases import Phase

if TYPE_CHECKING:
    from collections.abc import Mapping

    from smtp_shell.knowledge.exchanges import Exchange, Standing
    from smtp_shell.protocol.commands import Command

_HELLOS = ("EHLO", "HELO", "LHLO")
_IN_TRANSACTION = (Phase.MAIL, Phase.RCPT)
_NAMES: Final = {
    Phase.GREETING: "greeting: the server has not greeted yet",
    Phase.FRESH: "greeted: no EHLO or HELO has been accepted yet",
    Phase.READY: "ready: no mail transaction is open",
    Phase.MAIL: "mail: a transaction is open, and no recipient has been accepted",
    Phase.RCPT: "rcpt: a transaction is open, with a recipient",
    Phase.MAILDATA: "mail data: each line is part of the message, up to a dot alone on a line",
    Phase.AUTH: "auth: the server waits for an answer in base64, or for * to cancel",
    Phase.TLS: "tls: the handshake comes next",
    Phase.ENDED: "end of data: the reply to the final dot is owed",
    Phase.CLOSED: "closed: the dialogue is over",
}
_BINDING: Final = re.compile(rb"(?i)channel.?binding")
_AUTH_REQUIRED: Final = (530, 534, 538)


def phase_in_words(standing: Standing) -> str:
    """Return the name of the phase, and what it means."""
    if standing.hello_due and standing.phase is Phase.FRESH:
        return "greeted: TLS has started, and no EHLO has been accepted since"
    return _NAMES[standing.phase]


def reasons(exchange: Exchange) -> tuple[str, ...]:
    """Return why a command was refused, as far as the dialogue shows it, in sentences; the surest first.

    For a command that was accepted it is what was wrong with its form all the same.
    """
    form = of_form(exchange)
    if not exchange.is_negative:
        return form
    state = of_state(exchange)
    return tuple(dict.fromkeys((*state, *form) if exchange.code == 503 else (*form, *state)))


def of_form(exchange: Exchange) -> tuple[str, ...]:
    """Return what is wrong with the form of a command, whatever the reply to it is."""
    command = exchange.command
    if command is None or exchange.is_answer or _is_masked(command.shown):
        return ()
    return near_misses(command.shown)


def of_state(exchange: Exchange) -> tuple[str, ...]:
    """Return why a command was refused at its point of the dialogue; nothing for one that was accepted."""
    return tuple(_by_state(exchange)) if exchange.is_negative else ()


def foreseen(command: Command, standing: Standing) -> tuple[str, ...]:
    """Return why a command would probably be refused if it were sent now, in sentences: its place, or what was not announced.

    Args:
        command: The command; its form is not looked at.
        standing: Where the dialogue stands.
    """
    check = _CHECKS.get(command.verb)
    if check is None:
        return ()
    from smtp_shell.knowledge.exchanges import Exchange

    return tuple(check(Exchange(command, command.verb, 0, None, standing, standing)))


def legal_now(standing: Standing) -> tuple[str, ...]:
    """Return what is in order now: verbs, or words where the next line is none.

    Source: RFC 5321 section 4.1.4
    """
    extensions = standing.extensions
    anywhere = ("RSET", "NOOP", "HELP", "VRFY", "QUIT")
    match standing.phase:
        case Phase.GREETING | Phase.ENDED:
            return ("nothing: wait for the reply",)
        case Phase.FRESH:
            return ("EHLO", "HELO", *anywhere) if standing.hello != "LHLO" else ("LHLO", *anywhere)
        case Phase.READY:
            offered = [
                *(("STARTTLS",) if extensions is not None and "STARTTLS" in extensions and not standing.tls else ()),
                *(("AUTH",) if extensions is not None and "AUTH" in extensions and not standing.authenticated else ()),
            ]
            return ("MAIL", *offered, standing.hello or "EHLO", *anywhere)
        case Phase.MAIL:
            return ("RCPT", *anywhere)
        case Phase.RCPT:
            chunks = ("BDAT",) if extensions is not None and "CHUNKING" in extensions else ()
            return ("RCPT", "DATA", *chunks, *anywhere)
        case Phase.MAILDATA:
            return ("a line of the message", "a dot alone on a line, which ends it")
        case Phase.AUTH:
            return ("an answer in base64", "* to cancel")
        case Phase.TLS:
            return ("the TLS handshake, and nothing in the clear",)
        case Phase.CLOSED:
            return ("nothing: a new connection",)


def next_step(standing: Standing) -> str:
    """Return what usually comes next, as one would type it."""
    extensions = standing.extensions
    match standing.phase:
        case Phase.FRESH:
            return "EHLO and this client's name" + (", again, inside TLS" if standing.hello_due else "")
        case Phase.READY:
            if extensions is not None and "STARTTLS" in extensions and not standing.tls:
                return "STARTTLS, or MAIL FROM:<address> in the clear"
            if extensions is not None and "AUTH" in extensions and not standing.authenticated:
                return "AUTH, or MAIL FROM:<address> where the server asks for no credentials"
            return "MAIL FROM:<address>"
        case Phase.MAIL:
            return "RCPT TO:<address>"
        case Phase.RCPT:
            return "DATA, or RCPT TO:<address> for one more recipient"
        case Phase.MAILDATA:
            return "the header, an empty line, the body, and a dot alone on a line"
        case Phase.TLS:
            return "the TLS handshake, then EHLO again"
        case Phase.CLOSED:
            return "a new connection"
        case _:
            return ""


def _is_masked(line: bytes) -> bool:
    return not line.isascii() and b"\xe2\x80\xa2" in line


def _by_state(exchange: Exchange) -> Iterator[str]:
    before, verb, code = exchange.before, exchange.verb, exchange.code
    if before.phase is Phase.GREETING and exchange.command is not None:
        yield "It was sent before the server's greeting: wait for the 220."
    if exchange.ends_message:
        yield from _of_message(exchange)
    elif exchange.is_answer:
        yield from _of_answer(exchange)
    elif exchange.command is None:
        yield from _of_greeting(exchange)
    elif (check := _CHECKS.get(verb)) is not None:
        yield from check(exchange)
    if code in _AUTH_REQUIRED and verb != "AUTH":
        yield from _credentials_first(before)


def _of_greeting(exchange: Exchange) -> Iterator[str]:
    if exchange.before.phase is Phase.GREETING:
        yield "The server does not take this client now: it was refused before it said anything."
    elif exchange.code == 421 and not exchange.is_asked:
        yield "It answers nothing: the server ends the dialogue, because it was idle for too long, or because it shuts down."


def _of_message(exchange: Exchange) -> Iterator[str]:
    limit = size_limit(exchange.before.extensions)
    if limit and exchange.before.octets > limit:
        yield f"The message has {exchange.before.octets:,} octets, and the server announced SIZE {limit:,}."


def _of_answer(exchange: Exchange) -> Iterator[str]:
    if exchange.is_cancelled:
        yield "The client cancelled the exchange with *, and this reply says that it is over."
    elif exchange.code == 535:
        yield _why_not_in(exchange)
    elif exchange.code == 501:
        yield "The answer is no base64."


def _why_not_in(exchange: Exchange) -> str:
    """Return why credentials are refused, as far as the mechanism and the server's words tell.

    Source: RFC 4954 section 6, RFC 5802 section 6
    """
    name = (auth_mechanism(exchange.command.shown) or b"").upper() if exchange.command is not None else b""
    if name in (b"XOAUTH2", b"OAUTHBEARER"):
        return "The token is wrong, has expired, or is not for this user and this service."
    if name == b"EXTERNAL":
        return "The server knows no user for the client's certificate, or the client has shown none."
    if name.endswith(b"-PLUS") and exchange.reply is not None and _BINDING.search(exchange.reply.octets):
        without = escape(name.removesuffix(b"-PLUS")[:40])
        return f"The server sees another TLS connection than the client: TLS ends on the way, as at a relay; {without} is not bound to it."
    return "The user name or the password is wrong, or this user may not use this mechanism."


def _of_hello(exchange: Exchange) -> Iterator[str]:
    if exchange.verb == "EHLO" and exchange.code in (500, 502):
        yield "The server knows no extensions: HELO is the older greeting (RFC 5321 section 3.2)."
    if exchange.verb == "LHLO" and exchange.code in (500, 502, 503):
        yield "LHLO is for LMTP, and this server speaks SMTP: EHLO."
    elif exchange.code in (500, 502, 503) and exchange.before.phase is Phase.FRESH and not exchange.before.hello_due:
        yield "If the server speaks LMTP, LHLO takes the place of EHLO (RFC 2033 section 4.1)."


def _of_mail(exchange: Exchange) -> Iterator[str]:
    before = exchange.before
    if before.phase is Phase.FRESH:
        yield _hello_first("MAIL", before)
    elif before.phase in _IN_TRANSACTION:
        yield "A transaction is open already, since MAIL was accepted: go on with RCPT, or give it up with RSET."
    yield from _of_parameters(exchange)
    if exchange.code in (550, 554):
        yield from _credentials_first(before)


def _of_rcpt(exchange: Exchange) -> Iterator[str]:
    before = exchange.before
    if before.phase is Phase.FRESH:
        yield _hello_first("RCPT", before)
    elif before.phase is Phase.READY:
        yield f"RCPT comes after MAIL: {_stands(before)}."
    if before.phase in _IN_TRANSACTION and exchange.code == 452 and before.accepted:
        yield f"The transaction has {_counted(before.accepted)} already; send it, and the rest in another transaction."
    yield from _of_parameters(exchange)
    if before.phase is Phase.RCPT and exchange.is_negative:
        kept = "stays, and DATA sends to it" if before.accepted == 1 else "stay, and DATA sends to them"
        yield f"Only this recipient is refused: {_counted(before.accepted)} accepted before it {kept}."


def _of_data(exchange: Exchange) -> Iterator[str]:
    before, verb = exchange.before, exchange.verb
    if before.phase is Phase.FRESH:
        yield _hello_first(verb, before)
    elif before.phase is Phase.READY:
        yield f"{verb} comes after MAIL and RCPT: {_stands(before)}."
    elif before.phase is Phase.MAIL:
        every = "the only one" if before.refused == 1 else f"all {before.refused:,} of this transaction"
        refused = f": the server refused {every}" if before.refused else ""
        yield f"No recipient was accepted{refused}. {verb} comes after a RCPT that was answered with 250."
    if verb == "BDAT" and before.extensions is not None and "CHUNKING" not in before.extensions:
        yield "The server has not announced CHUNKING, so BDAT is not offered; DATA is."


def _of_auth(exchange: Exchange) -> Iterator[str]:
    before = exchange.before
    extensions = before.extensions
    if before.phase is Phase.FRESH:
        yield _hello_first("AUTH", before)
    elif before.phase in _IN_TRANSACTION:
        yield f"AUTH is not allowed during a mail transaction (RFC 4954 section 4); {_stands(before)}."
    elif before.authenticated:
        yield "The client is authenticated already, and AUTH works once in a session (RFC 4954 section 4)."
    elif before.hello == "HELO":
        yield "HELO was said, which asks for no extensions, and AUTH is one: say EHLO."
    elif extensions is not None and "AUTH" not in extensions:
        if "STARTTLS" in extensions and not before.tls:
            yield "The server has not announced AUTH here: it may do so after STARTTLS and another EHLO."
        else:
            yield "The server has not announced AUTH."
    elif extensions is not None:
        mechanism = (auth_mechanism(exchange.command.shown) or b"").upper() if exchange.command is not None else b""
        offered = extensions.mechanisms
        if mechanism and escape(mechanism) not in offered:
            yield f"The server has not announced {escape(mechanism[:20])}; it announced {', '.join(offered[:8]) or 'no mechanism'}."
    if exchange.code == 538 and not before.tls:
        yield "The mechanism needs encryption: STARTTLS, EHLO, and then AUTH."


def _of_starttls(exchange: Exchange) -> Iterator[str]:
    before = exchange.before
    if before.tls:
        yield "TLS is in use already: STARTTLS works once."
    elif before.phase is Phase.FRESH:
        yield _hello_first("STARTTLS", before)
    elif before.phase in _IN_TRANSACTION:
        yield f"STARTTLS comes before a mail transaction; {_stands(before)}."
    elif before.extensions is not None and "STARTTLS" not in before.extensions:
        yield "The server has not announced STARTTLS."
    elif before.hello == "HELO":
        yield "HELO was said, which asks for no extensions, and STARTTLS is one: say EHLO."


def _of_other(exchange: Exchange) -> Iterator[str]:
    if exchange.before.phase is Phase.FRESH and exchange.code == 503:
        yield _hello_first(exchange.verb, exchange.before)


def _of_parameters(exchange: Exchange) -> Iterator[str]:
    """Check the parameters and the address of MAIL or RCPT against what the server announced.

    Source: RFC 5321 section 4.1.1.11, RFC 1870 section 6.1, RFC 6531 section 3.1
    """
    before = exchange.before
    found = envelope(exchange.command.shown) if exchange.command is not None else None
    if found is None or before.phase is Phase.FRESH:
        return
    if found.parameters and before.hello == "HELO":
        yield "HELO was said, which asks for no extensions, so no parameter is allowed: say EHLO."
        return
    extensions = before.extensions
    if extensions is None:
        return
    for keyword in list(found.parameters)[:8]:
        row = PARAMETERS.get(keyword)
        if row is None:
            yield f"{escape_str(keyword[:20])} is no parameter that is well known."
            continue
        lacking = [each for each in row.extensions(found.parameters[keyword]) if each not in extensions]
        if lacking:
            yield f"{keyword} is not allowed, since the server has not announced {' and '.join(lacking)}."
    if not found.address.isascii():
        if "SMTPUTF8" not in extensions:
            yield "The address holds characters outside ASCII, and the server has not announced SMTPUTF8."
        elif exchange.verb == "MAIL" and "SMTPUTF8" not in found.parameters:
            yield "The address holds characters outside ASCII, and MAIL lacks the parameter SMTPUTF8."
        elif exchange.verb == "RCPT":
            yield "The address holds characters outside ASCII: MAIL must have the parameter SMTPUTF8."
    size, limit = found.parameters.get("SIZE", ""), size_limit(before.extensions)
    if size.isascii() and size.isdigit() and len(size) < 20 and limit and int(size) > limit:
        yield f"SIZE says {int(size):,} octets, and the server announced that it takes {limit:,} at most."


def _credentials_first(before: Standing) -> Iterator[str]:
    extensions = before.extensions
    if before.authenticated or extensions is None:
        return
    if "STARTTLS" in extensions and not before.tls:
        yield "Nobody is authenticated, and the connection is in the clear: STARTTLS, EHLO, and then AUTH where it is announced."
    elif "AUTH" in extensions:
        yield f"Nobody is authenticated: AUTH comes first (announced: {', '.join(extensions.mechanisms[:8])})."


def _hello_first(verb: str, before: Standing) -> str:
    if before.hello_due:
        return f"{verb} comes after EHLO: TLS has started, which resets the dialogue, and EHLO must be said again (RFC 3207 section 4.2)."
    hello = "EHLO" if verb in ("AUTH", "STARTTLS", "BDAT") else "EHLO or HELO"
    return f"{verb} comes after {hello}: {_stands(before)}."


def _stands(standing: Standing) -> str:
    return f"the dialogue is in phase {phase_in_words(standing).partition(':')[0]}"


def _counted(recipients: int) -> str:
    return "the 1 recipient" if recipients == 1 else f"the {recipients:,} recipients"


_CHECKS: Final[Mapping[str, Callable[[Exchange], Iterator[str]]]] = {
    **dict.fromkeys(_HELLOS, _of_hello),
    "MAIL": _of_mail,
    "RCPT": _of_rcpt,
    "DATA": _of_data,
    "BDAT": _of_data,
    "AUTH": _of_auth,
    "STARTTLS": _of_starttls,
    "VRFY": _of_other,
    "EXPN": _of_other,
    "RSET": _of_other,
}
