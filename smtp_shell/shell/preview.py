"""A draft as it will go over the wire: its octets, each encoded field beside its meaning, and what the linter says."""

from __future__ import annotations

import itertools
import re
from collections import deque
from collections.abc import Iterator, Sequence
from typing import TYPE_CHECKING

from smtp_shell.message.building import Enclosed, Layout
from smtp_shell.protocol.octets import CRLF, escape, escape_str

if TYPE_CHECKING:
    from smtp_shell.lint.findings import Finding
    from smtp_shell.message.draft import Draft
    from smtp_shell.message.fields import Field
    from smtp_shell.shell.shell import Shell

_MOST_LINES = 60  # of the parts that are in memory
_LINES_OF_A_FILE = 2
_LONGEST = 2000
_MOST_MEANING = 240  # characters of its first line
_DISPOSITION = b"Content-Disposition:"
_OF_PARTS = ("Content-Disposition", "Content-Transfer-Encoding")
_STYLES = {"error": "reply.5", "warning": "reply.4", "advice": "decoded"}


def show_preview(shell: Shell, draft: Draft, layout: Layout) -> None:
    """Show a message that is ready to be sent, and what the linter says about it. Attachments are not linted: base64 has no faults.

    Args:
        shell: The shell.
        draft: The draft.
        layout: Its octets.
    """
    from smtp_shell.lint.files import lint_message

    findings = lint_message(b"".join(each for each in layout.parts if isinstance(each, bytes)))
    shell.view.answer(_all_rows(draft, layout, findings), [_facts(draft, layout, findings)])


def _all_rows(draft: Draft, layout: Layout, findings: Sequence[Finding]) -> Iterator[tuple[str, str]]:
    header = "the header in UTF-8 (SMTPUTF8, RFC 6532)" if _is_in_utf8(layout) else "the header in ASCII"
    yield f"  {layout.size:,} octets, {header}:", "event"
    for text, style in _rows(layout):
        yield f"  {text}".rstrip(), style
    yield f"  {_envelope(draft)}", "event"
    for finding in findings:
        yield f"  lint: {finding}", _STYLES[finding.severity]


def _facts(draft: Draft, layout: Layout, findings: Sequence[Finding]) -> dict[str, object]:
    sender = {"from": escape_str(draft.sender.address)} if draft.sender else {}
    return {
        "what": "draft",
        "octets": layout.size,
        "smtputf8": _is_in_utf8(layout),
        **sender,
        "to": [escape_str(each.address) for each in draft.recipients],
        "fields": [
            {
                "name": each.name,
                "value": escape_str(each.value),
                "meaning": escape_str(each.meaning),
                "rules": list(each.rules),
            }
            for each in layout.fields
        ],
        "attachments": [escape_str(each.shown_name) for each in draft.attachments],
        "lint": [{"rule": each.rule, "severity": each.severity, "message": each.message} for each in findings],
    }


def _is_in_utf8(layout: Layout) -> bool:
    return any(not field.value.isascii() for field in layout.fields)


def _envelope(draft: Draft) -> str:
    sender = draft.sender
    recipients = ", ".join(escape_str(each.address) for each in draft.recipients) or "nobody yet"
    unseen = f" (Bcc, in the envelope only: {len(draft.bcc)})" if draft.bcc else ""
    return f"envelope: from {escape_str(sender.address) if sender else 'nobody yet'} to {recipients}{unseen}"


def _rows(layout: Layout) -> Iterator[tuple[str, str]]:
    """Yield the lines of a message, and under each encoded field its meaning, each with its style."""
    header = [field for field in layout.fields if field.name not in _OF_PARTS]
    of_parts = deque(field for field in layout.fields if field.name in _OF_PARTS)
    rest = layout.parts[0]
    assert isinstance(rest, bytes)
    for field in header:
        yield from field_rows(field)
        rest = rest[len(field.octets) :]
    shown = left_out = 0
    is_after_file = False
    for part in (rest, *layout.parts[1:]):
        if isinstance(part, Enclosed):
            yield from _file_rows(part)
            is_after_file = True
            continue
        part = part.removeprefix(CRLF) if is_after_file else part  # it ends the last line of the file
        is_after_file = False
        for line, is_last in _unfolded(part.removesuffix(CRLF)):
            if of_parts and line + CRLF == of_parts[0].octets:
                yield from field_rows(of_parts.popleft())
            elif shown < _MOST_LINES:
                yield from ((escape(each[:_LONGEST]), "data") for each in line.split(CRLF))
                shown += 1
            else:
                left_out += 1
            if left_out and (is_last or line.startswith(b"--=_")):
                yield f"… {left_out:,} more lines; /compose --save FILE writes all of it", "note"
                left_out, shown = 0, 0


def _unfolded(part: bytes) -> Iterator[tuple[bytes, bool]]:
    """Yield the lines of a part, a folded Content-Disposition as one, and whether each is the last."""
    lines = part.split(CRLF)
    at = 0
    while at < len(lines):
        end = at + 1
        while lines[at].startswith(_DISPOSITION) and end < len(lines) and lines[end].startswith(b" "):
            end += 1
        yield CRLF.join(lines[at:end]), end == len(lines)
        at = end


def field_rows(field: Field) -> Iterator[tuple[str, str]]:
    """Yield a field as it goes over the wire, and its meaning where it is encoded, each with its style."""
    for line in field.octets.removesuffix(CRLF).split(CRLF):
        yield escape(line[:_LONGEST]), "data"
    if field.rules:
        yield f"      means: {_excerpt(field.meaning)}  ({', '.join(field.rules)})", "decoded"


def _excerpt(meaning: str) -> str:
    """Return the first line of a meaning, escaped."""
    first, *more = re.split(r"\r\n|\r|\n", meaning.strip("\r\n"), maxsplit=1)
    return escape_str(first[:_MOST_MEANING]) + ("…" if more or len(first) > _MOST_MEANING else "")


def _file_rows(file: Enclosed) -> Iterator[tuple[str, str]]:
    """Yield the first lines of an attachment. The rest of it is base64 that nobody reads."""
    first = next(iter(file.pieces()), b"") if file.octets else b""
    lines = first.split(CRLF)
    for line in itertools.islice(lines, _LINES_OF_A_FILE):
        yield line.decode("ascii"), "data"
    total = -(-(file.size + len(CRLF)) // 78) if file.octets else 0
    if total > _LINES_OF_A_FILE:
        name = escape_str(file.path.name)
        yield f"… {total - _LINES_OF_A_FILE:,} more lines of base64: {name}, {file.octets:,} octets", "note"
