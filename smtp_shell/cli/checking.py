"""`smtp-shell replay --check`: all files are checked, and all that is wrong is reported; nothing is sent."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from msgspec.structs import replace

from smtp_shell.errors import UsageError
from smtp_shell.replay.checking import CheckResult, check_transcript
from smtp_shell.replay.reporters.inert import inert
from smtp_shell.replay.reporters.json import json_line
from smtp_shell.replay.reporters.text import paint
from smtp_shell.replay.runner import find_transcripts

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator

    from smtp_shell.client.credentials import CredentialSource
    from smtp_shell.replay.settings import ReplaySettings

_BAD = 2
_COLOURS = {"error": "31", "warning": "33"}


def run_check(options: argparse.Namespace, settings: ReplaySettings, source: CredentialSource, *, color: bool) -> int:
    """Check transcripts, and print what was found.

    Args:
        options: The parsed options.
        settings: How they would be replayed.
        source: The source of credentials.
        color: Whether text has colours.

    Returns:
        The exit status: 0 if all can be replayed, else 2.

    Raises:
        UsageError: An option makes no sense here, or a folder has no transcripts.
    """
    for name, is_there in (
        ("--update", options.update),
        ("--step", options.step),
        ("--record", options.record is not None),
        ("--repeat", options.repeat > 1),
        ("--jobs", options.jobs > 1),
        ("--print", bool(options.print_names)),
        *((f"--{each}", getattr(options, each) is not None) for each in ("junit", "tap", "html")),
    ):
        if is_there:
            raise UsageError(f"--check sends nothing, and has no replay to report; leave out {name}.")
    settings = replace(settings, server=(options.server or [None])[0])
    checked = failed = 0
    variables = set[str]()
    for path in find_transcripts(options.files):
        result = check_transcript(path, settings, source.missing)
        checked, failed = checked + 1, failed + (not result.ok)
        variables |= set(result.variables)
        for line in _json(result) if options.json else _text(result, color=color, quiet=options.only_failures):
            sys.stdout.write(f"{line}\n")
        sys.stdout.flush()
    status = _BAD if failed else 0
    unused = sorted(settings.variables.keys() - variables) if not failed else []
    if unused:
        raise UsageError(f"--var {', '.join(unused)}: no transcript has such a variable in a client line.")
    if options.json:
        summary: dict[str, object] = {"summary": True, "checked": checked, "failed": failed, "exit_status": status}
        sys.stdout.write(f"{json_line(summary, ('exit_status', 'checked', 'failed'))}\n")
    else:
        noun = "transcript" if checked == 1 else "transcripts"
        sys.stdout.write(f"{checked:,} {noun} checked, {failed:,} cannot be replayed\n")
    return status


def _text(result: CheckResult, *, color: bool, quiet: bool) -> Iterator[str]:
    for remark in result.remarks:
        if quiet and result.ok:
            continue
        where = f"{result.path}:{remark.line}" if remark.line else result.path
        word = paint(remark.severity, _COLOURS[remark.severity]) if color else remark.severity
        yield inert(f"{where}: {word}: {remark.message}")
    if result.ok and not quiet:
        yield inert(f"ok    {result.path}: {', '.join(_facts(result))}")


def _facts(result: CheckResult) -> Iterator[str]:
    yield f"{result.steps:,} lines"
    yield f"for {result.server}" if result.server else "names no server"
    names = [name for name in result.variables if name != "sasl"]
    if names:
        yield f"variables {' '.join(names)}"
    if result.captures:
        yield f"captures {' '.join(result.captures)}"
    if result.mechanisms:
        user = f" of {result.user}" if result.user else ""
        there = "missing" if result.missing else "there"
        yield f"credentials{user} for {' '.join(result.mechanisms)}: {there}"


def _json(result: CheckResult) -> Iterator[str]:
    for remark in result.remarks:
        yield json_line(
            {"file": result.path, "line": remark.line, "severity": remark.severity.value, "message": remark.message}
        )
    values: dict[str, object] = {
        "file": result.path,
        "ok": result.ok,
        "steps": result.steps,
        "server": result.server,
        "variables": list(result.variables),
        "captures": list(result.captures),
        "mechanisms": list(result.mechanisms),
        "user": result.user,
        "missing": result.missing,
    }
    yield json_line(values, ("ok", "steps"))
