"""What the commands with a server have in common: options, the folder that they keep things in, and what they print.

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
    from collections.abc import Callable, Iterable
    from pathlib import Path
    from typing import TextIO

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


def from_elsewhere(addresses: Iterable[str], port: int) -> str:
    """Return where other machines reach a server, as its first rows say it.

    Args:
        addresses: Its addresses; none where this machine has no network.
        port: Its port.
    """
    written = (f"[{each}]:{port}" if ":" in each else f"{each}:{port}" for each in addresses)
    return ", ".join(written) or "this machine has no network"


def kept_folder(name: str) -> tuple[Path | None, str]:
    """Return the folder of this user in which a server keeps its certificate from one run to the next.

    Args:
        name: The server's command.

    Returns:
        The folder, or None and a sentence about why there is none.
    """
    import os

    from smtp_shell.config import state_dir
    from smtp_shell.errors import ConfigError
    from smtp_shell.private_files import private_folder, reason_of
    from smtp_shell.protocol.octets import escape_str

    folder = state_dir().absolute() / name
    shown = escape_str(str(folder))
    try:
        private_folder(folder)
    except OSError as error:
        return None, f"{shown} cannot be used: {reason_of(error)}."
    except ConfigError as error:
        return None, error.message
    return (None, f"{shown} is a link; remove it.") if os.path.islink(folder) else (folder, "")


def say(line: str, stream: TextIO | None = None) -> None:
    """Print a line at once.

    Args:
        line: The line, escaped.
        stream: Where; None for standard output.
    """
    out = stream or sys.stdout
    out.write(line + "\n")
    out.flush()


def complain(text: str) -> None:
    """Print a sentence about something that went wrong, and is no reason to stop."""
    say(f"smtp-shell: {text}", sys.stderr)
