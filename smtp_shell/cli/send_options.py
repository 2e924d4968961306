"""The options of `smtp-shell send`, and what is wrong with how they are combined."""

from __future__ import annotations

import argparse
import re
from typing import TYPE_CHECKING, Any

from msgspec.structs import replace

from smtp_shell.arguments import ArgumentParser, file_path
from smtp_shell.cli.options import command_parser, connection_options, no_config_option, profile_option
from smtp_shell.errors import UsageError
from smtp_shell.protocol.octets import escape_str

if TYPE_CHECKING:
    from smtp_shell.client.transaction import Envelope
    from smtp_shell.message.draft import Draft

STOPS = {
    "connect": "connect",
    "banner": "connect",
    "first-ehlo": "first-ehlo",
    "first-helo": "first-ehlo",
    "starttls": "starttls",
    "tls": "starttls",
    "ehlo": "ehlo",
    "helo": "ehlo",
    "lhlo": "ehlo",
    "auth": "auth",
    "before": "before",
    "xclient": "before",
    "mail": "mail",
    "rcpt": "rcpt",
    "data": "data",
    "dot": "dot",
}
"""What `--quit-after` and `--drop-after` take, in any case -> the stage after whose reply the dialogue stops."""

SENT = ("ehlo", "mail", "rcpt", "data", "dot")
"""The stages that `--drop-after-send` takes."""

_MECHANISM = re.compile(r"[A-Za-z0-9_-]{1,40}")

_EPILOG = """TEXT is the text itself, @FILE a file with it (@@ for an @ at the start), - standard input.
Exit status: 0 the message was accepted for every recipient, or the stop was reached; 1 the server refused something; 2 wrong usage;
3 no connection; 4 TLS; 5 authentication; 6 the server broke the protocol; 7 unknown outcome after the final dot; 130 interrupted.
"""

_EXAMPLES = (
    ("smtp-shell send -s HOST --from A --to B --body TEXT", ""),
    ("smtp-shell send -s HOST --from A --to B --data letter.eml", ""),
    ("smtp-shell send -s HOST --from A --to B --quit-after rcpt", "is B accepted?"),
)


class _Attach(argparse.Action):
    """Keep what `--attach-type` and `--attach-name` say beside the file of the preceding `--attach`."""

    def __call__(
        self,
        parser: argparse.ArgumentParser,
        namespace: argparse.Namespace,
        values: Any,
        option_string: str | None = None,
    ) -> None:
        found = list(namespace.attach or [])
        if self.dest == "attach":
            found.append({"path": values})
        elif not found:
            raise UsageError(f"{option_string} is for the --attach before it, and there is none.")
        else:
            found[-1] = {**found[-1], self.dest.removeprefix("attach_"): values}
        namespace.attach = found


def make_parser() -> ArgumentParser:
    """Return the parser of the command."""
    parser = command_parser(
        "send", examples=_EXAMPLES, epilog=_EPILOG, usage="smtp-shell send --server URL --from A --to B [OPTIONS]"
    )
    parser.add_argument(
        "--server",
        "-s",
        metavar="URL",
        help="HOST[:PORT], mx:DOMAIN, smtp://, smtps://, lmtp://, smtp+unix:/path, lmtp+unix:/path or pipe:COMMAND",
    )
    parser.add_argument(
        "--mx", action="store_true", help="the server is a domain: send to its first mail host that greets"
    )
    _message_options(parser)
    _dialogue_options(parser)
    connection_options(parser)
    profile_option(parser.add_argument)
    no_config_option(parser.add_argument)
    return parser


