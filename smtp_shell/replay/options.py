"""Options of a replay, as words: shared by `smtp-shell replay` and the shell's `/replay`."""

from __future__ import annotations

import argparse
import os
import re
from typing import TYPE_CHECKING, TypeAlias, TypeVar

from msgspec.structs import replace

from smtp_shell.arguments import file_path, seconds, whole_number
from smtp_shell.errors import UsageError
from smtp_shell.matching.expectation import Strictness
from smtp_shell.protocol.octets import escape_str
from smtp_shell.replay.results import Act, Decision, PendingStep
from smtp_shell.transcript.included_line import file_of
from smtp_shell.transcript.variables import SASL_MARK, parse_assignment

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable
    from pathlib import Path

    from smtp_shell.client.credentials import Ask, CredentialSource
    from smtp_shell.replay.budget import Budget
    from smtp_shell.replay.credential_finder import CredentialFinder
    from smtp_shell.replay.selection import TagCondition
    from smtp_shell.replay.settings import ReplaySettings

_T = TypeVar("_T")
Edit: TypeAlias = "Callable[[str, str], str]"
"""Asks the user for a line. Takes the question and what the answer begins as; returns the answer."""

_SCHEME = r"^((?:smtps?|lmtp):)/(?!/)"
_SERVER = r"(?:smtps?|lmtp)://.+|[^/\\]*[^/\\:]:[0-9]{1,5}|\[[0-9A-Fa-f:.]+\](?::[0-9]{1,5})?"
_MOST_JOBS = 1_000
_MOST_REPEATS = 1_000_000_000
_ACTS = {"": Act.SEND, "s": Act.SEND, "k": Act.SKIP, "e": Act.EDIT, "g": Act.HAND_OVER, "q": Act.QUIT}
_MENU = "[Enter] send, [k] skip, [e] edit, [g] go on by hand, [q] quit: "


def add_replay_options(parser: argparse.ArgumentParser) -> None:
    """Add the files and the options of a replay to a parser."""
    parser.add_argument(
        "files",
        nargs="+",
        type=file_path,
        metavar="FILE|DIR",
        help="transcripts, and folders of them, subfolders included",
    )
    group = parser.add_argument_group("replay")
    group.add_argument("--server", action="append", metavar="URL", help="server to replay against; may be repeated")
    group.add_argument(
        "--match",
        type=_parsed_by(Strictness.parse),
        metavar="LEVEL",
        help="code, enhanced, keywords, text or exact (default: Match in a transcript's header, else code)",
    )
    group.add_argument("--var", action="append", default=[], metavar="NAME=VALUE", help="value of a variable")
    group.add_argument("--step", action="store_true", help="show each step and ask before it is sent")
    group.add_argument(
        "--overall",
        type=seconds,
        metavar="S",
        help="seconds for a replay in all (default: Limit in its header, else 300)",
    )
    group.add_argument(
        "--repeat", type=whole_number(_MOST_REPEATS), default=1, metavar="N", help="replay each transcript N times"
    )
    group.add_argument(
        "--jobs", type=whole_number(_MOST_JOBS), default=1, metavar="N", help="replay N at a time, a thread each"
    )
    group.add_argument(
        "--send-secrets", action="store_true", help="send credentials that stand in a transcript as they are"
    )
    group.add_argument("--allow-outside", action="store_true", help="let C< name files outside the transcript's folder")


def add_update_options(parser: argparse.ArgumentParser) -> None:
    """Add the options about the transcripts themselves to a parser: `--update` and `--check`."""
    group = parser.add_argument_group("transcripts")
    group.add_argument(
        "--update", action="store_true", help="rewrite expectations from what is received; shows what changes, and asks"
    )
    group.add_argument("--yes", action="store_true", help="write without a question")
    group.add_argument(
        "--check",
        action="store_true",
        help="say all that can be said about the transcripts without a server; send nothing",
    )


def add_suite_options(parser: argparse.ArgumentParser) -> None:
    """Add the options about many transcripts: which of them, in which order, against which servers, and when to stop."""
    group = parser.add_argument_group("suite")
    group.add_argument(
        "--tag",
        action="append",
        default=[],
        type=_parsed_by(_tag_condition),
        metavar="TAG",
        help="only transcripts with this tag; a,b is either, 'not a' is without; if repeated, all must hold",
    )
    group.add_argument(
        "--profiles",
        type=file_path,
        metavar="FILE",
        help="TOML file with a table for each server; --server NAME is one of them, without it all are",
    )
    group.add_argument("--shuffle", action="store_true", help="replay in another order each time, and print its seed")
    group.add_argument(
        "--seed", type=whole_number(_MOST_REPEATS), metavar="N", help="shuffle in the order of this seed"
    )
    group.add_argument(
        "--max-failures",
        type=whole_number(_MOST_REPEATS),
        default=0,
        metavar="N",
        help="stop after N transcripts that differ",
    )
    group.add_argument(
        "-x", dest="max_failures", action="store_const", const=1, help="stop after the first transcript that differs"
    )
    group.add_argument(
        "--budget",
        action="append",
        default=[],
        type=_parsed_by(_budget),
        metavar="p95=50ms",
        help="exit 1 if the steps take longer: p50, p95, p99, max or mean; may be repeated",
    )


