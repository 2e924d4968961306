"""A dialogue told line by line: one sentence or two under each line of the client and under each reply.

The same for a live session (`/set explain`), a file (`show --explain`) and the exports.
"""

from __future__ import annotations

from collections.abc import Iterator

from smtp_shell.knowledge.challenges import of_challenge, of_open_answer
from smtp_shell.knowledge.exchanges import Exchange, Exchanges
from smtp_shell.knowledge.explain import combined, explain_fact, explain_reply, explanations
from smtp_shell.knowledge.explanation import Explanation, first_sentence
from smtp_shell.knowledge.near import near_misses
from smtp_shell.knowledge.reasons import legal_now, next_step, of_state, phase_in_words, reasons
from smtp_shell.knowledge.tables import table
from smtp_shell.protocol.commands import Command, auth_mechanism
from smtp_shell.protocol.events import (
    CommandSent,
    Entry,
    MailDataSent,
    OctetsSent,
    ReplyExpected,
    ReplyReceived,
    SaslSent,
    TlsStarted,
)
from smtp_shell.protocol.masking import MASK
from smtp_shell.protocol.octets import escape
from smtp_shell.protocol.phases import Phase

INDENT = " " * 8
"""In front of what is told, where it stands below the rows of a dialogue, whose text begins two columns before."""

MOST_DATA_LINES = 12
"""Lines of one message's mail data that are told: as many as are shown."""

_MOST_MISSES, _MOST_OF_LINE = 2, 1000
_OF_TLS = "TLS: all that follows is encrypted. What EHLO announced before counts no more, so EHLO is said again (RFC 3207 section 4.2)."
_OF_ANSWER = "An answer in the AUTH exchange, in base64, which is an encoding and protects nothing."
_OF_BODY = "The empty line ends the header; the body follows (RFC 5322 section 2.1)."
_OF_DOT = "A dot that begins a line is doubled on the way, so that the line does not end the mail data (RFC 5321 section 4.5.2)."
_DO = {"fix": "Mend it, then send again.", "retry": "A client tries again later, by itself.", "give up": "Give up."}
_OF_LF = "The line ends in LF alone, and a line of SMTP ends in CRLF (RFC 5321 section 2.3.8)."
_OF_PART = "Octets without a line end: the server waits for the rest of the line."
_OF_END = "A dot alone on a line ends the mail data (RFC 5321 section 4.1.1.4)."
_OF_DATA = {".": _OF_END, "dot-stuffing": _OF_DOT, "body": _OF_BODY}
_OF_COMMANDS = ("command", "mechanism", "parameter")
_OF_COMMAND_SYNTAX = ("RFC 5321 section 4.1.1", "RFC 5321 section 4.2.4")


