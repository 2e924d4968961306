"""The message that is being composed in a shell: the draft, with what it is given when it begins."""

from __future__ import annotations

import errno
import os
import re
import signal
import subprocess
import sys
import tempfile
import threading
from collections.abc import Callable, Iterable, Iterator, Mapping
from contextlib import contextmanager, suppress
from pathlib import Path
from uuid import uuid4

from msgspec import Struct
from msgspec.structs import replace

from smtp_shell.config import child_environment
from smtp_shell.errors import UsageError
from smtp_shell.message.draft import Draft, with_field
from smtp_shell.private_files import reason_of, stream_of
from smtp_shell.programs import program_file, words_of
from smtp_shell.protocol.octets import SINGLE, escape_str, quoted
from smtp_shell.shell.terminal_echo import usual_echo
from smtp_shell.transcript.variables import Template, Variables, local_now, rfc5322_date

_MOST_TEXT = 16 * 1024 * 1024  # octets of a text, which is kept in memory; larger ones are attached
_FIELD = re.compile(r"([!-9;-~]+):[ \t]*(.*)", re.DOTALL)


class Composition(Struct, frozen=True):
    """A message that is being composed.

    Args:
        draft: What its author has decided.
        date: The Date field, where the author names none.
        message_id: The Message-ID field, where the author names none.
        smtputf8: Whether the author wants the header in UTF-8.
        is_sent: Whether a server has taken it.
    """

    draft: Draft
    date: str
    message_id: str
    smtputf8: bool = False
    is_sent: bool = False

    @classmethod
    def begin(cls, draft: Draft | None = None, *, smtputf8: bool = False) -> Composition:
        """Return a new composition, with the time in the local time zone and an identifier of its own.

        Source: RFC 5322 sections 3.6.1 and 3.6.4
        """
        return cls(draft or Draft(), rfc5322_date(local_now()), uuid4().hex, smtputf8)

    @property
    def whole(self) -> Draft:
        """The draft as it is sent, with its date and its identifier."""
        draft = self.draft
        domain = draft.from_[0].ascii_address.rpartition("@")[2] if draft.from_ else "localhost"
        is_literal = domain.startswith("[")
        message_id = f"<{self.message_id}@{'localhost' if is_literal else domain}>"
        return replace(draft, date=draft.date or self.date, message_id=draft.message_id or message_id)


def complete(draft: Draft) -> Draft:
    """Return a draft with the date of now in the local time zone, and a Message-ID, where it has none."""
    return Composition.begin(draft).whole


def read_text(path: Path, what: str) -> str:
    """Return the text of a file, in UTF-8.

    Args:
        path: The file.
        what: What it is for, for messages.

    Raises:
        UsageError: It cannot be read, is too large, or is not UTF-8.
    """
    name = quoted(escape_str(str(path)), SINGLE)
    try:
        with path.open("rb") as stream:
            octets = stream.read(_MOST_TEXT + 1)
        if len(octets) > _MOST_TEXT:
            raise UsageError(f"{what}: {name} is larger than {_MOST_TEXT:,} octets; attach it as a file.")
        return octets.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        raise UsageError(f"{what}: {name} is not UTF-8 at octet {error.start:,}; convert it, or attach it.") from None
    except (OSError, ValueError) as error:
        reason = error.strerror if isinstance(error, OSError) else "there can be no such name"
        raise UsageError(f"{what}: {name} cannot be read: {reason}.") from None


