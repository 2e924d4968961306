"""The dialogue of a terminal's window: lines without a mark, told apart by their syntax and their order.

A reply begins with a code. Any other line is a command when nothing is owed to the client and a reply follows it, an answer after a
334, and mail data after a 354. What can be none of these is left out: prompts, certificates, messages of the tool.
"""

from __future__ import annotations

import re
from collections import deque
from collections.abc import Callable, Iterable, Iterator
from itertools import chain
from typing import Final

from msgspec.structs import replace

from smtp_shell.importers.dialect import Kind, Line, Record
from smtp_shell.importers.screen import without_carets
from smtp_shell.importers.voices import ADDRESS_OF_GREETING, GREETING_NAME
from smtp_shell.importers.windows import Window

LONGEST_LINE: Final = 16_000
"""Characters of a line that was wrapped; what would make it longer is left out."""

_REPLY = re.compile(r"[2-5][0-9][0-9](?:[ -]|$)")
_FINAL = re.compile(r"[2-5][0-9][0-9](?: |$)")
COMMAND = re.compile(
    r"(?i)\s*(?:(?:EHLO|HELO|LHLO|AUTH|VRFY|EXPN|ETRN|XCLIENT|XFORWARD|XEXCH50|SIZE|BDAT|BURL|PROXY)(?:\s+\S.*)?"
    r"|MAIL\s+FROM\s*:.*|RCPT\s+TO\s*:.*|(?:SEND|SOML|SAML)\s+FROM\s*:.*|(?:HELP|NOOP|RSET)(?:\s.*)?"
    r"|DATA|QUIT|STARTTLS|TURN|ATRN|VERB|X-ANONYMOUSTLS|\*)\s*$"
)
_FROM_TO = re.compile(r"(?i)\s*(?:MAIL|RCPT)(?:\s|$)")
_BDAT = re.compile(r"(?i)\s*BDAT\s+([0-9]{1,12})(?:\s+LAST)?\s*$")
_PROMPT = re.compile(r"(?:\x1b|.{0,60}[\w\])~:/\\][$#%]\s*$|C:\\[^>]{0,200}>)")
_OTHER_PROTOCOL = re.compile(
    r"(?i)(?:USER|PASS|ACCT|PWD|XPWD|CWD|FEAT|SYST|TYPE|PASV|EPSV|PORT|EPRT|LIST|NLST|RETR|STOR|OPTS|PBSZ|PROT|MODE|ARTICLE|GROUP|CAPABILITIES)"
    r"(?: \S.*)?$|Name \(.{1,200}\): ?|Password: ?$|ftp> "
)
"""What a client says in FTP or NNTP, whose codes look as those of SMTP do."""
_OTHER_GREETING = re.compile(
    r"(?:GET|POST|HEAD|PUT|OPTIONS|CONNECT) \S+ HTTP/|HTTP/[0-9.]+ [0-9]{3}|\* (?:OK|PREAUTH|BYE)\b|\+OK\b|-ERR\b|SSH-[0-9]|20[01][ -]"
    r"|\"IMPLEMENTATION\""
)
_SHELL_WRITES = re.compile(
    r"PS [^>]{0,200}> ?\$\w{1,40}\.Write(?:Line)?\((?P<quote>[\"'])(?P<text>.{0,2000}?)(?:`r|`n|\\r|\\n)*(?P=quote)\)"
)
"""A line that a PowerShell writes into a socket by itself."""
_SHELL_READS = re.compile(r"PS [^>]{0,200}> ?\$\w{1,40}(?:\.(?:Read|Flush|Close|Dispose|AutoFlush)| ?=)")
_INTERRUPT = re.compile(r"\^[\]CDZ\\].?")  # a key that ends the tool, as the terminal echoes it
_WIDTHS = frozenset((79, 80, 100, 120, 132))
_SHORTEST_WRAPPED = 60
_DATA_CODES = frozenset("245")
_HIDDEN_LINE = "what the client sent before this reply is not in the log"
_LEFT_OUT = "a line that is neither a command nor a reply is left out here"
_WRAPPED = "this line was wrapped at the terminal's width and is joined again; a character or a space may be missing where it was"
_BACKSPACED = "backspaces that the terminal showed as ^H are applied in this line"
_NEVER_SENT = "the tool took the line that was typed here as a command of its own, by its first letter; it was not sent"
_BY_TOOL = (
    "the tool itself did EHLO and STARTTLS here, of which the log has at most the last line of a reply; "
    "to replay this, write C: EHLO and C: STARTTLS here"
)
_NO_REPLY = "the log ends within the mail data, without its final dot"


