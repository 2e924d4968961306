"""`smtp-shell send`: one message in one dialogue, which is printed."""

from __future__ import annotations

import sys
from contextlib import ExitStack
from typing import TYPE_CHECKING

from smtp_shell.cli.options import is_terminal
from smtp_shell.cli.send_options import check_envelope, check_options, make_parser, with_parameters
from smtp_shell.errors import SmtpShellError, TlsFailed

if TYPE_CHECKING:
    import argparse
    from collections.abc import Sequence

    from smtp_shell.cli.send_message import FileMessage
    from smtp_shell.client.transaction import Outcome
    from smtp_shell.message.draft import Draft
    from smtp_shell.shell.shell import Shell


def main(words: Sequence[str]) -> int:
    """Run `smtp-shell send`.

    Args:
        words: The arguments after `send`.

    Returns:
        The exit status.

    Raises:
        SmtpShellError: An option is wrong, there is no connection, or the dialogue broke.
    """
    options = make_parser().parse_args(words)
    _take_profile(options)
    check_options(options)
    from smtp_shell.cli.send_message import draft_of, file_message

    with ExitStack() as stack:
        draft = draft_of(options)
        check_envelope(options, draft)
        message = file_message(options.data, stack, raw=options.raw) if options.data is not None else None
        _check_message(options, draft, message)
        if options.dry_run:
            _print_message(options, draft, message)
            return 0
        return _send(options, draft, message)


def _take_profile(options: argparse.Namespace) -> None:
    """Fill in what `--profile` says."""
    if options.profile is None:
        return
    from smtp_shell.cli.configured import fill_from_profile, take_tls

    profile = fill_from_profile(options)
    options.server = options.server or profile.address
    if not options.starttls_if_offered:
        take_tls(options, profile)


def _check_message(options: argparse.Namespace, draft: Draft, message: FileMessage | None) -> None:
    """Check what can be wrong with envelope and message whatever the server announces, before there is a connection.

    Raises:
        UsageError: An address is none, or an attachment cannot be read.
        NotSendable: A value would not stay one command line.
    """
    from smtp_shell.message.building import lay_out
    from smtp_shell.shell.sending import envelope_of

    layout = message or lay_out(draft, smtputf8=True)
    envelope = envelope_of(draft, layout, None, smtputf8=True, sender=options.mail_from)
    with_parameters(envelope, options).commands()


def _print_message(options: argparse.Namespace, draft: Draft, message: FileMessage | None) -> None:
    """Write the octets of the message to standard output; to a terminal escaped, where they hold what it would act on."""
    from smtp_shell.message.building import lay_out
    from smtp_shell.protocol.octets import CRLF, escape

    layout = message or lay_out(draft, smtputf8=options.smtputf8 or draft.needs_smtputf8)
    if not sys.stdout.isatty():
        sys.stdout.flush()
        sys.stdout.buffer.writelines(layout.pieces())
        sys.stdout.buffer.flush()
        return
    held = b""
    for piece in layout.pieces():
        *lines, held = (held + piece).split(CRLF)
        sys.stdout.writelines(f"{escape(line)}\n" for line in lines)
    if held:
        sys.stdout.write(f"{escape(held)}\n")


def _send(options: argparse.Namespace, draft: Draft, message: FileMessage | None) -> int:
    from smtp_shell.cli.send_dialogue import SendDialogue
    from smtp_shell.cli.shell import make_shell

    shell = make_shell(options, asks=is_terminal())
    try:
        status, outcome = SendDialogue(shell, options, draft, message).run()
    except SmtpShellError as error:
        if isinstance(error, TlsFailed):
            shell.tls_failure = error
        if options.json or isinstance(error, TlsFailed):
            _tell_tls(shell)
        if options.json:
            _write_verdict(shell, error.exit_status, error=str(error))
        raise
    finally:
        shell.close()
    status = status or int(shell.recordings.is_incomplete)
    if options.json:
        _tell_tls(shell)
        _write_verdict(shell, status, outcome)
    return status


def _tell_tls(shell: Shell) -> None:
    """Show the server's certificates, and the verdict of each check; for programs all that is known of TLS with it."""
    from smtp_shell.display.tls_json import tls_object
    from smtp_shell.display.tls_rows import check_rows, tree_rows
    from smtp_shell.net.chain_checks import Verdict
    from smtp_shell.shell.tls_views import shown_facts, shown_view

    view = shown_view(shell)
    if view is None or shown_facts(shell) is None:
        return
    checks = [each for each in view.checks if each.verdict is not Verdict.NOT_ASKED]
    rows = [*tree_rows(view.chain), *check_rows(checks)]
    shell.view.answer([(row.text, row.style) for row in rows], [tls_object(view)])


def _write_verdict(shell: Shell, status: int, outcome: Outcome | None = None, error: str = "") -> None:
    """Write the last JSON object: the server that answered, and what became of the message and of each recipient."""
    from smtp_shell.cli.json_rows import json_row
    from smtp_shell.protocol.octets import escape_str

    row: dict[str, object] = {} if shell.answered is None else {"server": escape_str(str(shell.answered))}
    if outcome is not None:
        row["delivered"] = outcome.is_delivered
        row["recipients"] = [
            {
                "recipient": escape_str(each.recipient),
                "accepted": each.accepted,
                **({} if each.reply is None else {"code": each.reply.code, "text": each.reply.one_line()}),
            }
            for each in outcome.recipients
        ]
    if error:
        row["error"] = error
    sys.stdout.write(f"{json_row({**row, 'exit_status': status})}\n")
