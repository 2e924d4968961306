"""The command line of `smtp-shell serve`."""

from __future__ import annotations

import argparse
from typing import TYPE_CHECKING

from smtp_shell.arguments import file_path, port_number, seconds, whole_number
from smtp_shell.cli.listening import certificate_options, fault_options, listening_options
from smtp_shell.cli.options import add_color_option, command_parser
from smtp_shell.errors import UsageError
from smtp_shell.protocol.octets import SINGLE, quoted

if TYPE_CHECKING:
    from smtp_shell.arguments import ArgumentParser

MATCHES = {"verb": "VERB", "parameters": "PARAMETERS", "exact": "EXACT"}
"""Words of `--match` -> members of `ClientMatch`."""

_EXAMPLES = (
    ("smtp-shell serve lab.smtp --port 2526", ""),
    ("smtp-shell serve lab.smtp --fault data=451", "faults are listed below"),
)


def check_options(options: argparse.Namespace) -> None:
    """Refuse options that do not go together.

    Raises:
        UsageError: Two of them do not.
    """
    if options.key is not None and options.cert is None:
        raise UsageError("serve --key needs --cert FILE as well: a key is of no use without its certificate.")
    taken = [
        name
        for name, given in (
            ("--port", options.port),
            ("--listen", options.listen),
            ("--keep", options.keep),
            ("--sessions", options.sessions),
        )
        if given
    ]
    if options.stdio and taken:
        raise UsageError(f"serve --stdio has one client, at standard input, and no port; leave out {', '.join(taken)}.")


def make_parser() -> ArgumentParser:
    """Return the parser of the command."""
    from smtp_shell.servers.faults import describe_faults

    parser = command_parser(
        "serve", examples=_EXAMPLES, formatter_class=argparse.RawDescriptionHelpFormatter, epilog=describe_faults()
    )
    parser.add_argument("file", type=file_path, metavar="FILE", help="the transcript")
    place = parser.add_mutually_exclusive_group()
    place.add_argument("--port", type=port_number, help="port to listen on (default: any free one)")
    place.add_argument("--stdio", action="store_true", help="serve one client at standard input and output")
    listening_options(parser)
    _expectation_options(parser)
    _answer_options(parser)
    parser.add_argument("--keep", type=file_path, metavar="DIR", help="write each dialogue as a transcript into DIR")
    parser.add_argument("--quiet", action="store_true", help="show no dialogues, only what differed")
    parser.add_argument("--json", action="store_true", help="the report as JSON, one object a line")
    add_color_option(parser)
    return parser


def _expectation_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("what the client says")
    group.add_argument(
        "--match",
        choices=tuple(MATCHES),
        default="parameters",
        help="what of a line must be as in the transcript: the verb; its parameters too, but no EHLO name (default); every octet",
    )
    group.add_argument(
        "--ignore-parameters",
        type=_parameters,
        default=frozenset({"SIZE"}),
        metavar="NAMES",
        help="parameters of MAIL and RCPT that are not compared, such as SIZE,BODY, or none (default SIZE)",
    )
    group.add_argument(
        "--data", choices=("any", "exact"), default="any", help="mail data that is accepted (default any)"
    )
    group.add_argument("--var", type=_assignment, action="append", metavar="NAME=VALUE", help="value of a variable")
    group.add_argument(
        "--allow-outside", action="store_true", help="mail data (C<) may stand outside the transcript's folder"
    )
    group.add_argument(
        "--user", metavar="NAME", help="who may authenticate, with a password that is shown or in SMTP_SHELL_PASSWORD"
    )
    group.add_argument(
        "--timeout", type=seconds, metavar="S", help="seconds that a client may say nothing (default 300)"
    )


def _answer_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("what the server says")
    group.add_argument(
        "--extra",
        choices=("ok", "421", "close"),
        default="ok",
        help="answer to a command that the transcript does not have: a good reply (default), 421 and the end, the end",
    )
    group.add_argument("--reuse", action="store_true", help="commands may come again, such as a second message")
    group.add_argument("--once", action="store_true", help="play each session of the transcript once, and end")
    group.add_argument("--sessions", type=whole_number(1_000_000), metavar="N", help="end after N connections")
    group.add_argument(
        "--pick",
        choices=("order", "content"),
        default="order",
        help="how a connection gets its session of the transcript: in their order (default), or by what the client says",
    )
    group.add_argument("--times", action="store_true", help="take as long for each reply as recorded")
    group.add_argument("--no-refresh", action="store_true", help="leave dates in replies as they are recorded")
    fault_options(group.add_argument)
    certificate_options(group.add_argument)


def _parameters(text: str) -> frozenset[str]:
    """Return the names of parameters, upper-case.

    Raises:
        argparse.ArgumentTypeError: One of them cannot be one.
    """
    if text.lower() == "none":
        return frozenset()
    names = [name.strip().rstrip("=").upper() for name in text.split(",")]
    if not all(name and name.isascii() and name.replace("-", "").isalnum() for name in names):
        raise argparse.ArgumentTypeError(
            f"{quoted(text, SINGLE)} is no list of parameters such as SIZE,BODY, and not none"
        )
    return frozenset(names)


def _assignment(text: str) -> tuple[str, str]:
    from smtp_shell.transcript.variables import parse_assignment

    try:
        return parse_assignment(text)
    except ValueError as error:
        raise argparse.ArgumentTypeError(str(error)) from None