class _Lines:
    """Lines with a view of the next one.

    Args:
        lines: The lines.
    """

    def __init__(self, lines: Iterable[Line]) -> None:
        self._lines = iter(lines)
        self.is_skipped: Callable[[str], bool] = lambda _: False
        self._ahead: deque[Line] = deque()

    def __iter__(self) -> Iterator[Line]:
        while self._ahead or self._fill():
            yield self._ahead.popleft()

    def peek(self) -> str:
        """Return the next line; empty at the end."""
        return self._ahead[0].text if self._ahead or self._fill() else ""

    def _fill(self) -> bool:
        for item in self._lines:
            if self.is_skipped(item.text) or _SHELL_READS.match(item.text):
                continue
            if found := _SHELL_WRITES.match(item.text):
                item = replace(item, text=found["text"])
            self._ahead.append(item)
            return True
        return False


def typed_records(lines: Iterable[Line]) -> Iterator[Record]:
    """Yield what is in a window of telnet, nc, openssl s_client and their like.

    Args:
        lines: The lines, as the terminal showed them.
    """
    reader = _Typed(_Lines(lines))
    yield from reader.records()


class _Typed:
    """State of a reader of unmarked lines."""

    def __init__(self, lines: _Lines) -> None:
        self._lines = lines
        self._lines.is_skipped = lambda text: self._open and self._window.dumps(text)
        self._window = Window()
        self._open = False  # within a session
        self._greeted = False
        self._owed: deque[str] = deque()  # verbs that have no reply yet; bounded by `_MOST_OWED`
        self._code = ""  # of a reply that goes on
        self._in_data = False
        self._in_auth = False
        self._data_lines = 0
        self._chunk = 0  # octets of a BDAT chunk that are still to come
        self._held: Record | None = None  # a line that the next one may continue
        self._held_size = 0  # columns of the last row of the line that is held
        self._held_wrapped = False
        self._width = 0  # of the terminal, once a line was wrapped there
        self._sessions = 0
        self._has_only_greeted = False
        self._after_taken = False
        self._lmtp = False
        self._recipients = 0  # accepted ones, each of which has a reply of its own after the final dot in LMTP
        self._is_other = False  # whether the connection turned out to be none of SMTP
        self._failure: tuple[Record, Record] | None = None  # a connection that could not be opened

    def records(self) -> Iterator[Record]:
        number = 0
        for line in self._lines:
            number = line.number
            for record in self._line(number, line.text):
                yield record if record.line else replace(record, line=number)
        rest = self._cut_data(by_letter=False) if self._in_data else iter(())
        for record in chain(rest, self._flush(), self._failure or ()):
            yield record if record.line else replace(record, line=number)

    # One line

    def _line(self, number: int, line: str) -> Iterator[Record]:
        if self._in_data:
            yield from self._data(number, line)
            return
        if self._chunk > 0 and self._held is not None and line[:1] in "45" and _FINAL.match(line):
            self._chunk = 0  # the server has refused BDAT before any of its octets
        if self._chunk > 0:
            yield from self._bdat(number, line)
            return
        if not self._open and self._window.is_connected and _OTHER_GREETING.match(line):
            self._is_other = True
        if _REPLY.match(line):
            yield from self._reply(number, line)
        elif self._open and not self._window.is_over and COMMAND.match(line):
            yield from self._other(number, line)
        else:
            yield from self._unknown(number, line)

    def _unknown(self, number: int, line: str) -> Iterator[Record]:
        """Read a line that is neither a reply nor a command: the tool's, an answer, or anything."""
        event = self._window.read(line, in_session=self._open)
        if event is not None:
            yield from self._happened(event)
        elif self._window.is_noise(line):
            return
        elif self._open:
            yield from self._other(number, line)
        elif not self._is_other and self._begins(line):
            yield from self._begin()
            yield from self._client(number, line)

    def _begins(self, line: str) -> bool:
        """Whether a line is the first of a dialogue that was pasted without its greeting."""
        return bool(COMMAND.match(line)) and line.strip() not in ("*",) and bool(_REPLY.match(self._lines.peek()))

    def _begin(self, line: str = "") -> Iterator[Record]:
        """Begin a session.

        Args:
            line: Its first line, if the server has said it.
        """
        self._reset()
        self._open = True
        self._failure = None
        self._sessions += 1
        opened = self._window.opened()
        if not opened.text and self._sessions > 1 and (found := GREETING_NAME.match(line)):
            yield Record(Kind.CONNECT, f"{found[1]}:{465 if opened.tls else 25}", tls=opened.tls)
            yield Record(Kind.NOTE, ADDRESS_OF_GREETING)
        else:
            yield opened
        if self._window.tls_words is not None:
            if self._window.starttls_done:
                yield Record(Kind.NOTE, _BY_TOOL)
            yield Record(Kind.TLS, " ".join(self._window.tls_words))

    def _reset(self) -> None:
        self._is_other = False
        self._has_only_greeted = False  # nothing of SMTP has been said after the greeting
        self._open = self._greeted = self._in_data = self._in_auth = False
        self._owed.clear()
        self._code, self._chunk, self._data_lines = "", 0, 0
        self._lmtp, self._recipients = False, 0

    def _happened(self, event: Record) -> Iterator[Record]:
        """Act on what the tool itself has reported."""
        self._is_other = False
        if event.kind is Kind.CONNECT:
            if self._open and (self._greeted or self._owed):
                yield from self._flush()
            if not self._open or self._greeted:
                self._reset()
            return
        yield from self._flush()
        if event.kind in (Kind.CLOSE, Kind.ERROR):
            if not self._open:
                # telnet tries one address after the other, so that this may not be the end.
                self._failure = (self._window.opened(), event) if event.kind is Kind.ERROR else None
                return
            self._reset()
            self._window.forget()
        if self._open or event.kind in (Kind.CLOSE, Kind.ERROR):
            yield event

    # Replies

    def _reply(self, number: int, line: str) -> Iterator[Record]:
        code, is_final = line[:3], bool(_FINAL.match(line))
        if code == "220" and self._open and self._window.is_over and not self._owed:
            yield from self._flush()
            self._open = False  # another session, and nothing says that the first one has ended
        if not self._open:
            if not self._may_greet(code):
                return
            if code == "250":
                self._window.does_starttls()
            yield from self._begin(line)
        if code == "250" and is_final and not (self._greeted or self._owed) and self._window.does_starttls():
            self._greeted = True
            return
        yield from self._flush()
        if not self._code:
            yield from self._before_reply(code)
        self._hold(Record(Kind.SERVER, line, number))
        self._code = "" if is_final else code
        if is_final:
            self._answered(code)

    def _may_greet(self, code: str) -> bool:
        if self._is_other:
            return False
        return code == "220" or (self._window.is_connected and code in ("421", "450", "521", "550", "554", "250"))

    def _before_reply(self, code: str) -> Iterator[Record]:
        if not self._greeted or self._owed:
            return
        if code == "421":
            return
        yield Record(Kind.NOTE, _HIDDEN_LINE)

    def _answered(self, code: str) -> None:
        if not self._greeted:
            self._greeted = self._has_only_greeted = True
            return
        verb = self._owed.popleft() if self._owed else ""
        self._in_auth = code == "334"
        self._recipients += verb == "RCPT" and code[0] == "2"
        if code == "354" and verb in ("", "DATA", "?"):
            self._in_data, self._data_lines = True, 0
        if code == "221" and verb in ("QUIT", ""):
            self._window.quit_answered()

    # Lines of the client

    def _other(self, number: int, line: str) -> Iterator[Record]:
        """Read a line that is no reply: a command, an answer, the rest of a wrapped line, or noise."""
        text = line.rstrip(" ") if COMMAND.match(line) else line
        ahead = self._lines.peek()
        if self._in_auth and not self._code:
            if text.strip() or _REPLY.match(ahead):
                yield from self._client(number, line, verb="AUTH")
            return
        if COMMAND.match(text) and (not self._code or self._owed):
            yield from self._client(number, line)
            return
        if self._continues(line, ahead):
            self._join(line)
            return
        if _FROM_TO.match(line) and line.strip():
            yield from self._client(number, line)
            return
        if self._code or self._window.is_over:
            return
        if not self._owed and (_REPLY.match(ahead) or self._window.took(ahead)) and (line.strip() or ahead[:1] in "45"):
            yield from self._client(number, line)
            return
        if line.strip() and not _PROMPT.match(line):
            closed = self._window.ends(ahead) if not self._owed else None
            if closed is not None and closed.text == "server":
                yield from self._client(number, line)  # the server has closed in place of a reply
                return
            yield from self._flush()
            yield Record(Kind.NOTE, _LEFT_OUT)

    def _client(self, number: int, line: str, verb: str = "") -> Iterator[Record]:
        if self._has_only_greeted and _OTHER_PROTOCOL.match(line):
            self._held = None
            self._reset()
            self._is_other = True
            return
        self._has_only_greeted = False
        yield from self._flush()
        ahead = self._lines.peek()
        if self._window.takes(line) and self._window.took(ahead):
            yield Record(Kind.NOTE, _NEVER_SENT)
            return
        text = without_carets(line)
        if text != line:
            yield Record(Kind.NOTE, _BACKSPACED)
        word = text.split(None, 1)[0].upper() if text.strip() else "?"
        self._in_auth = False
        self._lmtp = self._lmtp or word == "LHLO"
        if chunk := _BDAT.match(text):
            self._chunk = int(chunk[1])
        if len(self._owed) < 1_000:
            self._owed.append(verb or word)
        self._hold(Record(Kind.CLIENT, text, number, tls=False if self._window.is_plain else None))

    def _bdat(self, number: int, line: str) -> Iterator[Record]:
        yield from self._flush()
        self._chunk -= len(line.encode("utf-8", "surrogateescape")) + 2
        yield Record(Kind.CLIENT_OCTETS, line + "\r\n", number)

    # Mail data

    def _data(self, number: int, line: str) -> Iterator[Record]:
        if not self._data_lines and _FINAL.match(line) and line[0] in _DATA_CODES and line[:3] != "354":
            self._in_data = False
            self._owed.append("DATA")
            yield from self._reply(number, line)
            return
        event = self._window.ends(line)
        if event is not None:
            self._in_data = False
            yield from self._cut_data(by_letter=self._window.took(line))
            yield from self._happened(event)
            return
        if self._window.begins_again(line, self._lines.peek()):
            self._in_data = False
            yield from self._cut_data(by_letter=False)
            self._reset()
            self._window.forget()
            yield from self._unknown(number, line)
            return
        if self._taken(line):
            return
        yield from self._flush()
        self._data_lines += 1
        if line == ".":
            self._in_data = False
            self._owed += ["DATA"] * (self._recipients if self._lmtp else 1)
            self._recipients = 0
            self._hold(Record(Kind.CLIENT, line, number))
            return
        self._hold(Record(Kind.CLIENT, line, number))

    def _taken(self, line: str) -> bool:
        """Whether a line in mail data is what openssl s_client writes after it has taken the line before it as its command."""
        held = self._held
        if held is not None and self._window.took(line) and self._window.takes(held.text):
            self._held = Record(Kind.NOTE, _NEVER_SENT)
            self._after_taken = True
            return True
        self._after_taken = self._after_taken and self._window.is_tls_tool and self._window.is_noise(line)
        return self._after_taken

    def _cut_data(self, *, by_letter: bool) -> Iterator[Record]:
        """End mail data that has no final dot. Its last line may be the server's: 421 when the client was too slow."""
        last, self._held = self._held, None
        if last is not None and self._window.takes(last.text) and by_letter:
            yield Record(Kind.NOTE, _NEVER_SENT)
            yield Record(Kind.NOTE, _NO_REPLY)
            return
        if (
            last is not None
            and last.kind is Kind.CLIENT
            and self._data_lines
            and re.match(r"[45][0-9][0-9] ", last.text)
        ):
            yield Record(Kind.NOTE, _NO_REPLY)
            yield Record(Kind.SERVER, last.text, last.line)
            return
        if last is not None and not _INTERRUPT.fullmatch(last.text):
            yield last
        yield Record(Kind.NOTE, _NO_REPLY)

    # Wrapped lines

    def _hold(self, said: Record) -> None:
        self._held, self._held_size, self._held_wrapped = said, len(said.text), False

    def _flush(self) -> Iterator[Record]:
        if self._held is not None:
            yield self._held
            self._held = None
            if self._held_wrapped:
                yield Record(Kind.NOTE, _WRAPPED)

    def _continues(self, line: str, ahead: str) -> bool:
        """Whether a line is the rest of the one before it, which the terminal had cut at its width."""
        held = self._held
        if held is None or not line.strip() or self._held_size < _SHORTEST_WRAPPED or _PROMPT.match(line):
            return False
        if self._window.is_over:
            return self._held_size in _WIDTHS or self._held_size == self._width
        if self._code or held.kind is Kind.CLIENT or self._held_size == self._width or self._held_size in _WIDTHS:
            return True
        return not _REPLY.match(ahead)

    def _join(self, line: str) -> None:
        assert self._held is not None
        self._width = self._held_size
        if len(self._held.text) + len(line) <= LONGEST_LINE:
            self._held = replace(self._held, text=self._held.text + line)
        self._held_size, self._held_wrapped = len(line), True
