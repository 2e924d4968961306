"""Compile a transcript into the script of a mock server."""

from __future__ import annotations

from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from smtp_shell.errors import Fault, TranscriptError
from smtp_shell.protocol.commands import Command, auth_mechanism, bdat_chunk
from smtp_shell.protocol.foreseen import FORESEEN
from smtp_shell.protocol.maildata import MailDataEncoder
from smtp_shell.protocol.octets import CRLF, escape_str
from smtp_shell.protocol.rawlines import is_proxy_header, proxy_header_length
from smtp_shell.replay.cursor import StepCursor
from smtp_shell.replay.plan import plan, planned_steps
from smtp_shell.servers.mock.drafts import Draft, RecordedReply, exchanges_of, literal_of, reply_of
from smtp_shell.servers.mock.maildata import DataCollector
from smtp_shell.servers.mock.replies import GREETING, Unservable, made_up
from smtp_shell.servers.mock.script import (
    MOST_SCRIPTED,
    MockScript,
    Parts,
    Says,
    ScriptedReply,
    ScriptedSession,
    Then,
)
from smtp_shell.transcript.body import body_pieces
from smtp_shell.transcript.credentials import CredentialMask, masked_steps
from smtp_shell.transcript.events import authentication, seconds_of
from smtp_shell.transcript.step import CLIENT_LINES, SERVER_LINES, Marker
from smtp_shell.transcript.variables import SASL, Template

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from pathlib import Path

    from smtp_shell.transcript.step import Step

LATE_SECONDS: Final = 0.3
"""How much later than a recorded wait the reply comes that did not come in time."""

_UNANSWERED = frozenset({"timeout", "error", "close"})


def compile_script(
    path: Path, given: Mapping[str, str] | None = None, *, keeps_data: bool = False, outside: bool = False
) -> MockScript:
    """Read a transcript and compile it.

    Args:
        path: The file.
        given: Values of variables from the caller.
        keeps_data: Whether the mail data is to be compared.
        outside: Whether mail data may stand outside the transcript's folder.

    Raises:
        TranscriptError: It cannot be read or served; with what is wrong, line by line.
        UsageError: A variable that the caller gave cannot be one.
        NotSendable: Its value would not stay inside one line.
    """
    checked = plan(path, given or {}, outside=outside, keep=False)
    header = checked.header
    variables = {**checked.defaults, **(given or {})}
    values = {name: value.encode("utf-8", "surrogateescape") for name, value in variables.items()}
    name = escape_str(str(path))
    with planned_steps(checked, path, outside=outside) as whole:
        steps = masked_steps(whole, CredentialMask(checked.defaults))
        is_recording = header is not None and bool(header.client)
        compiler = _Compiler(name, path.parent, keeps_data=keeps_data, outside=outside, is_recording=is_recording)
        compiler.read(StepCursor(steps, name))
    if not compiler.faults and not compiler.sessions:
        compiler.faults.append(
            Fault(0, "the transcript has nothing that a server could say or hear", "S: 220, or C: EHLO")
        )
    if compiler.faults:
        raise TranscriptError(compiler.file, *compiler.faults)
    return MockScript(compiler.file, tuple(compiler.sessions), values, compiler.mechanisms)


