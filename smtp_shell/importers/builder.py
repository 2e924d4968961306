"""Records of a foreign file as the steps of a transcript: what a log leaves unsaid follows from the dialogue."""

from __future__ import annotations

from collections import deque
from collections.abc import Callable, Iterable, Iterator
from typing import Final

from msgspec.structs import replace

from smtp_shell.importers.dialect import Kind, Record
from smtp_shell.importers.marks import COMMAND
from smtp_shell.importers.masks import is_mask, mask_start
from smtp_shell.protocol.commands import Command, auth_mechanism, bdat_chunk
from smtp_shell.protocol.octets import escape, escape_str
from smtp_shell.protocol.sasl.reading import user_in
from smtp_shell.transcript.foreign import HIDDEN_DATA
from smtp_shell.transcript.notation import client_text
from smtp_shell.transcript.step import Marker, Step, octet_steps
from smtp_shell.transcript.variables import SASL_MARK

_MOST_OWED: Final = 1_000  # replies, in a log that may show no server
_MOST_NOTES: Final = 20  # after one command, while it is not known whether it awaited its reply
_STEPS: Final = 100  # that are passed on at once
_LONGEST_LINE: Final = 16_000  # octets in one step, as in `recording.encoder`
_LONGEST_TEXT: Final = 2_000  # characters of an event or a note
_HALF_A_DAY: Final = 43_200.0
_DAY: Final = 86_400.0
# RFC 2920, section 3.1: a client awaits the replies to these, so that no command follows them in a group.
_LAST_OF_A_GROUP: Final = frozenset(("AUTH", "DATA", "QUIT", "STARTTLS", "TURN"))

MASKED: Final = "the log masks the credential here"