class Narrator:
    """Narrator of a dialogue, entry by entry.

    Args:
        decodes: Whether it says what a challenge holds. Live, whoever answers it shows that.

    Attributes:
        exchanges: The exchanges so far.
    """

    def __init__(self, *, decodes: bool = False) -> None:
        self.exchanges = Exchanges()
        self._decodes = decodes
        self._in_header = False
        self._data_lines = 0
        self._dotted = False

    def tell(self, entry: Entry) -> tuple[str, ...]:
        """Follow an entry, and return what there is to say about it, printable; nothing for most events."""
        event = entry.event
        before, before_phase = self.exchanges.last, self.exchanges.now.phase
        self.exchanges(entry)
        match event:
            case CommandSent():
                return of_command(event.command)
            case SaslSent():
                return (_of_answer(event),)
            case MailDataSent():
                return tuple(_of_data(*point) for point in self._points(event))
            case OctetsSent():
                return _of_octets(event, in_data=before_phase is Phase.MAILDATA)
            case ReplyReceived() | ReplyExpected():
                last = self.exchanges.last
                return (self._of_reply(last),) if last is not None and last is not before and last.code else ()
            case TlsStarted():
                return (_OF_TLS,) if self.exchanges.now.hello_due else ()
            case _:
                return ()

    def _of_reply(self, exchange: Exchange) -> str:
        told, says = of_reply(exchange, form_is_told=True), self._of_challenge(exchange)
        return f"{told} {says}" if says else told

    def _of_challenge(self, exchange: Exchange) -> str:
        reply = exchange.reply
        return of_challenge(reply) if self._decodes and exchange.code == 334 and reply is not None else ""

    def explain(self, entry: Entry) -> tuple[Explanation, ...]:
        """Follow an entry, and return the explanations of what `tell` has a sentence about, whole."""
        event = entry.event
        before, before_phase = self.exchanges.last, self.exchanges.now.phase
        self.exchanges(entry)
        match event:
            case CommandSent():
                return explanations_of(event.command)
            case SaslSent():
                return _explain_facts(("term", "base64"))
            case MailDataSent():
                return _explain_facts(*self._points(event))
            case OctetsSent() if before_phase is not Phase.MAILDATA:
                line, end = _line_in(event)
                return explanations_of(Command.parse(line.removesuffix(b"\r"))) if end else ()
            case ReplyReceived() | ReplyExpected():
                last = self.exchanges.last
                if last is None or last is before or not last.code:
                    return ()
                explained, says = _with_reasons(last), self._of_challenge(last)
                return (explained.but(meaning=f"{says}\n{explained.meaning}") if says else explained,)
            case TlsStarted():
                return _explain_facts(("term", "TLS handshake"))
            case _:
                return ()

    def _points(self, event: MailDataSent) -> Iterator[tuple[str, str]]:
        """Yield what there is to say something about in mail data: the kind and the name of each fact."""
        if event.last:
            self._data_lines, self._dotted = 0, False
            yield "command", "."
            return
        if self._data_lines == 0:
            self._in_header = True
        lines = event.octets[:4096].split(b"\r\n", MOST_DATA_LINES)
        for line in lines[:-1] if len(lines) > 1 else lines:
            if self._data_lines >= MOST_DATA_LINES:
                return
            self._data_lines += 1
            yield from self._points_of_line(line)

    def _points_of_line(self, line: bytes) -> Iterator[tuple[str, str]]:
        if line.startswith(b"..") and not self._dotted:
            self._dotted = True
            yield "term", "dot-stuffing"
        if not self._in_header:
            return
        if not line:
            self._in_header = False
            yield "term", "body"
            return
        name, colon, _ = line.partition(b":")
        if colon and (found := table("header", escape(name[:80]))) is not None:
            yield "header", found[0]


def explanations_of(command: Command) -> tuple[Explanation, ...]:
    """Return what is known about a command line: its command, and its mechanism or parameters. A credential in it is masked."""
    line = escape(command.shown) + (MASK if command.public is not None else "")
    found = tuple(each for each in explanations(line) if each.kind in _OF_COMMANDS) if command.verb else ()
    if any(each.kind == "command" for each in found):
        return found
    meaning = " ".join(near_misses(command.shown)[:_MOST_MISSES]) or "No standard known here defines it."
    return (
        Explanation(
            what=line[:_MOST_OF_LINE],
            kind="command",
            title="no command of SMTP",
            meaning=meaning,
            do="fix",
            sources=_OF_COMMAND_SYNTAX,
            known=False,
        ),
    )


def _explain_facts(*facts: tuple[str, str]) -> tuple[Explanation, ...]:
    found = (explain_fact(kind, name) for kind, name in facts)
    return tuple(each for each in found if each is not None)


def _with_reasons(exchange: Exchange) -> Explanation:
    """Return the explanation of a reply. Why the command was refused comes first in its meaning."""
    explained = explanation_of(exchange)
    why = reasons(exchange) if exchange.is_negative else ()
    return explained.but(meaning="\n".join((*why, explained.meaning))) if why else explained


def _of_data(kind: str, name: str) -> str:
    if name in _OF_DATA:
        return _OF_DATA[name]
    found = table(kind, name)
    return _sentence(found[0], str(found[1].get("title", ""))) if found is not None else ""


def of_command(command: Command) -> tuple[str, ...]:
    """Return what a command line means, and what is wrong with its form."""
    verb = command.verb
    shown = command.shown
    misses = near_misses(shown)[:_MOST_MISSES]
    found = table("command", verb) if verb else None
    if found is None or found[0] != verb:
        return (" ".join(misses),) if misses else (f"{verb}: a command that no standard known here defines.",)
    mechanism = escape((auth_mechanism(shown) or b"")[:40]) if verb == "AUTH" else ""
    method = table("mechanism", mechanism) if mechanism else None
    told = _sentence(verb, str(found[1].get("title", "")))
    if method is not None:
        told += f" {_sentence(method[0], str(method[1].get('title', '')))}"
    return (" ".join((told, *misses)),)