def seed_of(options: argparse.Namespace) -> int | None:
    """Return the seed of the order; None where that is the order of the files."""
    if options.seed is not None or not options.shuffle:
        seed: int | None = options.seed
        return seed
    from smtp_shell.replay.selection import new_seed

    return new_seed()


def _parsed_by(parse: Callable[[str], _T]) -> Callable[[str], _T]:
    """Return the type of an option whose parser raises ValueError with a sentence for a user."""

    def read(text: str) -> _T:
        try:
            return parse(text)
        except ValueError as error:
            raise argparse.ArgumentTypeError(str(error)) from None

    return read


def _tag_condition(text: str) -> TagCondition:
    from smtp_shell.replay.selection import TagCondition

    return TagCondition.parse(text)


def _budget(text: str) -> Budget:
    from smtp_shell.replay.budget import Budget

    return Budget.parse(text)


def refuse_servers(files: Iterable[Path]) -> None:
    """Refuse a server among the files: `replay FILE HOST:PORT`.

    Raises:
        UsageError: A file does not exist, and its name is that of a server.
    """
    from smtp_shell.net.target import parse_target

    for file in files:
        if os.path.exists(file):
            continue
        text = re.sub(_SCHEME, r"\1//", str(file))  # a path holds no two slashes in a row
        if re.fullmatch(_SERVER, text):
            parse_target(text)  # refuses a password, which must not be repeated
            shown = escape_str(text)
            raise UsageError(f"{shown} is a server and no file; name it with --server {shown}.")


def with_replay_options(
    settings: ReplaySettings, options: argparse.Namespace, ask: Ask | None, edit: Edit | None = None
) -> ReplaySettings:
    """Return settings with the values of the options that `add_replay_options` adds.

    Args:
        settings: The settings that the caller knows.
        options: The parsed options.
        ask: Asks the user before each step; None where nobody can be asked.
        edit: Asks for a line that begins as the second argument says; None where it cannot begin with anything.

    Raises:
        UsageError: A value of `--var` is not NAME=VALUE.
    """
    try:
        variables = dict(parse_assignment(each) for each in options.var)
    except ValueError as error:
        raise UsageError(f"--var: {error}.") from None
    return replace(
        settings,
        overall=options.overall,
        strictness=options.match,
        variables=variables,
        keep_going=options.keep_going,
        before_step=_step_question(ask, edit) if options.step and ask is not None else None,
        send_secrets=options.send_secrets,
        outside=options.allow_outside,
    )


def find_once(source_of: Callable[[], CredentialSource]) -> CredentialFinder:
    """Return a finder that looks each credential up once for all replays.

    Args:
        source_of: Returns the source of credentials; called when a replay first needs one.
    """
    from smtp_shell.replay.credential_finder import CredentialFinder

    return CredentialFinder(source_of)


def _noted(step: PendingStep) -> str:
    """Return the notes before a step as rows of the screen."""
    return _rows(f"     # {note}" for note in step.notes)


def _rows(lines: Iterable[str]) -> str:
    """Return lines as rows of the screen."""
    found = list(lines)
    if not found:
        return ""
    import shutil

    from smtp_shell.display.columns import wrap

    width = shutil.get_terminal_size().columns
    return "".join(f"{row}\n" for line in found for row in wrap(line, width, quotes=True))


def _step_question(ask: Ask, edit: Edit | None) -> Callable[[PendingStep], Decision]:
    def decide(step: PendingStep) -> Decision:
        question = f"{_noted(step)}{_described(step)}     {_MENU}"
        while True:
            try:
                act = _ACTS.get(ask(question, False).strip().lower())
            except (EOFError, KeyboardInterrupt):
                return Decision(Act.QUIT)
            if act is Act.EDIT:
                if step.is_event:
                    return Decision(Act.EDIT)
                if not step.mail_data:
                    return Decision(Act.EDIT, _edited(step, ask, edit))
            elif act is not None:
                return Decision(act)

    return decide


def _described(step: PendingStep) -> str:
    """Return the rows of the screen that show a step: the line, with its variables filled in, and what it expects."""
    problem = f"     {step.problem}\n" if step.problem else ""
    text = step.text if step.is_event else "\n        ".join(f"C: {line}" for line in step.text.split("\n"))
    filled = [f"     filled in: {line}" for line in step.filled.split("\n")] if step.filled else []
    expected = [f"     expects: {line}" for line in step.expected]
    file = file_of(step.line)
    where = f"{file}:{step.line}" if file else str(step.line)
    return f"{problem}next {where}: {text}\n{_rows([*filled, *expected])}"


def _edited(step: PendingStep, ask: Ask, edit: Edit | None) -> str:
    """Ask for the line to send instead; it begins as it stands in the file.

    What takes the place of a response is one too, and is hidden like any other.
    """
    question = "     send instead: "
    if edit is not None and step.draft and step.text != SASL_MARK:
        return edit(question, step.draft)
    return ask(question, step.text == SASL_MARK)
