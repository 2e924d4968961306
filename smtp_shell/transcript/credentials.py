"""Credentials that stand in a transcript: found and masked as those on the wire are."""

from __future__ import annotations

import re
from collections.abc import Iterable, Iterator, Mapping
from typing import TYPE_CHECKING, Final

from msgspec.structs import replace

from smtp_shell.protocol.commands import Command, bdat_chunk
from smtp_shell.protocol.masking import MASK, OPEN_RESPONSES, EchoMask, ExchangeLines
from smtp_shell.protocol.octets import decode_base64, escape
from smtp_shell.protocol.rawlines import lines_of
from smtp_shell.transcript.included_line import file_of
from smtp_shell.transcript.notation import client_text
from smtp_shell.transcript.step import CLIENT_LINES, SERVER_LINES, Marker, Step
from smtp_shell.transcript.variables import SASL_MARK, Template

if TYPE_CHECKING:
    from smtp_shell.transcript.header import Header

MOST_NAMED: Final = 10
"""How many lines a sentence names."""

_SHORTEST = 8  # characters of base64 that are masked wherever they stand in a line that cannot be read
_MAY_BE_DOT = frozenset(
    (".", "\\", "$")
)  # first characters of a line that may be the final dot, as an escape or a variable
_MASK = MASK.encode()
_WORD = rb"[^ \t'\"]+"
_AUTH_ANYWHERE = rb"(?i)(?<![A-Za-z0-9])AUTH(?=[ \t=])"
_FINAL_LINE = re.compile(rb"[2-5][0-9][0-9](?![-|])")
_VARIABLES = rb"(?:\$\{[A-Za-z_][A-Za-z0-9_.-]*\})+(?: +(?:\$\{[A-Za-z_][A-Za-z0-9_.-]*\})+)*"


