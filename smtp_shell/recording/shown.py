"""A transcript as it may be shown: without the credentials that stand in it."""

from __future__ import annotations

import os.path
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import TYPE_CHECKING, BinaryIO

from msgspec.structs import replace

from smtp_shell.protocol.masking import MASK
from smtp_shell.recording.decoder import entries
from smtp_shell.transcript.credentials import CredentialMask, are_hidden, masked_steps, may_be_base64
from smtp_shell.transcript.reader import open_transcript

if TYPE_CHECKING:
    from pathlib import Path

    from smtp_shell.protocol.events import Entry
    from smtp_shell.transcript.header import Header
    from smtp_shell.transcript.step import Step


@contextmanager
def shown_transcript(
    path: Path, *, bodies: bool = False, includes: bool = False, opened: Callable[[BinaryIO], None] | None = None
) -> Iterator[tuple[str, Iterator[Entry], CredentialMask]]:
    """Open a transcript to show it: without the credentials in it, unless its header says that they are included.

    Args:
        path: The file.
        bodies: Whether to read the mail data that stands in files beside it.
        includes: Whether to read the transcripts that it includes, too.
        opened: Called with the file before it is read, for whoever follows how far that is.

    Yields:
        Its name, escaped; its entries; and what masks the credentials, which knows afterwards where they stood.

    Raises:
        TranscriptError: It cannot be opened or read.
    """
    with open_transcript(path, keep_secrets=True, opened=opened) as reader:
        header, folder = reader.header, path.parent if bodies else None
        steps: Iterable[Step] = reader
        if includes:
            from smtp_shell.transcript.including import with_includes

            steps = with_includes(reader, path)
        if are_hidden(header):
            mask = CredentialMask(header.variables if header else None, is_foreign=bool(reader.taken_for))
            yield reader.name, entries(masked_steps(steps, mask), folder, without_variables(path, header)), mask
        else:
            yield reader.name, entries(steps, folder, header), CredentialMask()


def without_variables(path: Path, header: Header | None, value: str | None = MASK) -> Header | None:
    """Return a transcript's header without the variables that stand in a credential's place.

    The steps are read for that where the header has variables, before those of the caller. What is no file can be read only once: there
    every variable counts whose value looks like a credential.

    Args:
        path: The transcript.
        header: Its header.
        value: What to show in place of a value; None to leave out the field.

    Raises:
        TranscriptError: The transcript cannot be read.
    """
    variables = header.variables if header is not None else {}
    if header is None or not variables:
        return header
    if os.path.isfile(path):
        mask = CredentialMask(variables)
        with open_transcript(path) as reader:
            for _ in masked_steps(reader, mask):
                pass
        hidden = mask.used
    else:
        hidden = {name for name, text in variables.items() if may_be_base64(text.encode("utf-8", "replace"))}
    kept = []
    for name, text in header.fields:
        variable = text.partition("=")[0] if name.lower() == "var" else ""
        if variable not in hidden:
            kept.append((name, text))
        elif value is not None:
            kept.append((name, f"{variable}={value}"))
    return replace(header, fields=tuple(kept))
