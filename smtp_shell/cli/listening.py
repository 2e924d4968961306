"""Options that the commands with a server have in common.

`--listen` is an address that other machines reach, which the user has to agree to.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from smtp_shell.arguments import file_path
from smtp_shell.cli.options import is_terminal, terminal_ask
from smtp_shell.errors import UsageError

if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable

_ADVICE = "\nDo that only in a network that you trust.\n"


def listening_options(parser: argparse.ArgumentParser) -> None:
    """Add `--listen` and `--yes`."""
    parser.add_argument(
        "--listen", metavar="ADDRESS", help="listen on this address, for other machines (you are asked first)"
    )
    parser.add_argument("--yes", action="store_true", help="do not ask about --listen")


def fault_options(add: Callable[..., argparse.Action]) -> None:
    """Add `--fault` and `--seed`.

    Args:
        add: `add_argument` of a parser or of a group.
    """
    add(
        "--fault",
        action="append",
        metavar="VERB=…",
        help="misbehave: rcpt=451, data=drop, ehlo=delay:3 and more, see below",
    )
    add("--seed", type=int, metavar="N", help="seed of faults with a probability")


def certificate_options(add: Callable[..., argparse.Action]) -> None:
    """Add `--cert` and `--key`.

    Args:
        add: `add_argument` of a parser or of a group.
    """
    add("--cert", type=file_path, metavar="FILE", help="certificate of your own, PEM")
    add("--key", type=file_path, metavar="FILE", help="its key, PEM")


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