def faults_of(event: CommandSent | OctetsSent, phase: Phase) -> tuple[str, ...]:
    """Return what is wrong with the form of what the client sent, in sentences; nothing for a good line.

    Args:
        event: What it sent.
        phase: The phase by the replies before it. In that of mail data no command is expected.
    """
    if isinstance(event, CommandSent):
        return near_misses(event.command.shown)[:_MOST_MISSES]
    line, end = _line_in(event)
    if not end:
        return ()
    misses = near_misses(line.removesuffix(b"\r")) if phase not in (Phase.MAILDATA, Phase.AUTH) else ()
    return (*misses[:_MOST_MISSES], *(() if line.endswith(b"\r") else (_OF_LF,)))


def answered_by(exchange: Exchange) -> str:
    """Return the name of what a reply answers, as the facts about commands have it: a verb, `greeting`, or `.` for the final dot."""
    is_greeting = exchange.is_asked and exchange.command is None and exchange.before.phase is Phase.GREETING
    return "." if exchange.ends_message else "greeting" if is_greeting else exchange.verb


def explanation_of(exchange: Exchange) -> Explanation:
    """Return the explanation of an exchange's reply."""
    verb = answered_by(exchange)
    if exchange.reply is not None:
        return explain_reply(exchange.reply, verb)
    return combined(f"{exchange.code:03}", "", verb)


def of_reply(exchange: Exchange, *, form_is_told: bool = False) -> str:
    """Return what a reply means for the client, on one line: what it is, why, and what to do.

    Args:
        exchange: The reply with what it answers.
        form_is_told: Whether what is wrong with the form of the command is left out.
    """
    explained = explanation_of(exchange)
    what = f"{explained.what} for {escape(exchange.recipient)}" if exchange.recipient else explained.what
    told = f"{what}: {explained.summary}"
    if not exchange.is_negative:
        return told
    why = (of_state(exchange) if form_is_told else reasons(exchange))[:1]
    if why and (_is_about_order(exchange) or exchange.is_cancelled):
        told = f"{what}:"
    return " ".join((told, *why, *([_DO[explained.do]] if explained.do in _DO and not exchange.is_cancelled else ())))


def _is_about_order(exchange: Exchange) -> bool:
    """Return whether a reply refuses the line for its form or its place, so that the reason says more than the code."""
    enhanced = exchange.reply.enhanced if exchange.reply is not None else None
    return 500 <= exchange.code <= 504 or (enhanced is not None and enhanced.subject == 5)


def situation(exchange: Exchange, exchanges: Exchanges) -> Iterator[tuple[str, str]]:
    """Yield why a command was refused, where the dialogue stands, and what is in order now: label and text of each."""
    now = exchanges.now
    if exchange.recipient:
        yield "For", escape(exchange.recipient)
    for number, reason in enumerate(reasons(exchange)):
        yield ("Why" if exchange.is_negative and not number else "And" if number else "Form"), reason
    yield "Phase", phase_in_words(now)
    yield "In order", ", ".join(legal_now(now))
    if step := next_step(now):
        yield "Next", step


def _of_answer(event: SaslSent) -> str:
    return ("" if event.secret else of_open_answer(event.line)) or _OF_ANSWER


def _of_octets(event: OctetsSent, *, in_data: bool) -> tuple[str, ...]:
    line, end = _line_in(event)
    if not end:
        return (_OF_PART,) if event.public is None else ()
    told = () if in_data else of_command(Command.parse(line.removesuffix(b"\r")))
    if not line.endswith(b"\r"):
        told = (" ".join((*told, _OF_LF)),)
    return told


def _line_in(event: OctetsSent) -> tuple[bytes, bytes]:
    """Return the start of the first line of the octets that may be shown, and the LF that ends it; empty for none."""
    octets = event.octets if event.public is None else event.octets[: event.public]
    line, end, _ = octets.partition(b"\n")
    return line if len(line) <= _MOST_OF_LINE else line[:_MOST_OF_LINE] + line[-1:], end


def _sentence(name: str, title: str) -> str:
    return f"{name}: {first_sentence(title).rstrip('.')}."
