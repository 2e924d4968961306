"""What a recording has to hold: the events that were published, up to what a file cannot hold.

What it does not hold, and what this comparison therefore leaves out:

- what a credential was, and what its base64 means (`Decoded`);
- how octets were cut into pieces: mail data, `/raw`, and the lines of a reply that came in several pieces (`ReplyBegun`);
- why a wait ended that ended the connection: `*: timeout` has no words, and another one before it says what was awaited;
- in which order notices about one reply came, and whether its first lines came before them;
- for whom a reply is after a message in LMTP without LHLO, which is what says that it is LMTP, and what any reply answers there;
- what is only known while the connection is open: addresses, how long it took to connect, the certificate beyond its subject;
- a time beyond its milliseconds.
"""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Sequence
from itertools import groupby
from pathlib import Path

from msgspec.structs import replace

from smtp_shell.protocol.commands import Command
from smtp_shell.protocol.events import (
    Authenticated,
    CommandSent,
    Connected,
    Decoded,
    Disconnected,
    End,
    Entry,
    Event,
    MailDataSent,
    Noticed,
    OctetsSent,
    Remarked,
    ReplyBegun,
    ReplyReceived,
    SaslSent,
    TimedOut,
    TlsStarted,
    Written,
)
from smtp_shell.protocol.octets import CRLF
from smtp_shell.recording.decoder import entries
from smtp_shell.recording.encoder import NOTICE
from smtp_shell.transcript.reader import open_transcript
from smtp_shell.transcript.variables import SASL_MARK

Item = tuple[object, ...]
"""An event, as it is compared: its name, and what of it a file holds."""

_MARK = SASL_MARK.encode()
_LONGEST_LINE = 16_000
_ABOUT_WHAT_IS_OWED = [("noticed", name) for name in ("LATE", "UNSOLICITED", "UNFORESEEN")]
_JOINED = ("octets", "data", "begun")


def file_entries(path: Path) -> list[Entry]:
    """Return the events of a file.

    Raises:
        TranscriptError: It cannot be read.
    """
    with open_transcript(path) as reader:
        found = list(entries(reader, path.parent, reader.header))
        assert not reader.torn, "the last line is torn"
    return [entry for entry in found if not (isinstance(entry.event, Written) and not entry.event.marker)]


def items(found: Iterable[Entry]) -> list[Item]:
    """Return events as they are compared."""
    result: list[Item] = []
    begun = b""
    for entry in found:
        if isinstance(entry.event, ReplyBegun):
            begun += entry.event.octets
        elif isinstance(entry.event, ReplyReceived):
            entry, begun = _as_begun(entry, entry.event, begun), b""
        elif isinstance(entry.event, Connected):
            begun = b""
        for item in _items(entry):
            name = item[0]
            if name == "octets" and _is_torn(item) and result and result[-1][0] == "data":
                name = "data"  # the start of a line of mail data after which nothing came is `C|` in a file
            if result and name in _JOINED and result[-1][0] == name and result[-1][2] == item[2]:
                before = result.pop()
                octets = bytes(before[1]) + bytes(item[1])  # type: ignore[call-overload]
                item = (name, octets.replace(_MARK + _MARK, _MARK), item[2])
            result.append(item)
    return list(_in_order(result))


def _as_begun(entry: Entry, event: ReplyReceived, begun: bytes) -> Entry:
    """Return a reply with its first lines as they were told when they came: what was sent since may have been masked in them."""
    if not event.known:
        return entry
    rest = event.reply.octets.split(b"\n")[event.known :]
    reply = replace(event.reply, octets=begun + b"\n".join(rest))
    return replace(entry, event=replace(event, reply=reply))


def _is_torn(item: Item) -> bool:
    return not bytes(item[1]).endswith(b"\n")  # type: ignore[call-overload]


def _in_order(found: list[Item]) -> Iterator[Item]:
    """Yield items with the notices about a reply sorted, after its first lines, which are left out where the whole reply follows."""
    for is_about_reply, run in groupby(found, lambda item: item[0] in ("begun", "noticed", "reply")):
        if not is_about_reply:
            yield from run
            continue
        held: list[Item] = []
        for item in run:
            if item[0] != "reply":
                held.append(item)
                continue
            yield from sorted((each for each in held if each[0] == "noticed"), key=repr)
            yield item
            held.clear()
        begun = [item for item in held if item[0] == "begun"]
        if begun:
            yield "begun", b"".join(bytes(item[1]) for item in begun), begun[0][2]  # type: ignore[call-overload]
        yield from sorted((each for each in held if each[0] == "noticed"), key=repr)


def _items(entry: Entry) -> Iterator[Item]:
    event = entry.event
    match event:
        case CommandSent(Command(public=0)):
            # Typed alone or in a group: after a 421 in an exchange a file cannot tell them apart.
            yield "response", _MARK, entry.tls
        case CommandSent(command, pipelined):
            yield from _command(command, pipelined=pipelined, tls=entry.tls)
        case SaslSent(line, secret):
            yield "response", _MARK if secret else line, entry.tls
        case OctetsSent(octets, public):
            yield "octets", _octets(octets, public), entry.tls
        case MailDataSent(octets):
            yield "data", octets, entry.tls
        case ReplyBegun(octets):
            yield "begun", octets, entry.tls
        case ReplyReceived(reply, command):
            answers = command.shown if command is not None else None
            yield "reply", reply.octets, answers, event.verb, event.recipient, event.seconds is None, entry.tls
        case Decoded():
            return
        case _:
            yield from _others(event, tls=entry.tls)


