"""What has to hold for files that a stranger sent: transcripts, and messages in the practice server's mailbox."""

import io
import re
from collections.abc import Callable, Iterable
from pathlib import Path
from unittest.mock import patch

from smtp_shell.errors import SmtpShellError, TranscriptError
from smtp_shell.matching import pattern as patterns_module
from smtp_shell.matching.compare import Verdict, match, match_octets
from smtp_shell.matching.expectation import ExpectedLine, ExpectedReply, Strictness
from smtp_shell.matching.pattern import Pattern, PatternTooSlow, unfit_capture
from smtp_shell.protocol.events import (
    CommandSent,
    Entry,
    Event,
    MailDataSent,
    Noticed,
    NoticeKind,
    OctetsSent,
    ReplyReceived,
    SaslSent,
)
from smtp_shell.protocol.octets import CRLF, escape, escape_str
from smtp_shell.protocol.replies import Reply, ReplyParser
from smtp_shell.recording.decoder import entries
from smtp_shell.recording.encoder import TranscriptEncoder
from smtp_shell.replay.cursor import StepCursor
from smtp_shell.replay.plan import plan
from smtp_shell.servers.inbox import Inbox
from smtp_shell.transcript.body import body_pieces
from smtp_shell.transcript.header import Header, format_header, parse_header
from smtp_shell.transcript.notation import client_text
from smtp_shell.transcript.reader import ReadLimits, TranscriptReader, open_transcript
from smtp_shell.transcript.step import CLIENT_LINES, SERVER_LINES, Marker, Step
from smtp_shell.transcript.variables import SASL_MARK, Template, Variables, parse_assignment
from smtp_shell.transcript.writer import TranscriptWriter
from tests.fuzz.material import assert_seen, at_most, folder, never_raises, split_choices
from tests.fuzz.program import session
from tests.support.transcripts import check

_Found = tuple[Header | None, list[Step]]
_BREAKS = re.compile(rb"[\r\n\0]")


def _read(octets: bytes, limits: ReadLimits | None = None) -> _Found:
    reader = TranscriptReader(io.BytesIO(octets), "fuzz.smtp", limits=limits or ReadLimits())
    return reader.header, [Step(step.marker, step.text, step.at) for step in reader]


def _written(header: Header | None, steps: Iterable[Step]) -> bytes:
    stream = io.BytesIO()
    writer = TranscriptWriter(stream, header)
    for step in steps:
        writer.write(step)
    return stream.getvalue()


def transcript(data: bytes) -> None:
    """A file is read or refused; what was read can be written and is read again as the same."""
    never_raises(lambda: _read(data, ReadLimits(line=20, header=60)), TranscriptError)
    found = never_raises(lambda: _read(data), TranscriptError)
    if found is None:
        return
    header, steps = found
    assert_seen(*(step.text for step in steps))
    assert_seen(*(text for field in (header.fields if header else ()) for text in field))
    again = _written(header, steps)
    assert _read(again) == found
    assert _written(*_read(again)) == again


def server_text(data: bytes) -> None:
    """What a server says never becomes a line of the client's, nor is any of it lost."""
    stream = io.BytesIO()
    recorder = TranscriptEncoder(TranscriptWriter(stream, Header.new(client="fuzz")).write_buffered)
    said: list[bytes] = []
    for number, item in enumerate(ReplyParser().receive(data)):
        event: Event = (
            ReplyReceived(item, None)
            if isinstance(item, Reply)
            else Noticed(NoticeKind.NOT_A_REPLY, octets=item.octets)
        )
        said.append(item.octets)
        recorder(Entry(number, 0.0, event))
    recorder.close()
    steps = _read(stream.getvalue())[1]
    assert {step.marker for step in steps} <= {Marker.SERVER, Marker.SERVER_OCTETS, Marker.NOTE}
    heard = b"".join(
        s.octets + (CRLF if s.marker is Marker.SERVER else b"") for s in steps if s.marker is not Marker.NOTE
    )
    assert heard == b"".join(said)