class CredentialMask:
    """Finds the credentials in the steps of a transcript, and masks them and what the server sends back of them.

    Args:
        variables: Defaults of variables from the header. One that stands in a credential's place is a credential in the file too.
        is_foreign: Whether another tool wrote the file.

    Attributes:
        is_foreign: Whether another tool wrote the file, whose header cannot say that credentials are included.
        lines: Numbers of the first `MOST_NAMED` lines that hold a credential. A user name before `${sasl}` is masked, and is none.
        count: How many lines hold one.
        used: Names of the header's variables that stand in a credential's place.
    """

    def __init__(self, variables: Mapping[str, str] | None = None, *, is_foreign: bool = False) -> None:
        self.is_foreign = is_foreign
        self._variables = dict(variables or {})
        self.used: set[str] = set()
        self.lines: list[int] = []
        self.count = 0
        self._exchange = ExchangeLines()
        self._echo = EchoMask()
        self._data_asked = False  # DATA was sent, and no reply to it has been read
        self._in_data = False
        self._chunk_left = 0  # octets of a BDAT chunk that follow as C| lines
        self._rest = b""  # of C| lines: the line that has not ended
        self._last_line = 0  # the last one that was counted
        self._user_line = 0  # the line with the user name of LOGIN, while it is the last one of the client

    def mask(self, step: Step) -> tuple[Step, ...]:
        """Return a step without its credential; a `C|` line with several lines in it is cut into them.

        Args:
            step: The next step.
        """
        marker = step.marker
        # Most lines of a long file are one of these, and to look a marker up in a set takes longer than to compare it.
        if marker is Marker.SERVER:
            self._receive(step)
            return (step,) if self._echo.is_empty else (self._mask_echo(step),)
        if self._in_data and marker is Marker.CLIENT and step.text[:1] not in _MAY_BE_DOT and not self._rest:
            return (step,)  # mail data, whatever it looks like
        if marker in CLIENT_LINES:
            return tuple(self._mask_client(step))
        if marker is Marker.MAIL_DATA_FILE:
            self._data_asked = self._in_data = False
            return (step,)
        if marker in SERVER_LINES:
            self._receive(step)
        elif marker is Marker.EVENT and step.event[0] == "connect":
            self._begin_connection()
        return (self._mask_echo(step),)

    def quote(self, line: str) -> str:
        """Return a line that cannot be read without what may be a credential in it, to be quoted in a message.

        Args:
            line: The line, as it stands in the file. It may belong to a dialogue, or be one that lacks its marker.
        """
        octets = line.encode("utf-8", "surrogateescape")
        if found := re.fullmatch(rb"[ \t]*([2-5][0-9][0-9])(?: (.*))?", octets):
            self._exchange.receive(int(found[1]), (found[2] or b"").strip())
        else:
            octets = self._quote_client(octets)
        octets = re.sub(_WORD, lambda word: _MASK if may_be_base64(word[0]) else word[0], self._echo.octets(octets))
        return octets.decode("utf-8", "surrogateescape")

    def _quote_client(self, line: bytes) -> bytes:
        if found := re.search(_AUTH_ANYWHERE, line):
            command = line[found.start() :]
            start = self._exchange.send(command)
            if start is None:
                return line
            self._echo.add_octets(command[start:].strip(), decoded=not self._exchange.names_user)
            return line[: found.start() + start] + _MASK
        *before, last = line.split() or [b""]
        if not self._exchange.is_open or self._exchange.send(last) is None:
            return line
        self._echo.add_octets(last, decoded=not self._exchange.names_user)
        return b" ".join([*before, _MASK])

    def _mask_echo(self, step: Step) -> Step:
        """Return a step that is no client line with the credentials that it repeats masked."""
        if self._echo.is_empty:
            return step
        octets = step.text.encode() if step.marker is Marker.SERVER_MATCHES else step.octets
        masked = self._echo.octets(octets)
        if masked is octets:
            return step
        is_pattern = step.marker is Marker.SERVER_MATCHES
        return replace(step, text=masked.decode("utf-8", "replace") if is_pattern else escape(masked))

    def _begin_connection(self) -> None:
        self._exchange = ExchangeLines()
        self._data_asked = self._in_data = False
        self._chunk_left, self._rest = 0, b""

    def _mask_client(self, step: Step) -> Iterator[Step]:
        octets = self._expand(step)
        if step.marker is Marker.CLIENT_OCTETS:
            yield from self._mask_octets(step, octets)
            return
        begun = self._rest  # octets that this line ends, as they go over the wire
        self._chunk_left, self._rest = 0, b""
        start = self._find(begun + octets, has_variables=_has_variable(step.text))
        if start is None:
            yield step
        else:
            start = max(0, start - len(begun))
            self._note(step, octets[start:])
            yield replace(step, text=client_text(octets[:start]) + SASL_MARK)

    def _expand(self, step: Step) -> bytes:
        """Return a client line's octets, with the values that the header has for its variables."""
        octets = step.octets
        if not _has_variable(step.text):
            return octets
        for name, value in self._variables.items():
            octets = octets.replace(f"${{{name}}}".encode(), value.encode("utf-8", "surrogateescape"))
        return octets

    def _mask_octets(self, step: Step, octets: bytes) -> Iterator[Step]:
        """Mask octets that are sent as they are, line by line."""
        taken = min(self._chunk_left, len(octets))
        self._chunk_left -= taken
        kept, masked = octets[:taken], False
        steps: list[Step] = []
        for line in lines_of(octets[taken:]):
            whole = self._rest + line
            self._rest = b"" if line.endswith(b"\n") else whole
            before = len(whole) - len(line)
            start = self._find(whole.rstrip(b"\r\n"), has_variables=_has_variable(step.text))
            if start is None:
                kept += line
                continue
            start = max(0, start - before)
            if not (secret := line[start:].strip()):
                kept += line  # the end of a line whose credential stands in the octets before
                continue
            self._note(step, secret)
            end = line[len(line.rstrip(b"\r\n")) :]
            if kept:
                steps.append(replace(step, text=client_text(kept)))
            kept, masked = b"", True
            steps.append(replace(step, text=client_text(line[:start]) + SASL_MARK + client_text(end)))
        if not masked:
            yield step
            return
        yield from steps
        if kept:
            yield replace(step, text=client_text(kept))

    def _find(self, line: bytes, *, has_variables: bool) -> int | None:
        """Return where the credential in a line begins; None if it has none, or a variable in its place."""
        start = self._follow(line, has_variables=has_variables)
        if start is None and self._user_line:
            if self._exchange.answers:
                self._forget_user_line()
            self._user_line = 0
        return start

    def _follow(self, line: bytes, *, has_variables: bool) -> int | None:
        if self._in_data or self._data_asked:
            self._data_asked, self._in_data = False, line != b"."
            return None
        command = Command(line)
        self._data_asked = command.verb == "DATA" and not self._exchange.challenged
        chunk = bdat_chunk(line)
        self._chunk_left = chunk.size if chunk else 0
        start = self._exchange.send(line)
        if start is None:
            return None
        secret = line[start:].strip()
        if self._exchange.answers and secret in OPEN_RESPONSES:
            return None
        return None if has_variables and re.fullmatch(_VARIABLES, secret) else start

    def _note(self, step: Step, secret: bytes) -> None:
        if self._variables:
            self.used |= self._variables.keys() & Template.parse(step.text).names
        self._echo.add_octets(secret, decoded=not self._exchange.names_user)
        self._user_line = step.line if self._exchange.names_user else 0
        if step.line != self._last_line:
            self._last_line = step.line
            self.count += 1
            if len(self.lines) < MOST_NAMED:
                self.lines.append(step.line)

    def _forget_user_line(self) -> None:
        """Count a user name no more: what follows it is no password that stands in the file."""
        if self.lines[-1:] == [self._user_line]:
            self.lines.pop()
        self.count -= 1

    def _receive(self, step: Step) -> None:
        """Note the reply that ends with this line, if its code is certain."""
        # Most lines have no escape: this makes masking 8 % faster.
        octets = step.octets if "\\" in step.text else step.text.encode()
        found = _FINAL_LINE.match(octets)
        if found is None or step.marker is Marker.SERVER_MATCHES:
            return
        code = int(found.group())
        self._exchange.receive(code, octets[found.end() :].strip() if code == 334 else b"")
        if self._data_asked:
            self._data_asked, self._in_data = False, code == 354


