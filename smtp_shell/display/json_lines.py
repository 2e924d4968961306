"""Entries as JSON lines, for other programs."""

from __future__ import annotations

import codecs
import json
from collections.abc import Iterable, Mapping
from io import StringIO
from typing import TextIO

from msgspec.structs import replace

from smtp_shell.display.render import Look, client_text, describe
from smtp_shell.protocol.events import (
    ENDS_REPLY,
    CommandSent,
    Connected,
    Decoded,
    Entry,
    MailDataSent,
    Noticed,
    OctetsSent,
    Remarked,
    ReplyBegun,
    ReplyExpected,
    ReplyReceived,
    SaslSent,
    Written,
)
from smtp_shell.protocol.maildata import MailDataDecoder
from smtp_shell.protocol.octets import escape, quoted

_SECRET = "${sasl}"
_NO_STEPS = (Decoded, ReplyBegun)
_UTF8 = codecs.getincrementaldecoder("utf-8")


class StepCounter:
    """Counts the steps of a dialogue: the `n` of its JSON lines. The mail data of a message is one step.

    Attributes:
        number: The number of the last step, from 1; 0 before the first.
    """

    def __init__(self) -> None:
        self.number = 0
        self._in_message = False

    def count(self, entry: Entry) -> int:
        """Follow an entry, and return the number of the step that it belongs to."""
        event = entry.event
        if isinstance(event, MailDataSent):
            self.number += not (self._in_message or event.last)
            self._in_message = not event.last
        else:
            self._in_message = False
            self.number += not isinstance(event, _NO_STEPS)
        return self.number


class JsonView:
    """Writes each entry as one JSON object on a line of its own.

    The mail data of a message is one object too. It is written piece by piece, so that memory stays flat.

    Args:
        out: Stream for the lines, flushed after each.
        words: Stream for the program's own words.
        fields: What each object holds besides.

    Attributes:
        look: Not used. Other programs get everything.
    """

    def __init__(self, out: TextIO, words: TextIO, fields: Mapping[str, object] | None = None) -> None:
        self.look = Look()
        self._fields = dict(fields or {})
        self._out = out
        self._words = words
        self._steps = StepCounter()
        self._begun = b""  # lines of a reply that is not whole yet: a reply is one object
        # None unless an object with mail data is open.
        self._decoder: MailDataDecoder | None = None
        self._characters = _UTF8("surrogateescape")
        # The end of the open object.
        self._tail = ""

    def __call__(self, entry: Entry) -> None:
        """Write an entry."""
        event = entry.event
        number = self._steps.count(entry)
        if isinstance(event, MailDataSent):
            self._mail_data(entry, event, number)
            return
        self._end_mail_data()
        record = _record(self._with_begun(entry))
        if record is not None:
            self._write({"n": number, **record})

    def _write(self, record: Mapping[str, object]) -> None:
        self._out.write(json.dumps({**self._fields, **record}, ensure_ascii=True) + "\n")
        self._out.flush()

    def labelled(self, number: int) -> JsonView:
        """Return a view of another dialogue on the same streams, whose objects have its number in `session`."""
        return JsonView(_WholeLines(self._out), self._words, {"session": number})

    def remark(self, text: str, facts: Mapping[str, object] | None = None) -> None:
        """Write a remark about the dialogue."""
        self._end_mail_data()
        self._write(facts or {"dir": "note", "text": text})

    def answer(
        self, rows: Iterable[tuple[str, str]], objects: Iterable[Mapping[str, object]], *, as_json: bool = True
    ) -> None:
        """Write what a command was asked to find out: always its objects."""
        self._end_mail_data()
        for each in objects:
            self._write(each)

    def show_all(self, entries: Iterable[Entry]) -> None:
        """Write another dialogue whole. Its numbers begin at 1."""
        view = JsonView(self._out, self._words)
        for entry in entries:
            view(entry)
        view.finish()

    def _with_begun(self, entry: Entry) -> Entry:
        """Return an entry, and where it is about octets that cut a reply off, with the lines of that reply."""
        event = entry.event
        if isinstance(event, ReplyBegun):
            self._begun += event.octets
        elif isinstance(event, ReplyReceived):
            self._begun = b""
        elif isinstance(event, Noticed) and event.kind in ENDS_REPLY:
            begun, self._begun = self._begun, b""
            return replace(entry, event=replace(event, octets=begun + event.octets))
        return entry

    def say(self, text: str, style: str = "said") -> None:
        """Show the program's own words."""
        self._words.write(f"{text}\n")
        self._words.flush()

    def finish(self) -> None:
        """Close the object of mail data that no final dot ended."""
        self._end_mail_data()

    def _mail_data(self, entry: Entry, event: MailDataSent, number: int) -> None:
        if event.last:
            self._end_mail_data()
            return
        if self._decoder is None:
            self._decoder = MailDataDecoder()
            self._tail = json.dumps({"phase": _phase(entry), "time": round(entry.at, 3)})[1:]
            head = json.dumps({**self._fields, "n": number, "dir": "C"})[:-1]
            self._out.write(f'{head}, "data": "')
        self._write_text(self._decoder.decode(event.octets))

    def _end_mail_data(self) -> None:
        if self._decoder is None:
            return
        self._write_text(self._decoder.end(), end=True)
        self._out.write(f'", {self._tail}\n')
        self._out.flush()
        self._decoder = None

    def _write_text(self, octets: bytes, *, end: bool = False) -> None:
        # Incremental, because a character may be split between two pieces.
        self._out.write(json.dumps(self._characters.decode(octets, end), ensure_ascii=True)[1:-1])


class _WholeLines(StringIO):
    """Passes on whole lines: several dialogues share a stream, and mail data is written in pieces."""

    def __init__(self, out: TextIO) -> None:
        super().__init__()
        self._out = out

    def write(self, text: str) -> int:
        super().write(text)
        if text.endswith("\n"):
            self._out.write(self.getvalue())
            self._out.flush()
            self.seek(0)
            self.truncate()
        return len(text)


def _record(entry: Entry) -> dict[str, object] | None:
    """Return the object for an entry, without its number, or None if the entry is not a step."""
    event = entry.event
    place = {"phase": _phase(entry), "time": round(entry.at, 3)}
    match event:
        case CommandSent() | SaslSent() | OctetsSent():
            return {"dir": "C", "text": client_text(event, _SECRET), **place}
        case ReplyReceived():
            recipient = {"recipient": escape(event.recipient)} if event.recipient else {}
            return {"dir": "S", "text": event.reply.text, "code": event.reply.code, **recipient, **place}
        case ReplyExpected():
            text = "\n".join(f"{marker} {text}" for marker, text in event.lines)
            return {"dir": "S", "text": text, **({"code": event.code} if event.code else {}), **place}
        case Written():
            return {"dir": "event" if event.marker else "note", "text": event.text, **place}
        case Remarked():
            return {"dir": "note", "text": event.text, **place}
        case Noticed():
            came = f": {quoted(escape(event.octets))}" if event.octets else ""
            return {"dir": "event", "text": f"notice {event.sentence}{came}", **place}
        case Decoded() | MailDataSent() | ReplyBegun():
            return None
        case Connected() if event.opened_in is not None:
            dns = {"dns": round(event.looked_up, 4)} if event.looked_up else {}
            peer = {"peer": event.peer} if event.peer else {}
            return {"dir": "event", "text": describe(event), **place, **peer, **dns, "tcp": round(event.opened_in, 4)}
        case _:
            return {"dir": "event", "text": describe(event), **place}


def _phase(entry: Entry) -> str:
    return "tls" if entry.tls else "plain"
