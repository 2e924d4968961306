"""`smtp-shell replay --check`: all files are checked, and all that is wrong is reported; nothing is sent."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from msgspec.structs import replace

from smtp_shell.errors import UsageError
from smtp_shell.net.target import Target
from smtp_shell.replay.checking import CheckResult, Remark, check_transcript
from smtp_shell.replay.reporters.inert import inert
from smtp_shell.replay.reporters.json import json_line
from smtp_shell.replay.reporters.text import paint
from smtp_shell.replay.runner import find_transcripts, settings_for
from smtp_shell.replay.selection import select

if TYPE_CHECKING:
    import argparse
    from collections.abc import Iterator, Sequence

    from smtp_shell.client.credentials import CredentialSource
    from smtp_shell.replay.profiles import ProfiledServer
    from smtp_shell.replay.settings import ReplaySettings

_BAD = 2
_COLOURS = {"error": "31", "warning": "33"}


def run_check(
    options: argparse.Namespace,
    settings: ReplaySettings,
    servers: Sequence[str | Target | ProfiledServer],
    source: CredentialSource,
    *,
    color: bool,
) -> int:
    """Check transcripts, and print what was found.

    Args:
        options: The parsed options.
        settings: How they would be replayed.
        servers: What they would be replayed against; none for what they name. Each is checked against each.
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
        ("--shuffle", options.shuffle or options.seed is not None),
        ("--max-failures", options.max_failures > 0),
        ("--budget", bool(options.budget)),
        *((f"--{each}", getattr(options, each) is not None) for each in ("junit", "tap", "html")),
    ):
        if is_there:
            raise UsageError(f"--check sends nothing, and has no replay to report; leave out {name}.")
    checked = failed = 0
    variables = set[str]()
    paths = find_transcripts(options.files)
    for path in select(paths, options.tag):
        is_ok, told = True, set[Remark]()
        for server in servers or (None,):
            result = check_transcript(path, settings_for(server, settings), _source_for(server, source).missing)
            is_ok = is_ok and result.ok
            variables |= set(result.variables)
            result = replace(result, remarks=tuple(each for each in result.remarks if each not in told))
            told.update(result.remarks)
            for line in _json(result) if options.json else _text(result, color=color, quiet=options.only_failures):
                sys.stdout.write(f"{line}\n")
            sys.stdout.flush()
        checked, failed = checked + 1, failed + (not is_ok)
    status = _BAD if failed else 0
    unused = sorted(settings.variables.keys() - variables) if not failed else []
    if unused:
        raise UsageError(f"--var {', '.join(unused)}: no transcript has such a variable in a client line.")
    if options.json:
        summary: dict[str, object] = {"summary": True, "checked": checked, "failed": failed, "exit_status": status}
        sys.stdout.write(f"{json_line(summary, ('exit_status', 'checked', 'failed'))}\n")
    else:
        noun = "transcript" if checked == 1 else "transcripts"
        more = f", {len(paths) - checked:,} not selected by --tag" if options.tag else ""
        sys.stdout.write(f"{checked:,} {noun} checked, {failed:,} cannot be replayed{more}\n")
    return status


def _source_for(server: str | Target | ProfiledServer | None, source: CredentialSource) -> CredentialSource:
    return source if server is None or isinstance(server, str | Target) else server.own_source(source)


def _text(result: CheckResult, *, color: bool, quiet: bool) -> Iterator[str]:
    for remark in result.remarks:
        if quiet and result.ok:
            continue
        path = remark.file or result.path
        where = f"{path}:{remark.line}" if remark.line else path
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
            {
                "file": remark.file or result.path,
                "line": remark.line,
                "severity": remark.severity.value,
                "message": remark.message,
            }
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