def masked_steps(steps: Iterable[Step], mask: CredentialMask) -> Iterator[Step]:
    """Yield steps without their credentials.

    Args:
        steps: The steps, as a stream.
        mask: Finds them, and knows afterwards in which lines they stood.
    """
    for step in steps:
        yield from mask.mask(step)


def with_echo_masked(steps: Iterable[Step], variables: Mapping[str, str]) -> Iterator[Step]:
    """Yield steps to be replayed: client lines as they are, and without what the server sent back of their credentials.

    What the server sends back now is masked too, so the two are equal when they are compared.

    Args:
        steps: The steps, as a stream.
        variables: Defaults of variables from the header.
    """
    mask = CredentialMask(variables)
    for step in steps:
        masked = mask.mask(step)
        yield step if step.marker in CLIENT_LINES else masked[0]


def are_hidden(header: Header | None) -> bool:
    """Return whether credentials in a transcript are hidden: its header does not say that they are included."""
    return header is None or not header.secrets_included


def where_they_stand(mask: CredentialMask) -> str:
    """Return the lines with credentials as the start of a sentence, such as `line 3 holds a credential`."""
    *first, last = map(_place, mask.lines)
    if not first:
        return f"line {last} holds a credential"
    more = mask.count - len(mask.lines)
    places = f"{', '.join([*first, last])} and {more:,} more" if more else f"{', '.join(first)} and {last}"
    return f"lines {places} hold credentials"


def _place(line: int) -> str:
    file = file_of(line)
    return f"{line} of {file}" if file else str(line)


def masking_warning(name: str, mask: CredentialMask, remark: str = "") -> str:
    """Return the warning about a transcript whose credentials were masked; empty if there were none.

    Args:
        name: The transcript's name, escaped.
        mask: What has masked them.
        remark: What shows them; empty for why they are masked.
    """
    if not mask.count:
        return ""
    masked = "which is masked" if mask.count == 1 else "which are masked"
    if not remark and not mask.is_foreign:
        remark = "the header does not say `Secrets: included`"
    return f"{name}: {where_they_stand(mask)}, {masked} here{'; ' if remark else ''}{remark}."


def without_credential(text: str) -> str:
    """Return a text without what may be a credential in it, to be quoted in a message."""
    return CredentialMask().quote(text)


def may_be_base64(word: bytes) -> bool:
    """Return whether a word is base64 that is not likely to be a word of a language."""
    return (
        len(word) >= _SHORTEST and decode_base64(word) is not None and re.search(rb"[0-9+/=]|.[A-Z]", word) is not None
    )


def _has_variable(text: str) -> bool:
    return "${" in text