def header(data: bytes) -> None:
    """A header is read or its faults are told; what was read can be written; what is made can be read."""
    text = data.decode("utf-8", "replace")
    made, faults = parse_header(list(enumerate(text.split("\n"), 1)), longest=1000)
    assert_seen(*map(str, faults))
    if not faults:
        formatted = format_header(made, longest=1000)
        assert _read(formatted.encode())[0] == made
        assert_seen(made.title, made.server, made.date, made.client, made.tags, *made.variables)
    title, _, value = text.partition("\n")
    variables = {"x": value} if not _BREAKS.search(value.encode()) else {}
    new = Header.new(client="fuzz", title=title, server=value, variables=variables)
    new = Header((*new.fields, ("X-Note", escape_str(text.strip(" ")))))
    assert _read(_written(new, ()))[0] == new
    assert new.variables == variables


def template(data: bytes) -> None:
    """A client line is literal octets and variables, and stays one line whatever their values are."""
    line, _, rest = data.partition(b"\n")
    text, value = line.decode("utf-8", "surrogateescape"), rest.decode("utf-8", "surrogateescape")
    assert Template.parse(client_text(data)).parts == ((data,) if data else ())
    never_raises(lambda: parse_assignment(text), ValueError)
    never_raises(lambda: Variables({text: value}), SmtpShellError)
    found = never_raises(lambda: Template.parse(text), ValueError)
    if found is None:
        return
    if not found.names:
        assert sum(map(len, found.parts)) <= len(line)
    expanded = never_raises(lambda: found.expand(lambda name: value), SmtpShellError)
    if expanded is not None:
        literal = b"".join(part for part in found.parts if isinstance(part, bytes))
        assert len(_BREAKS.findall(expanded)) == len(_BREAKS.findall(literal))
    variables = Variables({}, {"x": ""}, host_name="client.example")
    never_raises(lambda: variables.require(found.names, captured={"y"}), SmtpShellError)
    never_raises(lambda: found.expand(variables.value), SmtpShellError)
    variables.capture({"y": escape(rest)})
    assert variables.value("y").encode("utf-8", "surrogateescape") == rest


def replayable(data: bytes) -> None:
    """A transcript is refused with line numbers, or every line of it can be acted out."""
    home = folder() / "replayable"
    home.mkdir(exist_ok=True)
    (home.parent / "outside.eml").write_bytes(b"not to be sent")
    (home / "body.eml").write_bytes(b"a\r\n")
    path = home / "fuzz.smtp"
    path.write_bytes(data)
    never_raises(lambda: check(path), TranscriptError)
    outline = never_raises(lambda: plan(path, {"given": "x"}), SmtpShellError)
    if outline is None:
        return
    assert_seen(outline.address)
    with open_transcript(path) as reader:
        _act_out(StepCursor(reader), home)


def _act_out(script: StepCursor, home: Path) -> None:
    while script.expects or script.step is not None:
        list(script.look_ahead_acted())
        if script.expects:
            assert_seen(*str(script.take_expected()).split("\n"))
            continue
        step = script.step
        assert step is not None
        script.advance()
        assert step.marker not in SERVER_LINES
        if step.marker in CLIENT_LINES:
            Template.parse(step.text)
        elif step.marker is Marker.MAIL_DATA_FILE:
            assert b"not to be sent" not in b"".join(body_pieces(home, step))


def patterns(data: bytes) -> None:
    """A pattern is refused, or matches in bounded time."""
    text, _, line = data.partition(b"\n")
    if len(text) > 300:
        return
    with at_most(2.0, "compiling"):
        found = never_raises(lambda: Pattern.parse(text.decode("utf-8", "replace")), ValueError)
    if found is None:
        return
    shown = escape(line.replace(b"@", b"a" * 2000))
    with patch.object(patterns_module, "SECONDS", 0.05), at_most(2.0, "matching"):
        groups = never_raises(lambda: found.match(shown), PatternTooSlow)
    assert groups is None or groups.keys() <= found.names
    refused = unfit_capture(groups or {})
    if groups and refused is None:
        variables = Variables()
        variables.capture(groups)
        assert all(len(variables.value(name)) <= patterns_module.LONGEST_CAPTURE for name in groups)


