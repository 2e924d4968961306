"""`smtp-shell doctor`: what this machine and terminal can do, and with a host, which of its ports this network reaches.

Without a host nothing leaves the machine.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from smtp_shell.cli.options import (
    add_color_option,
    command_parser,
    connect_settings,
    make_view,
    server_options,
    tls_settings,
)
from smtp_shell.protocol.octets import escape_str

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from smtp_shell.arguments import ArgumentParser
    from smtp_shell.cli.diagnosis import Finding
    from smtp_shell.client.survey import Plan, Survey
    from smtp_shell.display.views import View
    from smtp_shell.net.target import Target

_PORTS = "25,465/tls,587"
_SECONDS = 10.0
_LABEL = 13

_EXAMPLES = (
    ("smtp-shell doctor", "this machine; nothing uses the network"),
    ("smtp-shell doctor mail.example.org", "which ports does this network reach?"),
)


def main(words: Sequence[str]) -> int:
    """Run `smtp-shell doctor`.

    Args:
        words: The arguments after `doctor`.

    Returns:
        The exit status: 1 if there is a problem, 3 if none of the host's ports was reached.

    Raises:
        SmtpShellError: An option is wrong.
    """
    options = make_parser().parse_args(words)
    targets, plan = _asked(options)
    view = make_view(options)
    problems = _show_machine(view, everything=not targets)
    is_reached = True
    if targets:
        surveys = _survey(targets, plan)
        problems += _show_ports(view, surveys)
        is_reached = any(each.is_reached for each in surveys)
    status = 3 if not is_reached else 1 if problems else 0
    summary = f"{problems or 'No'} {'problem' if problems == 1 else 'problems'} found."
    if not is_reached:
        summary = "No port was reached."
    view.answer([(summary, "error" if status else "event")], [{"problems": problems, "exit_status": status}])
    return status


def make_parser() -> ArgumentParser:
    """Return the parser of the command."""
    parser = command_parser("doctor", examples=_EXAMPLES)
    parser.add_argument(
        "host", nargs="?", metavar="HOST", help="mail server whose ports are tried; without it nothing uses the network"
    )
    parser.add_argument(
        "--ports", metavar="N,N", help=f"ports to try, at most four; N/tls: TLS from the first octet (default {_PORTS})"
    )
    parser.add_argument("--json", action="store_true", help="one JSON object a line")
    add_color_option(parser)
    server_options(parser.add_argument_group("how the host is reached").add_argument)
    return parser


def _asked(options: argparse.Namespace) -> tuple[list[Target], Plan | None]:
    """Return the ports to try, none without a host, and how to try them.

    Raises:
        SmtpShellError: An option is wrong.
    """
    if options.host is None:
        if options.ports is not None:
            from smtp_shell.errors import UsageError

            raise UsageError("doctor --ports needs a host: smtp-shell doctor HOST --ports 25,587.")
        return [], None
    from smtp_shell.client.survey import Plan
    from smtp_shell.config import Timeouts
    from smtp_shell.shell.probe import probe_targets

    targets = probe_targets(options.host, options.ports or _PORTS, "doctor")
    patience = options.timeout or _SECONDS
    return targets, Plan(tls_settings(options), connect_settings(options), Timeouts().all(patience), 2 * patience)


def _show_machine(view: View, *, everything: bool) -> int:
    """Show what there is to know about this machine, everything or the problems; return how many problems there are."""
    from smtp_shell.cli.diagnosis import Verdict, machine_findings

    problems = 0
    for each in machine_findings():
        problems += each.verdict is Verdict.PROBLEM
        if everything or each.verdict is Verdict.PROBLEM:
            view.answer([_row(each)], [_fields(each)])
    return problems


def _row(finding: Finding) -> tuple[str, str]:
    """Return a finding as a row, and its style: what it means is a word, not a colour."""
    from smtp_shell.cli.diagnosis import Verdict

    words = {Verdict.OK: "", Verdict.NOTE: "note: ", Verdict.PROBLEM: "PROBLEM: "}[finding.verdict]
    advice = f"; {finding.advice}" if finding.advice else ""
    style = "error" if finding.verdict is Verdict.PROBLEM else "quoted"
    return f"  {finding.about:{_LABEL}} {words}{finding.text.rstrip('.')}{advice}", style


def _fields(finding: Finding) -> dict[str, object]:
    found = {"section": finding.section, "about": finding.about, "verdict": finding.verdict.value, "text": finding.text}
    return {**found, "advice": finding.advice} if finding.advice else dict(found)


def _survey(targets: Sequence[Target], plan: Plan | None) -> list[Survey]:
    """Return what the ports answer; say at a terminal what is waited for."""
    from smtp_shell.client.survey import survey_all

    assert plan is not None
    if sys.stdout.isatty():
        ports = ", ".join(str(target.port) for target in targets)
        sys.stdout.flush()
        sys.stderr.write(f"Trying port {ports} of {escape_str(targets[0].host)}; Ctrl-C ends it.\n")
    return survey_all(targets, plan)


def _show_ports(view: View, surveys: Sequence[Survey]) -> int:
    """Show what the ports answered, and what that means; return how many of them there is something wrong with."""
    from smtp_shell.cli.reachability import is_troubled, meaning, port_words

    troubled = 0
    for each in surveys:
        is_wrong = is_troubled(each)
        troubled += is_wrong
        words = "PROBLEM: " if is_wrong else "note: " if not each.is_reached else ""
        row = f"  {f'port {each.target.port}':{_LABEL}} {words}{port_words(each)}"
        view.answer([(row, "error" if is_wrong else "quoted")], [{"section": "network", **each.facts()}])
    sentences = list(meaning(surveys))
    rows = [(f"  {sentence}", "quoted") for sentence in sentences]
    view.answer(rows, [{"section": "network", "host": surveys[0].target.host, "meaning": sentences}])
    return troubled