def _message_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("message")
    group.add_argument("--from", dest="sender", metavar="A", help="the author, and the reverse-path")
    for name, what in (("to", "recipient"), ("cc", "who gets a copy"), ("bcc", "who gets a copy unseen")):
        group.add_argument(
            f"--{name}", action="append", default=[], metavar="B", help=f"{what}; several with commas, or repeated"
        )
    group.add_argument("--subject", metavar="TEXT", help="the subject")
    group.add_argument(
        "--header", action="append", default=[], metavar="'N: V'", help="a header field; may be repeated"
    )
    group.add_argument(
        "--template", type=file_path, metavar="FILE", help="fields, an empty line and text, with ${name} in them"
    )
    group.add_argument(
        "--var", action="append", default=[], metavar="NAME=VALUE", help="a variable of the template; may be repeated"
    )
    group.add_argument("--body", metavar="TEXT", help="the text")
    group.add_argument("--html", metavar="TEXT", help="the text as HTML")
    group.add_argument("--attach", action=_Attach, type=file_path, metavar="FILE", help="a file; may be repeated")
    group.add_argument("--attach-type", action=_Attach, metavar="TYPE", help="media type of the file before it")
    group.add_argument("--attach-name", action=_Attach, metavar="NAME", help="name of the file before it, for readers")
    group.add_argument("--data", metavar="FILE", help="the whole message, header and all; - is standard input")
    group.add_argument("--raw", action="store_true", help="send --data untouched: no line end mended, no dot doubled")
    group.add_argument("--dry-run", action="store_true", help="print the octets of the message, and connect to nothing")


def _dialogue_options(parser: argparse.ArgumentParser) -> None:
    group = parser.add_argument_group("dialogue")
    group.add_argument("--mail-from", metavar="A", help="another reverse-path than --from; <> is the null one")
    group.add_argument(
        "--mail-param", action="append", default=[], metavar="K[=V]", help="a parameter of MAIL; may be repeated"
    )
    group.add_argument(
        "--rcpt-param", action="append", default=[], metavar="K[=V]", help="a parameter of each RCPT; may be repeated"
    )
    group.add_argument("--ehlo", metavar="NAME", help="name that EHLO, HELO or LHLO gives")
    group.add_argument("--helo", action="store_true", help="say HELO in place of EHLO: no extensions")
    group.add_argument("--lmtp", action="store_true", help="speak LMTP")
    group.add_argument(
        "--starttls-if-offered",
        action="store_true",
        help="STARTTLS where the server announces it; stop if it then fails",
    )
    group.add_argument(
        "--auth-if-offered",
        action="store_true",
        help="authenticate where the server announces AUTH; stop if it then fails",
    )
    group.add_argument("--mechanism", default="", metavar="NAME", help="mechanism of AUTH (default: the strongest)")
    group.add_argument(
        "--initial-response",
        action="store_true",
        help="put the first response into the AUTH command, where there is one",
    )
    group.add_argument(
        "--before",
        action="append",
        default=[],
        metavar="LINE",
        help="a line of the shell to run before MAIL; may be repeated",
    )
    group.add_argument("--bdat", action="store_true", help="send the message with BDAT")
    group.add_argument("--pipeline", action="store_true", help="send MAIL, RCPT and DATA in one write")
    group.add_argument("--smtputf8", action="store_true", help="header in UTF-8, with SMTPUTF8")
    stops = ", ".join(dict.fromkeys(STOPS.values()))
    group.add_argument("--quit-after", metavar="VERB", help=f"QUIT after the reply to: {stops}")
    group.add_argument("--drop-after", metavar="VERB", help="close the connection there, without QUIT")
    group.add_argument("--drop-after-send", metavar="VERB", help=f"close it before the reply: {', '.join(SENT)}")
    group.add_argument("--hide-data", action="store_true", help="do not show the message as it goes out")
    group.add_argument("--no-record", action="store_true", help="do not record into the state directory")


def with_parameters(envelope: Envelope, options: argparse.Namespace) -> Envelope:
    """Return an envelope with the parameters that `--mail-param` and `--rcpt-param` add."""
    return replace(
        envelope,
        mail_parameters=(*envelope.mail_parameters, *options.mail_param),
        rcpt_parameters=(*envelope.rcpt_parameters, *options.rcpt_param),
    )