def matching(data: bytes) -> None:
    """Whatever is expected and whatever comes, there is a verdict, and its words can be shown."""
    choices, rest = split_choices(data)
    wanted, _, said = rest.partition(b"\n\n")
    demands: list[ExpectedLine] = []
    for step in (never_raises(lambda: _read(wanted + b"\n"), TranscriptError) or (None, []))[1]:
        if step.marker in SERVER_LINES:
            demand = never_raises(lambda step=step: ExpectedLine.parse(step), ValueError)  # type: ignore[misc]
            demands += [demand] if demand else []
    if not demands:
        return
    expected = ExpectedReply(tuple(demands))
    assert expected.accepts_354 in (True, False)
    _assert_told(match_octets(expected, said), demands)
    verb, greeting = choices.one_of(["", "EHLO", "HELO", "DATA", "AUTH"]), bool(choices.below(2))
    with patch.object(patterns_module, "SECONDS", 0.05):
        for item in ReplyParser().receive(said):
            if isinstance(item, Reply):
                for strictness in Strictness:
                    verdict = match(expected, item, strictness, verb=verb, greeting=greeting)
                    _assert_told(verdict, demands)


def _assert_told(verdict: Verdict, demands: list[ExpectedLine]) -> None:
    assert 1 <= verdict.used <= len(demands)
    assert verdict.ok == (not verdict.why)
    assert_seen(verdict.why, verdict.received, *verdict.expected.split("\n"), *verdict.captures)


def inbox(data: bytes) -> None:
    """Any message can be listed and read."""
    mail = Inbox(folder() / "inbox")
    mail.prepare()
    (mail.path / "new" / "1700000000.M000001Q000001Rabcd.practice.example").write_bytes(data)
    (message,) = mail.messages()
    assert_seen(message.subject)
    assert message.size == len(data)
    assert not set(message.sender) & set(b"\n")
    assert mail.read(1) == data


def recording(data: bytes) -> None:
    """What a session did is in its recording: the same octets in the same order, credentials apart."""
    happened = session(data)
    if len(data) % 2:  # the recording ends before the session does
        happened.pop()
    happened = _up_to_a_piece_of_a_credential(happened)
    stream = io.BytesIO()
    recorder = TranscriptEncoder(TranscriptWriter(stream, Header.new(client="fuzz")).write_buffered)
    for entry in happened:
        recorder(entry)
    recorder.close()
    stream.seek(0)
    reader = TranscriptReader(stream, "fuzz.smtp")
    found = list(entries(reader, header=reader.header))
    assert not reader.torn
    assert _talk(found) == _talk(happened)


def _up_to_a_piece_of_a_credential(happened: list[Entry]) -> list[Entry]:
    """Cut a session after the start of a credential: it is not in the file, and how the rest of its line reads depends on it."""
    for number, entry in enumerate(happened, 1):
        event = entry.event
        if (
            isinstance(event, OctetsSent)
            and event.public is not None
            and not event.octets[event.public :].endswith(b"\n")
        ):
            return happened[:number]
    return happened


def _talk(found: Iterable[Entry]) -> list[tuple[str, bytes]]:
    """Return who said what; octets in a row are joined, since a file may cut them at other places.

    A credential that was sent in pieces is one mark in a file.
    """
    mark = SASL_MARK.encode()
    talk: list[tuple[str, bytes]] = []
    for entry in found:
        side, octets = _said(entry.event)
        if talk and talk[-1][0] == side:
            octets = (talk.pop()[1] + octets).replace(mark + mark, mark)
        if octets:
            talk.append((side, octets))
    return talk


def _said(event: Event) -> tuple[str, bytes]:
    mark = SASL_MARK.encode()
    match event:
        case CommandSent(command):
            return "command", command.shown + (mark if command.secret else b"") + CRLF
        case SaslSent(line, secret):
            return "command", (mark if secret else line) + CRLF
        case OctetsSent(octets, public) if public is not None:
            end = CRLF if octets.endswith(CRLF) else b"\n" if octets[public:].endswith(b"\n") else b""
            return "octets", octets[:public] + (mark + end if end else b"")
        case OctetsSent(octets) | MailDataSent(octets):
            return "octets", octets
        case ReplyReceived(reply):
            return "server", reply.octets
        case Noticed(octets=octets):
            return "server", octets
    return "", b""


TARGETS: dict[str, Callable[[bytes], None]] = {
    "transcript": transcript,
    "server_text": server_text,
    "header": header,
    "template": template,
    "replayable": replayable,
    "patterns": patterns,
    "matching": matching,
    "inbox": inbox,
    "recording": recording,
}