def draft_of_template(
    draft: Draft, text: str, values: Mapping[str, str], ask: Callable[[str], str] | None = None
) -> Draft:
    r"""Return a draft with the fields and the text of a template.

    A template is a message: fields, an empty line, text. `${name}` is replaced by a value, `\${` stands for `${`.

    Args:
        draft: The draft to begin with.
        text: The template.
        values: Values of variables, by name.
        ask: Returns the value of a variable that has none; None where nobody can be asked.

    Raises:
        UsageError: A variable has no value, or a field cannot be.
        NotSendable: A value holds CR, LF or NUL.
    """
    fields, body = _split(text)
    variables = Variables(values)
    try:
        templates = [(name, Template.of_text(value)) for name, value in fields]
        of_body = Template.of_text(body)
    except ValueError as error:
        raise UsageError(f"--template: {error}.") from None
    names = _names([*(each for _, each in templates), of_body])
    if ask is not None:
        missing = [name for name in names if name not in variables.names]
        variables = Variables({**values, **{name: ask(name) for name in missing}})
    variables.require(names)
    for name, template in templates:
        draft = with_field(draft, name, _expanded(template, variables))
    return replace(draft, body=_expanded(of_body, variables)) if body else draft


def _names(templates: Iterable[Template]) -> list[str]:
    """Return the variables of templates, in the order of their first places."""
    return list(dict.fromkeys(part for each in templates for part in each.parts if isinstance(part, str)))


def _expanded(template: Template, variables: Variables) -> str:
    return template.expand(variables.value).decode("utf-8", "surrogateescape")


def _split(text: str) -> tuple[list[tuple[str, str]], str]:
    """Return the fields of a template, and its text. A file that begins with no field is text alone."""
    lines = re.split(r"\r\n|\r|\n", text)
    fields: list[tuple[str, str]] = []
    for number, line in enumerate(lines):
        if not line:
            return (fields, "\n".join(lines[number + 1 :])) if fields else ([], text)
        match = _FIELD.fullmatch(line)
        if line[0] in " \t" and fields:
            fields[-1] = fields[-1][0], f"{fields[-1][1]} {line.strip()}".strip()
        elif match is None:
            return [], text
        else:
            fields.append((match[1], match[2]))
    return fields, ""


@contextmanager
def _ctrl_c_for_the_editor() -> Iterator[None]:
    """Leave Ctrl-C to the editor. A handler of ours is not inherited, as an ignored signal would be."""
    if threading.current_thread() is not threading.main_thread():
        yield
        return
    before = signal.signal(signal.SIGINT, lambda number, frame: None)
    try:
        yield
    finally:
        signal.signal(signal.SIGINT, before)


def _file_with(text: str) -> Path:
    """Return a new file for the editor, of mode 0600, which holds a text.

    Raises:
        UsageError: There is no place for one.
    """
    path = None
    try:
        handle, file = tempfile.mkstemp(prefix="smtp-shell-", suffix=".txt")
        path = Path(file)
        with stream_of(handle, "wb") as stream:
            stream.write(text.encode("utf-8", "surrogateescape"))
    except OSError as error:
        if path is not None:
            path.unlink(missing_ok=True)
        raise UsageError(
            f"no file can be made for the editor: {reason_of(error)}; set TMPDIR to a folder with room."
        ) from None
    return path


def edited(text: str) -> str:
    """Return a text after the user has changed it in an editor: $VISUAL, else $EDITOR, else the system's own.

    Raises:
        UsageError: There is no such editor, or no file for it, or it failed; the text is as it was.
    """
    named = (os.environ.get("VISUAL", ""), os.environ.get("EDITOR", ""), "notepad" if sys.platform == "win32" else "vi")
    command = next(each for each in named if each.strip())
    name = quoted(escape_str(command), SINGLE)
    path = _file_with(text)
    try:
        try:
            words = words_of(command)
            program = program_file(words[0])
            if program is None:
                raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT))
            arguments = [program, *words[1:], str(path)]
            with usual_echo(), _ctrl_c_for_the_editor():
                status = subprocess.run(arguments, check=False, env=child_environment()).returncode
        except (OSError, ValueError) as error:
            reason = error.strerror if isinstance(error, OSError) else "a quote is not closed"
            raise UsageError(f"the editor {name} cannot be started: {reason}; set VISUAL or EDITOR.") from None
        if status:
            raise UsageError(f"the editor {name} ended with status {status}; the text is as it was.")
        return read_text(path, "the editor's file")
    finally:
        with suppress(OSError):
            path.unlink()
