"""`--listen`: an address that other machines reach, which the user has to agree to."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from smtp_shell.cli.options import is_terminal, terminal_ask
from smtp_shell.errors import UsageError

if TYPE_CHECKING:
    import argparse

_ADVICE = "\nDo that only in a network that you trust.\n"


def listening_options(parser: argparse.ArgumentParser) -> None:
    """Add `--listen` and `--yes`."""
    parser.add_argument(
        "--listen", metavar="ADDRESS", help="listen on this address, for other machines (you are asked first)"
    )
    parser.add_argument("--yes", action="store_true", help="do not ask about --listen")


def listening_address(options: argparse.Namespace, command: str, risk: str) -> str:
    """Return the address to listen on if it is not loopback, once the user has agreed; empty for loopback.

    Args:
        options: The parsed options of `listening_options`.
        command: The command, for messages.
        risk: What could happen, in a sentence or two, with {} for the address.

    Raises:
        UsageError: It is no address, or the user does not agree, or nobody can be asked.
    """
    if options.listen is None:
        return ""
    from smtp_shell.servers.listening import checked_address, is_loopback

    address = checked_address(options.listen)
    if is_loopback(address):
        raise UsageError(f"{command} --listen {address}: that is this machine only, as without --listen; leave it out.")
    if options.yes:
        return address
    if not is_terminal():
        raise UsageError(
            f"{command} --listen {address}: every machine that reaches this one could then connect, and nobody can be asked here; "
            "add --yes if that is meant."
        )
    sys.stdout.write(risk.format("all addresses" if address in ("0.0.0.0", "::") else address) + _ADVICE)
    sys.stdout.flush()
    if terminal_ask()("Listen there? [y/N] ", False).strip().lower() not in ("y", "yes"):
        raise UsageError(f"{command} --listen: nothing was started; without --listen only this machine can connect.")
    return address