def _others(event: Event, *, tls: bool) -> Iterator[Item]:
    match event:
        case Connected(address, begins):
            yield "connected", address, begins
        case TlsStarted(version, cipher, verified, seen):
            yield "tls", version, cipher, verified, seen.subject
        case Authenticated(mechanism, user):
            yield "authenticated", mechanism, user
        case Noticed(kind, detail, octets):
            yield "noticed", kind.name, detail, octets, tls
        case TimedOut(waited, waiting_for):
            yield "timed out", waited, waiting_for
        case Disconnected(end, detail):
            yield "disconnected", end.value, "" if end is End.TIMEOUT else detail
        case Remarked(text):
            if not text.startswith(NOTICE):  # what the encoder wrote itself about octets that are not in the file
                yield "remarked", text
        case _:
            yield (repr(event),)


def _command(command: Command, *, pipelined: bool, tls: bool) -> Iterator[Item]:
    if not command.secret and len(command.line) > _LONGEST_LINE:
        yield "octets", command.octets, tls  # written so that each line of the file is short
        return
    yield "command", command.shown[:_LONGEST_LINE] + (_MARK if command.secret else b""), pipelined, tls


def _octets(octets: bytes, public: int | None) -> bytes:
    if public is None:
        return octets
    hidden = octets[public:]
    end = CRLF if hidden.endswith(CRLF) else b"\n" if hidden.endswith(b"\n") else b""
    return octets[:public] + (_MARK + end if end else b"")


def _nameless(log: Sequence[Entry]) -> list[bool]:
    """Return for each connection whether a message had replies for its recipients before anything in the file says that it would.

    That is an LHLO that was taken, or a 353 (PRDR). The first item is what comes before a connection.
    """
    found = [False]
    is_known = was_known = False  # now, and when what is answered was sent
    is_sent = False  # a message is, and nothing after it
    for entry in log:
        match entry.event:
            case Connected():
                found.append(False)
                is_known = was_known = False
            case CommandSent() | MailDataSent() | OctetsSent() as event:
                was_known = is_known
                is_sent = isinstance(event, MailDataSent) and event.last
            case ReplyReceived(reply) as event:
                found[-1] = found[-1] or bool(event.recipient and not was_known)
                is_prdr = reply.code == 353 and event.seconds is not None and (is_sent or event.verb == "BDAT")
                is_known = is_known or is_prdr or (event.verb == "LHLO" and reply.code // 100 == 2)
                was_known = was_known or is_prdr
            case TimedOut(_, waiting_for):
                found[-1] = found[-1] or (" for <" in waiting_for and not was_known)
    return found


def _without_recipients(found: Iterable[Item], nameless: Sequence[bool]) -> list[Item]:
    number, result = 0, []
    for item in found:
        number += item[0] == "connected"
        if not nameless[min(number, len(nameless) - 1)]:
            result.append(item)
        elif item[:2] not in _ABOUT_WHAT_IS_OWED:
            result.append(_without_recipient(item))
    return result


def _up_to_a_piece_of_a_credential(log: Sequence[Entry]) -> Sequence[Entry]:
    """Cut a dialogue before a piece of a credential that was sent as octets: how the rest of its line reads depends on it."""
    for number, entry in enumerate(log, 1):
        event = entry.event
        if isinstance(event, OctetsSent) and event.public is not None and not event.octets.endswith(b"\n"):
            return log[: number - 1]
    return log


def _up_to_a_message_for_several(log: Sequence[Entry]) -> Sequence[Entry]:
    """Cut a dialogue in LMTP without LHLO after the first reply to a message for several recipients: each has one, and no file says so."""
    accepted, is_known = 0, False
    for number, entry in enumerate(log, 1):
        match entry.event:
            case Connected():
                accepted, is_known = 0, False
            case ReplyReceived(reply, verb="LHLO") if reply.code // 100 == 2:
                is_known = True
            case ReplyReceived(reply, verb="RCPT") if reply.code // 100 == 2:
                accepted += 1
            case ReplyReceived() as event if event.recipient and not is_known and accepted > 1:
                return log[:number]
    return log


def _without_recipient(item: Item) -> Item:
    if item[0] == "reply":
        return (*item[:2], item[-1])  # nor is known how many replies a message has, and so what the next one answers
    if item[0] in ("noticed", "timed out"):
        return tuple(re.sub(" for <.*", "", each) if isinstance(each, str) else each for each in item)
    return item


def _is_masked(log: Sequence[Entry]) -> bool:
    """Return whether octets were masked, so that the file cannot say which command a reply to them answers."""
    return any(isinstance(entry.event, OctetsSent) and entry.event.public is not None for entry in log)


def _without_command(item: Item) -> Item:
    return (*item[:2], *item[3:]) if item[0] == "reply" else item


def difference(path: Path, log: Sequence[Entry]) -> str:
    """Return what the first difference is between a file and the events that were published; empty for none."""
    happened = _up_to_a_message_for_several(_up_to_a_piece_of_a_credential(log))
    nameless = _nameless(log)
    wanted, found = (_without_recipients(items(each), nameless) for each in (happened, file_entries(path)))
    if len(happened) < len(log):
        wanted = wanted[:-1]  # the last one may go on in what was cut off
        found = found[: len(wanted)]
    if _is_masked(log):
        wanted, found = ([_without_command(item) for item in each] for each in (wanted, found))
    for number in range(max(len(wanted), len(found))):
        one = wanted[number] if number < len(wanted) else None
        other = found[number] if number < len(found) else None
        if one != other:
            return f"event {number + 1} was {one!r}, and the file has {other!r}"
    return ""
