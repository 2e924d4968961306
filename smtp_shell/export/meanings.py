"""What the lines of a dialogue mean, for a study sheet: each thing is explained where it first occurs."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

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
from smtp_shell.protocol.events import CommandSent, MailDataSent, ReplyReceived, TlsStarted

if TYPE_CHECKING:
    from smtp_shell.protocol.commands import Command
    from smtp_shell.protocol.events import Event
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
_MARKED = re.compile(r"([\\`*_\[\]<>#|~])")


class Meanings:
    """Explains the lines of one dialogue, each thing once. Its memory is bounded by the number of facts there are."""

    def __init__(self) -> None:
        self._said: set[str] = set()

    def of(self, event: Event) -> Iterator[str]:
        """Return what a line means that has not been explained yet, as Markdown: of our own words alone."""
        match event:
            case CommandSent():
                yield from self._command(event.command)
            case MailDataSent() if self._is_new("mail data"):
                yield _DATA
            case TlsStarted() if self._is_new("tls"):
                yield _TLS
            case ReplyReceived():
                yield from self._reply(event.reply, event.verb)
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

    def _reply(self, reply: Reply, verb: str) -> Iterator[str]:
        code = str(reply.code)
        command = find(CommandFact, verb) if verb else None
        here = command.replies.get(code, "") if command is not None else ""
        if here and self._is_new(f"{verb} {code}"):
            yield f"**{code}** to {verb}: {_own(here)}."
        yield from self._explained(code, find(ReplyFact, code))
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
        yield f"**{_own(name)}** ({_own(fact.title)}): {_own(fact.meaning + advice)} {_sources(fact)}".rstrip()

    def _is_new(self, key: str) -> bool:
        is_new = key not in self._said
        self._said.add(key)
        return is_new


def _sources(fact: Fact) -> str:
    return f"*{'; '.join(map(_source, fact.sources))}*" if fact.sources else ""


def _source(source: str) -> str:
    return f"<{source}>" if source.startswith("https://") else _own(source)


def _own(text: str) -> str:
    """Return our own words without what Markdown acts on."""
    return _MARKED.sub(r"\\\1", text)