def check_options(options: argparse.Namespace) -> None:
    """Check what belongs together, and turn the stops into stages.

    Raises:
        UsageError: Options contradict each other, or a value is none.
    """
    if options.server is None:
        raise UsageError("--server is missing: where does the message go? --profile NAME names a server too.")
    for name in ("quit_after", "drop_after", "drop_after_send"):
        setattr(options, name, _stage(name, getattr(options, name)))
    stops = [name for name in ("quit_after", "drop_after", "drop_after_send") if getattr(options, name)]
    if len(stops) > 1:
        raise UsageError(f"{_option(stops[0])} and {_option(stops[1])} are two ends; give one.")
    if options.quit_after == "data":
        raise UsageError("--quit-after data: mail data cannot be left with QUIT; use --drop-after data.")
    made = [name for name in ("template", "subject", "header", "body", "html", "attach") if getattr(options, name)]
    if options.data is not None and made:
        raise UsageError(f"--data is the whole message, and --{made[0]} is a part of one; leave one of them out.")
    if options.raw and (options.data is None or options.bdat):
        raise UsageError(
            "--raw is for --data FILE, sent with DATA; " + ("leave --bdat out." if options.bdat else "name the file.")
        )
    if [options.body, options.html, options.data].count("-") > 1:
        raise UsageError("standard input can be read once; name a file for the other one.")
    if options.starttls and options.starttls_if_offered:
        raise UsageError("--starttls demands what --starttls-if-offered leaves open; give one.")
    if options.var and options.template is None:
        raise UsageError("--var is for a --template FILE, and there is none.")
    if options.auth_if_offered and not (options.user or options.mechanism):
        raise UsageError("--auth-if-offered: who authenticates? Add --user NAME, or --mechanism.")
    if options.initial_response and not (options.user or options.mechanism):
        raise UsageError("--initial-response: who authenticates? Add --user NAME, or --mechanism.")
    if options.mechanism and not _MECHANISM.fullmatch(options.mechanism):
        raise UsageError(f"--mechanism {escape_str(options.mechanism)}: that is no name of a mechanism.")
    if options.dry_run and options.json:
        raise UsageError("--dry-run prints the octets of the message, and --json has none; leave one of them out.")
    if options.no_times and options.record is None:
        raise UsageError("--no-times has a meaning with --record FILE only; leave it out.")
    if options.sender is not None and options.sender.strip() == "<>":
        if options.data is None:
            raise UsageError(
                "--from is the author of the message; the null reverse-path is --mail-from '<>' beside it."
            )
        options.sender, options.mail_from = None, options.mail_from or "<>"


def _stage(name: str, verb: str | None) -> str | None:
    if verb is None:
        return None
    stage = STOPS.get(verb.lower())
    known = SENT if name == "drop_after_send" else tuple(dict.fromkeys(STOPS.values()))
    if stage not in known:
        raise UsageError(f"{_option(name)} {escape_str(verb)}: there is no such stop; use one of {', '.join(known)}.")
    return stage


def check_envelope(options: argparse.Namespace, draft: Draft) -> None:
    """Check that there are a sender and a recipient, unless the dialogue stops before they are needed.

    Raises:
        UsageError: One of them is missing.
    """
    stop = options.quit_after or options.drop_after or options.drop_after_send
    order = tuple(dict.fromkeys(STOPS.values()))
    reached = order.index(stop) if stop else len(order)
    knows_sender = draft.from_ or (options.data is not None and options.mail_from is not None)
    if not knows_sender and (options.dry_run or reached >= order.index("mail")):
        raise UsageError("--from is missing: who sends the message? With --data, --mail-from is enough.")
    if not draft.recipients and not options.dry_run and reached >= order.index("rcpt"):
        raise UsageError("--to is missing: the message has no recipient.")


def _option(name: str) -> str:
    return f"--{name.replace('_', '-')}"
