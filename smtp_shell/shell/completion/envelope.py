"""What may follow `mail`, `rcpt` and the commands about a client: addresses, and the parameters that this server announced."""

from __future__ import annotations

import re
from collections.abc import Iterator
from typing import TYPE_CHECKING

from smtp_shell.shell.completion.places import paths

if TYPE_CHECKING:
    from smtp_shell.protocol.replies import Extensions
    from smtp_shell.shell.completion.context import Candidates, CompletionContext

_FILE_BEGINS = re.compile(r"[ \t]<[ \t]*[^<> \t]*$")
_PATH_BEGINS = re.compile(r"(?:from:|to:)?[ \t]*<?", re.IGNORECASE)


def mail_parameters(context: CompletionContext, text: str) -> Iterator[tuple[str, str]]:
    """Yield what may follow `mail`: addresses, the parameters that this server announced, and files after `<`."""
    if _FILE_BEGINS.search(text) and not text.lower().startswith("from:"):
        return paths(context, text)
    return _path_and_parameters(context, text, "MAIL")


def rcpt_parameters(context: CompletionContext, text: str) -> Iterator[tuple[str, str]]:
    """Yield what may follow `rcpt`: addresses, and the parameters that this server announced."""
    return _path_and_parameters(context, text, "RCPT")


def _path_and_parameters(context: CompletionContext, text: str, verb: str) -> Iterator[tuple[str, str]]:
    if " " in text.lstrip() and context.extensions is not None:
        yield from _announced_parameters(context.extensions, verb, text)
    # An address may stand in a path, as in MAIL FROM:<ann@example.org>, and need not.
    word = text.rpartition(" ")[2]
    begun = _PATH_BEGINS.match(word)
    begin = begun[0] if begun is not None else ""
    for address in context.addresses.fitting(word.removeprefix(begin), context.history):
        yield f"{begin}{address}{'>' if begin.endswith('<') else ''}", "typed before"


def _announced_parameters(extensions: Extensions, verb: str, text: str) -> Iterator[tuple[str, str]]:
    """Yield the parameters of a command that were announced and are not in the line yet, each with its usual values."""
    from smtp_shell.protocol.parameters import PARAMETERS

    *before, typed = text.upper().split(" ")
    there = {word.partition("=")[0] for word in before}
    for name, row in PARAMETERS.items():
        if verb not in row.commands or name in there:
            continue
        source = row.source.partition(" section")[0]
        for value in row.values:
            if all(each in extensions for each in row.extensions(value.text)):
                yield (
                    f"{name}={value.text}",
                    value.meaning if "(RFC" in value.meaning else f"{value.meaning} ({source})",
                )
        if row.extension in extensions and not row.values and not typed.startswith(f"{name}="):
            yield f"{name}=" if row.form and not row.is_optional else name, f"{row.meaning} ({source})"


def client_attributes(verb: str) -> Candidates:
    """Return what completes XCLIENT or XFORWARD: the attributes that this server announced.

    Args:
        verb: The command, upper-case.
    """

    def complete(context: CompletionContext, text: str) -> Iterator[tuple[str, str]]:
        from smtp_shell.protocol.announcements import announcement
        from smtp_shell.protocol.client_attributes import ATTRIBUTES

        extensions = context.extensions
        if extensions is None or verb not in extensions:
            return
        there = {word.partition("=")[0].upper() for word in text.split(" ")[:-1]}
        for name in announcement(verb, extensions.keywords[verb]).names:
            if name not in there:
                yield f"{name}=", ATTRIBUTES.get(name, "announced by this server")

    return complete
