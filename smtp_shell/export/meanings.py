"""What the lines of a dialogue mean, for a study sheet.

Each thing is explained where it first occurs. What is wrong with a line, and why a command was refused, is told each time, in the words
of `knowledge.narration`.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from smtp_shell.export.commonmark import prose
from smtp_shell.knowledge.challenges import of_challenge
from smtp_shell.knowledge.exchanges import Exchange, Exchanges
from smtp_shell.knowledge.explain import of_reply_to
from smtp_shell.knowledge.lookup import (
    Advice,
    CommandFact,
    EnhancedFact,
    ExtensionFact,
    Fact,
    MechanismFact,
    ParameterFact,
    ReplyFact,
    find,
)
from smtp_shell.knowledge.narration import answered_by, explanation_of, faults_of
from smtp_shell.knowledge.reasons import legal_now, of_state
from smtp_shell.protocol.events import CommandSent, MailDataSent, OctetsSent, ReplyExpected, ReplyReceived, TlsStarted

if TYPE_CHECKING:
    from smtp_shell.protocol.commands import Command
    from smtp_shell.protocol.events import Entry
    from smtp_shell.protocol.replies import Reply

_ENHANCED = re.compile(r"([245])\.(\d{1,3}\.\d{1,3})(?=\s|$)")
_PARAMETER = re.compile(rb"[A-Za-z0-9][A-Za-z0-9-]*")
_DATA = (
    "**mail data**: the message, header and body, as octets. A line that begins with a dot has got one more, and a line with a dot "
    "alone ends it (RFC 5321 section 4.5.2)."
)
_TLS = (
    "**TLS**: client and server agree on keys, and the client checks the certificate. Both forget what was said before, so the "
    "client says EHLO again (RFC 3207 section 4.2)."
)
_TO = {"greeting": " as the greeting", ".": " to the final dot", "": ""}


class Meanings:
    """Explains the lines of one dialogue. Its memory is bounded by the number of facts there are."""

    def __init__(self) -> None:
        self._said: set[str] = set()
        self._exchanges = Exchanges()

    def of(self, entry: Entry) -> Iterator[str]:
        """Follow an entry, and yield what is to be said about it, as Markdown in which nothing of somebody else's is markup."""
        event = entry.event
        last, phase = self._exchanges.last, self._exchanges.now.phase
        self._exchanges(entry)
        match event:
            case CommandSent():
                yield from map(prose, faults_of(event, phase))
                yield from self._command(event.command)
            case OctetsSent():
                yield from map(prose, faults_of(event, phase))
            case MailDataSent() if self._is_new("mail data"):
                yield _DATA
            case TlsStarted() if self._is_new("tls"):
                yield _TLS
            case ReplyReceived() | ReplyExpected():
                exchange = self._exchanges.last
                if exchange is not None and exchange is not last and exchange.code:
                    yield from self._exchange(exchange)
            case _:
                return

    def _command(self, command: Command) -> Iterator[str]:
        yield from self._explained(command.verb, find(CommandFact, command.verb) if command.verb else None)
        words = command.shown.split()[1:]
        if command.verb in ("MAIL", "RCPT"):
            for word in words:
                found = _PARAMETER.match(word)
                name = found[0].decode("ascii").upper() if found else ""
                yield from self._explained(name, find(ParameterFact, name) if name not in ("", "FROM", "TO") else None)
        elif command.verb == "AUTH" and words and words[0].isascii():
            name = words[0].decode("ascii").upper()
            yield from self._explained(name, find(MechanismFact, name))

    def _exchange(self, exchange: Exchange) -> Iterator[str]:
        asked = answered_by(exchange)
        code = f"{exchange.code:03}"
        here = of_reply_to(code, asked)
        if here and self._is_new(f"{asked} {code}"):
            yield f"**{code}**{_TO.get(asked, f' to {prose(asked)}')}: {prose(here)}"
        yield from self._explained(code, find(ReplyFact, code))
        if exchange.reply is not None:
            yield from self._reply(exchange.reply, asked)
            if exchange.code == 334 and (says := of_challenge(exchange.reply)):
                yield f"**334 here**: {prose(says)}"
        if exchange.is_negative:
            yield self._refusal(exchange)

    def _refusal(self, exchange: Exchange) -> str:
        """Return why a command was refused, and what is in order after it."""
        why = " ".join((*of_state(exchange), f"In order now: {', '.join(legal_now(self._exchanges.now))}."))
        return f"**{prose(explanation_of(exchange).what)} here**: {prose(why)}"

    def _reply(self, reply: Reply, verb: str) -> Iterator[str]:
        lines = reply.text.split("\n")
        if (enhanced := _ENHANCED.match(lines[-1])) is not None:
            name = f"x.{enhanced[2]}"
            yield from self._explained(enhanced[0], find(EnhancedFact, name), key=name)
        if verb in ("EHLO", "LHLO") and reply.code == 250:
            for line in lines[1:]:
                keyword = line.partition(" ")[0].upper()
                yield from self._explained(keyword, find(ExtensionFact, keyword))

    def _explained(self, name: str, fact: Fact | None, *, key: str = "") -> Iterator[str]:
        """Return an explanation, if there is a fact and it has not been told. A name of a fact is ours, whoever said it."""
        if fact is None or not self._is_new(f"{type(fact).__name__} {key or name}"):
            return
        advice = f" {fact.advice}" if isinstance(fact, Advice) and fact.advice else ""
        if isinstance(fact, Advice) and fact.retries and fact.do in ("fix", "retry", "give up"):
            advice += f" Who tries again: {fact.retries}."
        yield f"**{prose(name)}** ({prose(fact.title)}): {prose(fact.meaning + advice)} {_sources(fact)}".rstrip()

    def _is_new(self, key: str) -> bool:
        is_new = key not in self._said
        self._said.add(key)
        return is_new


def _sources(fact: Fact) -> str:
    return f"*{'; '.join(map(_source, fact.sources))}*" if fact.sources else ""


def _source(source: str) -> str:
    return f"<{source}>" if source.startswith("https://") else prose(source)
