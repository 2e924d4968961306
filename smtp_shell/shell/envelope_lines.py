"""The lines that the shorthands `mail` and `rcpt` stand for."""

from __future__ import annotations

from smtp_shell.errors import UsageError
from smtp_shell.protocol.addresses import as_sent, parse_paths
from smtp_shell.protocol.commands import Command, refuse_line_breaks


def mail_command(text: str) -> Command:
    """Return the MAIL command that `mail` stands for.

    Args:
        text: What follows the name: an address, and parameters.

    Raises:
        NotSendable: It holds CR, LF or NUL.
        UsageError: There is not one address, or its domain is no host name.
    """
    refuse_line_breaks(text, "mail")
    found = parse_paths(text) or ()
    if len(found) != 1:
        raise UsageError("mail takes one address; nothing was sent. Use rcpt for recipients.")
    return Command.of("MAIL", f"FROM:{as_sent(found[0])}")


def rcpt_commands(text: str) -> list[Command]:
    """Return the RCPT commands that `rcpt` stands for, one for each address.

    Args:
        text: What follows the name: addresses, each with its parameters.

    Raises:
        NotSendable: It holds CR, LF or NUL.
        UsageError: The domain of an address is no host name.
    """
    refuse_line_breaks(text, "rcpt")
    return [Command.of("RCPT", f"TO:{as_sent(path)}") for path in parse_paths(text) or ()]