class StepBuilder:
    """Build the steps of a transcript from the records of a foreign file, as a stream.

    It follows the dialogue by the replies: which lines are mail data, which answer a challenge, which did not wait for a reply, and
    where TLS begins. What is missing is a note at its place.
    """

    def __init__(self) -> None:
        self._by_kind: dict[Kind, Callable[[Record], None]] = {
            Kind.UNSTUFFED: self._unstuffed,
            Kind.CLIENT_OCTETS: self._client_octets,
            Kind.SERVER_OCTETS: self._server_octets,
            Kind.HIDDEN_DATA: self._hidden_data,
            Kind.CONNECT: self._connect,
            Kind.TLS: self._tls_established,
            Kind.TLS_FAILED: self._tls_failed,
            Kind.CLOSE: self._close,
            Kind.ERROR: self._error,
            Kind.EVENT: self._event,
            Kind.NOTE: self._note,
        }
        self._steps: list[Step] = []
        self._line = 0
        self._at: float | None = None
        self._host = ""
        self._is_later = False  # the session is not the first of the file
        self._begin_session()

    def _begin_session(self) -> None:
        self._base: float | None = None
        self._latest = 0.0
        self._pending: Record | None = None  # CONNECT, until it is known whether TLS begins with the first octet
        # A command, until it is known whether it awaited its reply: its verb, the notes before and after it, its time.
        self._held: tuple[Record, str, list[str], list[str], float | None] | None = None
        self._owed: deque[str] = deque()  # verbs of the commands whose replies are still to come
        self._has_begun = False  # something was said
        self._has_replies = False  # the server said something: a log may show the client alone
        self._is_over = False  # QUIT was answered, or the server said 421
        self._is_closed = False
        self._in_data = False
        self._data_lines = 0
        self._hidden: str | None = None  # what the log says of mail data that it hides
        self._chunk_left = 0
        self._challenged = False
        self._mechanism, self._user = "", ""
        self._authenticated: tuple[str, str] | None = None  # by the last reply; the event of it has not been written
        self._awaits_tls = False
        self._tls = False

    def build(self, records: Iterable[Record]) -> Iterator[Step]:
        """Yield the steps of all records."""
        for record in records:
            if self._authenticated is not None and record.kind is not Kind.EVENT:
                self._end_exchange()
            self._line = record.line
            self._at = None if record.at is None else self._time(record.at)
            # Most records are of two kinds, and an enum member's hash is a call.
            if record.kind is Kind.SERVER:
                self._server(record)
            elif record.kind is Kind.CLIENT:
                self._client(record)
            else:
                self._by_kind[record.kind](record)
            if len(self._steps) >= _STEPS:
                yield from self._steps
                self._steps = []
        self._end_exchange()
        self._release()
        self._open()
        yield from self._steps

    def _time(self, at: float | None) -> float | None:
        """Return the seconds since the connection was opened, which never fall."""
        if at is None:
            return None
        if self._base is None:
            self._base = at
        seconds = at - self._base
        if seconds < self._latest - _HALF_A_DAY:  # the clock of a log without dates has passed midnight
            self._base -= _DAY
            seconds += _DAY
        self._latest = min(max(seconds, self._latest), 999_999_999.0)
        return round(self._latest, 6)

    # What was said

    def _client(self, record: Record) -> None:
        self._open(record.tls)
        if self._held is not None and self._held[1] == "DATA" and (len(self._owed) == 1 or not self._has_replies):
            self._release()
            self._owed.clear()
            self._in_data, self._hidden, self._data_lines = (
                True,
                None,
                1,
            )  # no client sends anything before the reply, so it is the log that lacks it
            self._add_note("the log does not show the reply to DATA")
        if (
            self._in_data
            and record.text != "."
            and (self._hidden is not None or (not self._data_lines and COMMAND.match(record.text)))
        ):
            self._hidden = self._hidden or ""
            self._end_data(answered=False)
        if self._in_data:
            self._mail_data(record)
        elif self._chunk_left:
            self._chunk(record)
        else:
            self._release(followed=True)
            self._command(record)

    def _unstuffed(self, record: Record) -> None:
        """Add a line of a log that shows mail data before its dots are doubled."""
        if self._in_data and record.text.startswith("."):
            record = replace(record, text=f".{record.text}")
        self._client(record)

    def _command(self, record: Record) -> None:
        ours = record.text.endswith(SASL_MARK)
        if ours:
            record = replace(record, text=record.text.removesuffix(SASL_MARK), hidden=True)
        elif not record.hidden and (start := self._mask_start(record.text)) is not None:
            record = replace(record, text=record.text[:start], hidden=True)
        octets = _octets(record.text)
        notes: list[str] = [MASKED] if record.hidden and not ours else []
        if self._challenged:
            self._challenged = False
            verb = "AUTH"
            if not self._user and not record.hidden:
                self._user = user_in(self._mechanism, octets)
        else:
            if self._awaits_tls:
                self._awaits_tls, self._tls = False, True
            verb = Command(octets).verb
            if verb == "AUTH":
                self._mechanism = (auth_mechanism(octets) or b"").decode("ascii", "replace")
                words = octets.split()
                self._user = user_in(self._mechanism, words[2]) if len(words) == 3 and not record.hidden else ""
            elif verb == "BDAT" and (chunk := bdat_chunk(octets)):
                self._chunk_left = chunk.size
        self._has_begun = True
        if len(self._owed) < _MOST_OWED:
            self._owed.append(verb)
        self._held = (record, verb, notes, [], self._at)
        if self._chunk_left:
            self._release()

    def _mask_start(self, text: str) -> int | None:
        """Return where the log masks a credential in a client line; None if it does not."""
        if self._challenged or text[:5].upper() == "AUTH ":
            return mask_start(text)
        return 0 if is_mask(text) else None

    def _release(self, *, followed: bool = False) -> None:
        """Write the command that is held back.

        Args:
            followed: Whether another command follows it before any reply.
        """
        if self._held is None:
            return
        (record, verb, before, after, at), self._held = self._held, None
        for note in before:
            self._add_note(note, record.line)
        pipelined = followed and self._has_replies and verb not in _LAST_OF_A_GROUP
        marker = Marker.PIPELINED if pipelined else Marker.CLIENT
        octets = _octets(record.text)
        if len(octets) > _LONGEST_LINE:
            steps = octet_steps(Marker.CLIENT_OCTETS, octets + b"\r\n", at)
            self._steps += [Step(step.marker, step.text, at, record.line) for step in steps]
        else:
            shown = client_text(octets) + SASL_MARK if record.hidden else client_text(octets)
            self._steps.append(Step(marker, shown, at, record.line))
        for note in after:
            self._add_note(note, record.line)

    def _mail_data(self, record: Record) -> None:
        text = record.text
        if text == ".":
            self._end_data()
        else:
            self._data_lines += 1
            self._add_line(Marker.CLIENT, text)

    def _end_data(self, *, answered: bool = True) -> None:
        if self._hidden is not None:
            self._add_note(f"{HIDDEN_DATA}{self._hidden}; only its end is here")
        self._hidden = None
        self._in_data = False
        self._add(Marker.CLIENT, ".")
        if answered:
            self._owed.append(".")
        else:
            self._add_note("the log does not show the reply to the mail data")

    def _hidden_data(self, record: Record) -> None:
        if self._in_data:
            self._hidden = (self._hidden or "") + (f": {record.text}" if record.text and not self._hidden else "")
        elif self._chunk_left:
            self._add_note(f"the log does not show the {self._chunk_left:,} octets of the chunk")
            self._chunk_left = 0

    def _chunk(self, record: Record) -> None:
        octets = _octets(record.text)
        end = b"\r\n"[: max(0, self._chunk_left - len(octets))]
        self._chunk_left = max(0, self._chunk_left - len(octets) - len(end))
        self._add_octets(Marker.CLIENT_OCTETS, octets + end)

    def _server(self, record: Record) -> None:
        text = record.text
        code = text[:3] if text[:3].isdecimal() and text[:3].isascii() and text[3:4] in ("", " ", "-") else ""
        if code == "220" and self._is_over and not self._owed:
            self._connect(Record(Kind.CONNECT, "", self._line))
        if self._pending is not None and not self._pending.text and self._is_later:
            self._name_server(text)
        self._open(record.tls, said_by_server=True)
        self._release()
        if self._in_data and code == "421":
            self._in_data, self._hidden = False, None  # the server has given up, and the mail data has no end
        if self._in_data and code:
            if self._hidden is None:
                self._hidden = ""
            self._end_data()
        if self._chunk_left and code:
            self._add_note(f"the log does not show {self._chunk_left:,} octets of the chunk")
            self._chunk_left = 0
        self._has_begun = self._has_replies = True
        self._add_line(Marker.SERVER, text)
        if code and text[3:4] != "-":
            self._replied(int(code))

    def _replied(self, code: int) -> None:
        """Follow a whole reply."""
        verb = self._owed.popleft() if self._owed else ""
        if verb == "DATA" and code == 354:
            self._in_data, self._hidden, self._data_lines = True, None, 0
        elif verb == "STARTTLS" and code == 220:
            self._awaits_tls = True
        elif verb == "AUTH" and code == 334:
            self._challenged = True
        elif verb == "AUTH" and code == 235 and self._mechanism:
            self._authenticated = self._mechanism, self._user
        elif (verb == "QUIT" and code < 400) or code == 421:
            self._is_over = True

    def _client_octets(self, record: Record) -> None:
        self._open(record.tls)
        self._release()
        octets = _octets(record.text)
        self._has_begun = True
        self._chunk_left = max(0, self._chunk_left - len(octets))
        self._add_octets(Marker.CLIENT_OCTETS, octets)

    def _server_octets(self, record: Record) -> None:
        self._open(record.tls, said_by_server=True)
        self._release()
        self._has_begun = True
        self._add_octets(Marker.SERVER_OCTETS, _octets(record.text))

    # What happened to the connection

    def _connect(self, record: Record) -> None:
        self._release()
        if self._has_begun and not self._is_closed:
            self._add_event("close")
        at = record.at
        if self._has_begun or self._is_closed:
            self._begin_session()
            self._is_later = True
            self._at = self._time(at)
        self._host = record.text or self._host
        self._pending = record

    def _name_server(self, greeting: str) -> None:
        """Name the server of a later connection of which the log says no more than its greeting: an event names one."""
        assert self._pending is not None
        named = bool(self._host)
        host = self._host or next(iter(greeting[4:].split()), "localhost")
        self._pending = replace(self._pending, text=host)
        if not named:
            self._add_note("the log does not name the server of this connection; its greeting does")

    def _open(self, tls: bool | None = None, *, said_by_server: bool = False) -> None:
        """Write what precedes the first line of a session, or the change to TLS that a line shows."""
        if self._pending is not None:
            # RFC 8314, section 3: TLS begins with the first octet on port 465; not every log says so.
            submissions = self._pending.tls is None and tls is None and self._pending.text.endswith(":465")
            begun_in_tls = bool(tls) or bool(self._pending.tls) or submissions
            if self._pending.text:
                self._add_event("connect", self._pending.text, "tls" if begun_in_tls else "")
                self._tls = begun_in_tls
            self._pending = None
        if tls and not self._tls:
            self._release()
            self._awaits_tls, self._tls = False, True
            self._add_event("tls")
        elif tls is False and self._awaits_tls and not said_by_server:
            self._awaits_tls = False
            self._add_event("no-tls")

    def _tls_established(self, record: Record) -> None:
        self._release()
        if self._tls and not self._pending:
            return
        self._open(None if self._has_begun or self._pending is None else True)
        self._awaits_tls, self._tls = False, True
        self._steps.append(
            Step(Marker.EVENT, f"tls {escape_str(record.text[:_LONGEST_TEXT])}".rstrip(), self._at, self._line)
        )

    def _tls_failed(self, record: Record) -> None:
        self._release()
        self._open()
        self._add_note(f"TLS failed: {record.text}")
        if self._awaits_tls:
            self._awaits_tls = False
            self._add_event("no-tls")

    def _close(self, record: Record) -> None:
        self._release()
        self._open()
        if not self._is_closed:
            self._add_event("close", record.text)
        self._is_closed = self._is_over = True

    def _error(self, record: Record) -> None:
        self._release()
        self._open()
        if not self._is_closed:
            text = escape_str(record.text[:_LONGEST_TEXT])
            self._steps.append(Step(Marker.EVENT, f"error {text}".rstrip(), self._at, self._line))
        self._is_closed = self._is_over = True

    def _end_exchange(self) -> None:
        """Write the event of an AUTH exchange, unless the file has one of its own."""
        if self._authenticated is not None:
            mechanism, user = self._authenticated
            self._authenticated = None
            self._add_event("auth", mechanism, user)

    def _event(self, record: Record) -> None:
        if record.text.startswith("auth "):
            self._authenticated = None
        self._release()
        self._open()
        self._add(Marker.EVENT, escape_str(record.text[:_LONGEST_TEXT]))

    def _note(self, record: Record) -> None:
        if self._held is not None:
            self._held[3].append(record.text)
            if len(self._held[3]) >= _MOST_NOTES:
                self._release()
        else:
            self._open()
            self._add_note(record.text)

    # Steps

    def _add(self, marker: Marker, text: str) -> None:
        self._steps.append(Step(marker, text, self._at, self._line))

    def _add_line(self, marker: Marker, text: str) -> None:
        """Write a line of the client's mail data or of the server."""
        if (
            len(text) <= _LONGEST_LINE
            and text.isascii()
            and text.isprintable()
            and "\\" not in text
            and "${" not in text
        ):
            self._steps.append(Step(marker, text, self._at, self._line))
            return
        octets = _octets(text)
        by_client = marker is Marker.CLIENT
        if len(octets) > _LONGEST_LINE:
            self._add_octets(Marker.CLIENT_OCTETS if by_client else Marker.SERVER_OCTETS, octets + b"\r\n")
        else:
            self._add(marker, client_text(octets) if by_client else escape(octets))

    def _add_octets(self, marker: Marker, octets: bytes) -> None:
        self._steps += [Step(marker, step.text, self._at, self._line) for step in octet_steps(marker, octets)]

    def _add_event(self, *words: str) -> None:
        text = " ".join(escape_str(word[:_LONGEST_TEXT]).replace(" ", r"\x20") for word in words if word)
        self._steps.append(Step(Marker.EVENT, text, self._at, self._line))

    def _add_note(self, text: str, line: int = 0) -> None:
        self._steps.append(Step(Marker.NOTE, escape_str(text[:_LONGEST_TEXT]), None, line or self._line))


def _octets(text: str) -> bytes:
    return text.encode("utf-8", "surrogateescape")