class _Compiler:
    """Reads the steps, and collects the exchanges of one session after the other."""

    def __init__(self, file: str, folder: Path, *, keeps_data: bool, outside: bool, is_recording: bool) -> None:
        self.file = file
        self.sessions: list[ScriptedSession] = []
        self.faults: list[Fault] = []
        self.mechanisms: dict[str, int] = {}
        self._folder, self._outside = folder, outside
        self._keeps_data, self._is_recording = keeps_data, is_recording
        self._count = 0
        self._begin(0, tls=False)

    def _begin(self, line: int, *, tls: bool) -> None:
        self._line, self._tls = line, tls
        self._greeting: list[RecordedReply] = []
        self._greeting_then = Then.NOTHING
        self._is_begun = False
        self._greeting_delay = 0.0
        self._drafts: list[Draft] = []
        self._awaiting: list[Draft] = []
        self._data: DataCollector | None = None
        self._data_step: Step | None = None
        self._auth: Draft | None = None  # an AUTH exchange that has not ended
        self._waits = False  # the last client line waits for its replies
        self._chunk: Draft | None = None  # a BDAT whose octets follow
        self._rest: Parts = ()  # of `C|` lines: a line that has not ended
        self._rest_step: Step | None = None
        self._late = 0.0  # for the next reply: a wait ended before it

    def read(self, cursor: StepCursor) -> None:
        """Read all steps."""
        while (step := cursor.step) is not None:
            if cursor.expects:
                self._take_replies(cursor)
                continue
            if step.marker is Marker.CLIENT_OCTETS:
                self._add_octets(step)
            elif step.marker in CLIENT_LINES:
                self._add_line(step)
            elif step.marker is Marker.MAIL_DATA_FILE:
                self._add_file(step)
            else:
                self._add_event(step)
            cursor.advance()
            if self._count > MOST_SCRIPTED:
                self.faults.append(Fault(step.line, f"the transcript has more than {MOST_SCRIPTED:,} client lines"))
                return
        self._finish()

    # The client

    def _add_line(self, step: Step) -> None:
        parts = (*self._rest, *Template.parse(step.text).parts)
        self._rest = ()
        self._client_line(step, parts, CRLF)
        self._waits = step.marker is Marker.CLIENT

    def _add_octets(self, step: Step) -> None:
        self._leave_out()
        for part in Template.parse(step.text).parts:
            if isinstance(part, str):
                self._rest, self._rest_step = (*self._rest, part), self._rest_step or step
                continue
            self._literal_octets(step, part)
        self._waits = False

    def _literal_octets(self, step: Step, octets: bytes) -> None:
        """Read octets of the client, which may hold several lines, a chunk after BDAT, and the start of a line."""
        header = proxy_header_length(octets) if self._is_untouched and not self._rest else 0
        if header:
            self._append(Draft(Says.OCTETS, step, (octets[:header],), is_header=True))
            octets = octets[header:]
        while octets:
            if self._chunk is not None:
                octets = octets[self._take_chunk(self._chunk, len(octets)) :]
                continue
            end = octets.find(b"\n") + 1
            line, octets = (octets[:end], octets[end:]) if end else (octets, b"")
            if self._data is not None:
                self._add_data(step, (line,))
            elif not end:
                self._rest, self._rest_step = (*self._rest, line), self._rest_step or step
            else:
                mark = CRLF if line.endswith(CRLF) else b"\n"
                parts, self._rest, self._rest_step = (*self._rest, line[: -len(mark)]), (), None
                self._client_line(step, parts, mark)

    def _client_line(self, step: Step, parts: Parts, end: bytes) -> None:
        """Read a whole line of the client."""
        literal = literal_of(parts)
        if self._chunk is not None:  # the line end is in the chunk, unless the line fills it
            self._take_chunk(self._chunk, len(literal) + len(end) * (len(literal) != self._chunk.chunk_left))
            return
        self._leave_out(parts)
        if self._data is not None:
            self._add_data(step, (*parts, end))
            return
        self._count += 1
        if self._auth is not None and self._auth.awaits(parts):
            auth = self._auth
            auth.exchange = replace(
                auth.exchange,
                responses=(*auth.exchange.responses, step.line),
                cancelled=auth.exchange.cancelled or literal == b"*",
            )
            auth.sent_at = step.at
            self._awaiting.append(auth)
            return
        is_header = self._is_untouched and is_proxy_header(literal)
        draft = Draft(Says.LINE, step, parts, end=end, is_header=is_header)
        mechanism = auth_mechanism(literal)
        chunk = bdat_chunk(literal)
        if chunk and chunk.size:
            self._chunk, draft.chunk_left = draft, chunk.size
        draft.exchange = replace(draft.exchange, verb=Command(literal).verb)
        self._auth = None
        if mechanism:
            self._auth = draft
            self.mechanisms.setdefault(mechanism.decode("ascii", "replace").upper(), step.line)
            initial = len(literal.split()) > 2 or SASL in parts
            draft.exchange = replace(
                draft.exchange, says=Says.AUTH, initial=initial, responses=(step.line,) if initial else ()
            )
        self._append(draft)

    def _take_chunk(self, draft: Draft, octets: int) -> int:
        """Note so many octets of the client, and return how many of them belong to the chunk."""
        taken = min(draft.chunk_left, octets)
        draft.chunk += taken
        draft.chunk_left -= taken
        if not draft.chunk_left:
            self._chunk = None
        return taken

    @property
    def _is_untouched(self) -> bool:
        """Whether neither side has said anything: a PROXY header can only come first."""
        return not (self._greeting or self._drafts)

    def _append(self, draft: Draft) -> None:
        self._drafts.append(draft)
        self._awaiting.append(draft)

    def _leave_out(self, parts: Parts = ()) -> None:
        """Accept the replies that are not there for good ones, when the next line follows: a script expects nothing."""
        last = self._awaiting[-1] if self._awaiting else None
        begins_data = last is not None and last.exchange.verb == "DATA" and self._data is None and not last.expected
        if begins_data and Command(literal_of(parts)).verb not in FORESEEN:
            self._begin_data()
        if self._is_recording or not self._waits:
            return
        for draft in self._awaiting:
            draft.is_left_out = not draft.has_timed_out and not draft.is_loose
        self._awaiting = []

    # Mail data

    def _begin_data(self) -> None:
        self._data, self._data_step = DataCollector(keeps=self._keeps_data), None

    def _add_data(self, step: Step, parts: Parts) -> None:
        assert self._data is not None
        self._data_step = self._data_step or step
        self._data.add(parts)
        if self._data.is_over:
            self._end_data(step)

    def _end_data(self, step: Step) -> None:
        """End the mail data, whether or not its dot has come."""
        data, first = self._data, self._data_step
        self._data = None
        if data is None or first is None:
            return
        draft = Draft(Says.DATA, first)
        draft.is_loose = False
        draft.sent_at = step.at
        draft.exchange = replace(draft.exchange, data=data.result(), shown="mail data")
        self._append(draft)

    def _add_file(self, step: Step) -> None:
        self._leave_out()
        self._begin_data()
        assert self._data is not None
        self._data_step = step
        self._data.add_file(self._encoded(step) if self._keeps_data else ())
        self._end_data(step)
        self._waits = True

    def _encoded(self, step: Step) -> Iterator[bytes]:
        encoder = MailDataEncoder()
        for piece in body_pieces(self._folder, step, outside=self._outside):
            yield encoder.encode(piece)
        yield encoder.end()

    # The server

    def _take_replies(self, cursor: StepCursor) -> None:
        """Read the replies that stand here, and find out what each of them answers."""
        assert cursor.step is not None
        step = cursor.step
        if self._data is not None:
            self._end_data(step)
        if not (self._awaiting and _client_goes_on(cursor)):
            self._end_octets()
        replies: list[RecordedReply] = []
        while cursor.expects:
            at = _time_of(cursor.step)
            reply = cursor.take_expected()
            if reply is None:
                break
            may_end = self._is_recording or cursor.next_event() in _UNANSWERED
            replies.append(RecordedReply(reply, at or 0.0, 0.0, may_end=may_end))
        if not self._greeting and (not self._drafts or self._greets(replies[0])):
            self._greeting += replies if not self._drafts else replies[:1]
            self._greeting[0].delay = self._greeting_delay
            del replies[: len(self._greeting)]
        self._assign(replies)
        if self._chunk is not None and self._chunk.expected:
            self._chunk = None  # a server that answers in the middle of a chunk does not take it
        last = self._drafts[-1] if self._drafts else None
        if last is not None and last.exchange.verb == "DATA" and last.expected and last.expected[0].reply.allows(354):
            self._begin_data()
        if self._auth is not None and not self._auth.challenges:
            self._auth = None
        self._waits = False

    def _greets(self, first: RecordedReply) -> bool:
        """Return whether a reply is the greeting although the client spoke first.

        After a PROXY header it is said when the header has come, as servers do that want one: a client that has heard the greeting
        takes a PROXY line for a command.
        """
        draft = self._awaiting[0] if self._awaiting else self._drafts[0]
        if draft.is_header:
            return False
        is_early = draft.is_loose or draft.exchange.verb == "QUIT"
        return draft is self._drafts[0] and is_early and draft.exchange.verb != "STARTTLS" and first.reply.allows(220)

    def _assign(self, replies: list[RecordedReply]) -> None:
        targets = self._awaiting
        while len(targets) > len(replies) and any(each.is_loose for each in targets):
            targets.remove(next(each for each in targets if each.is_loose))
        last = targets[-1] if targets else self._drafts[-1] if self._drafts else None
        for number, reply in enumerate(replies):
            draft = targets[number] if number < len(targets) else last
            if draft is None:
                self._greeting.append(reply)
                continue
            reply.after = max(0.0, reply.after - draft.sent_at) if draft.sent_at is not None and reply.after else 0.0
            reply.delay, draft.delay = draft.delay or (self._late if number >= len(targets) else 0.0), 0.0
            self._late = 0.0
            draft.expected.append(reply)
        self._awaiting = targets[len(replies) :]

    def _end_octets(self) -> None:
        """End octets after which no line end comes."""
        if self._rest and self._rest_step is not None:
            draft = Draft(Says.OCTETS, self._rest_step, self._rest)
            self._append(draft)
            self._rest, self._rest_step = (), None

    # Events

    def _add_event(self, step: Step) -> None:
        name, *words = step.event
        if name in ("connect", "close", "error"):
            self._end_octets()
            if self._data is not None:
                self._end_data(step)
        last = self._drafts[-1] if self._drafts else None
        if name == "connect":
            self._finish()
            self._begin(step.line, tls="tls" in words[1:])
            self._is_begun = True
        elif name == "authenticate":
            self._add_authenticate(step)
        elif name == "no-tls" and last is not None:
            last.has_no_tls = True
        elif name == "timeout":
            self._note_timeout(seconds_of(words[0]) if words else None)
        elif name == "close" and words[:1] == ["server"]:
            then = Then.RESET if "reset" in words[1:] else Then.CLOSE
            self._add_ending(then)
        elif name == "error":
            self._add_ending(Then.END)
        elif name == "close":
            self._drafts.append(Draft(Says.CLOSE, step))

    def _add_authenticate(self, step: Step) -> None:
        """Read a whole AUTH exchange, for which the client chooses the mechanism."""
        self._leave_out()
        self._end_octets()
        self._count += 1
        mechanisms, _ = authentication(step.event[1:])
        for mechanism in mechanisms:
            self.mechanisms.setdefault(mechanism, step.line)
        draft = Draft(Says.AUTH, step, (b"AUTH",))
        draft.exchange = replace(draft.exchange, verb="AUTH", shown=f"{step.marker} {step.text}", mechanisms=mechanisms)
        self._auth, self._waits = None, True
        self._append(draft)

    def _add_ending(self, then: Then) -> None:
        if self._drafts:
            draft = self._drafts[-1]
            draft.exchange = replace(draft.exchange, then=then)
        else:
            self._greeting_then = then

    def _note_timeout(self, seconds: float | None) -> None:
        """Note that a reply did not come in some seconds; it may come later."""
        late = (seconds or 0.0) + LATE_SECONDS
        if self._awaiting:
            self._awaiting[0].delay, self._awaiting[0].has_timed_out = late, True
        elif not self._greeting:
            self._greeting_delay = late
        else:
            self._late = late

    # The end of a session

    def _finish(self) -> None:
        self._end_octets()
        if self._data_step is not None:
            self._end_data(self._data_step)
        if not (self._drafts or self._greeting or self._is_begun):
            return
        if not self._is_recording:
            for draft in self._awaiting:
                draft.is_left_out = (
                    not draft.has_timed_out and not draft.is_loose and draft.exchange.says is not Says.CLOSE
                )
        try:
            greeting = self._greetings()
            exchanges = exchanges_of(self._drafts, is_recording=self._is_recording)
        except Unservable as error:
            self.faults.append(Fault(error.line, error.problem, error.expected))
            return
        line = self._line or (greeting[0].line if greeting else 0) or (exchanges[0].line if exchanges else 0)
        self.sessions.append(ScriptedSession(self.file, line, self._tls, greeting, self._greeting_then, exchanges))

    def _greetings(self) -> tuple[ScriptedReply, ...]:
        if self._greeting:
            return tuple(reply_of(each, GREETING, is_recording=self._is_recording) for each in self._greeting)
        first = self._drafts[0] if self._drafts else None
        follows_header = first is not None and first.is_header and bool(first.expected)
        is_silent = (
            self._greeting_delay or self._is_recording or self._greeting_then is not Then.NOTHING or follows_header
        )
        return () if is_silent else (made_up(GREETING),)


def _client_goes_on(cursor: StepCursor) -> bool:
    """Return whether the client sends more after the replies that come next."""
    following = (step for step in cursor.look_ahead_acted() if step.marker not in SERVER_LINES)
    first = next(following, None)
    return first is not None and first.marker in CLIENT_LINES


def _time_of(step: Step | None) -> float | None:
    return step.at if step is not None else None
