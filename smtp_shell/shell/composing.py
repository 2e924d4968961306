"""`/compose`: what it is given, and what it asks for."""

from __future__ import annotations

from typing import TYPE_CHECKING

from msgspec.structs import replace

from smtp_shell.config import user_path
from smtp_shell.errors import SmtpShellError, UsageError
from smtp_shell.message.draft import Draft, with_field
from smtp_shell.shell.composition import Composition, draft_of_template, edited, read_text
from smtp_shell.transcript.variables import parse_assignment

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from smtp_shell.shell.shell import Shell

_FIELDS = ("--from", "--to", "--cc", "--bcc", "--subject")
_HOW_TO_END = "The text; a dot alone on a line ends it. /compose --editor opens an editor."


def current(shell: Shell) -> Composition:
    """Return the message that is being composed.

    Raises:
        UsageError: There is none.
    """
    if shell.composition is None:
        raise UsageError("there is no draft; /compose begins one.")
    return shell.composition


def begun(shell: Shell, *, new: bool = False) -> Composition:
    """Return the message that is being composed, or a new one where there is none, or it has been sent."""
    if new or shell.composition is None or shell.composition.is_sent:
        return Composition.begin()
    return shell.composition


def with_options(shell: Shell, composition: Composition, options: Mapping[str, Sequence[str]]) -> Composition:
    """Return a composition with what the options of `/compose` say.

    Raises:
        UsageError: An option's value cannot be, or a file cannot be read.
        NotSendable: A value holds CR, LF or NUL.
    """
    if len({"--body", "--text"} & options.keys()) > 1:
        raise UsageError("/compose: --body has the text and --text a file with it; leave one out.")
    draft = composition.draft
    if "--template" in options:
        path = user_path(options["--template"][0])
        ask = _ask_for_variable(shell) if shell.options.interactive else None
        draft = draft_of_template(draft, read_text(path, "--template"), _values(options.get("--var", ())), ask)
    elif "--var" in options:
        raise UsageError("/compose: --var has a meaning with --template FILE only; leave it out.")
    for name in _FIELDS:
        if name in options:
            draft = with_field(draft, name.removeprefix("--").capitalize(), ", ".join(options[name]))
    if "--body" in options:
        draft = replace(draft, body=options["--body"][0])
    for name, field in (("--text", "body"), ("--html", "html")):
        if name in options:
            draft = replace(draft, **{field: read_text(user_path(options[name][0]), name)})
    if "--editor" in options:
        if not shell.options.interactive:
            raise UsageError("/compose --editor: nobody is there to edit; use --body TEXT or --text FILE.")
        draft = replace(draft, body=edited(draft.body))
    return replace(composition, draft=draft, smtputf8=composition.smtputf8 or "--smtputf8" in options)


def ask_for_the_rest(shell: Shell, composition: Composition) -> Composition:
    """Return a composition with what it lacked: its author, a recipient, a subject, a text. What is not missing is not asked for."""
    draft = composition.draft
    for name, is_there in (("From", draft.from_), ("To", draft.recipients), ("Subject", draft.subject)):
        if not is_there:
            draft = _ask_for_field(shell, draft, name)
    if not (draft.body or draft.html):
        draft = replace(draft, body=_ask_for_body(shell))
    return replace(composition, draft=draft)


def check_whole(draft: Draft) -> None:
    """Check that a draft can be sent.

    Raises:
        UsageError: It has no author or no recipient.
    """
    for what, option, is_there in (("From", "--from", draft.from_), ("recipient", "--to", draft.recipients)):
        if not is_there:
            raise UsageError(f"the draft has no {what}; say /compose {option} ADDRESS. Nothing was sent.")


def _ask_for_field(shell: Shell, draft: Draft, name: str) -> Draft:
    """Ask for a field until the answer is one. An empty answer leaves a subject out, and ends the command for an address."""
    while True:
        answer = shell.ask(f"{name}: ", False).strip()
        if not answer and name != "Subject":
            raise UsageError(f"/compose: no {name}; the draft is as it was.")
        try:
            return with_field(draft, name, answer)
        except SmtpShellError as error:
            shell.say_loudly(str(error))


def _ask_for_body(shell: Shell) -> str:
    shell.say(_HOW_TO_END)
    lines: list[str] = []
    while True:
        for line in shell.ask("text> ", False).split("\n"):
            if line == ".":
                return "".join(f"{each}\n" for each in lines)
            lines.append(line)


def _ask_for_variable(shell: Shell) -> Callable[[str], str]:
    return lambda name: shell.ask(f"{name}: ", False)


def _values(assignments: Sequence[str]) -> dict[str, str]:
    try:
        return dict(map(parse_assignment, assignments))
    except ValueError as error:
        raise UsageError(f"/compose --var: {error}.") from None
