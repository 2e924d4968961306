"""The octets of the connection."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from smtp_shell.errors import UsageError
from smtp_shell.shell.completion import Option
from smtp_shell.shell.registry import Args, shell_command

if TYPE_CHECKING:
    from smtp_shell.shell.shell import Shell

_ALL = 1_000_000


@shell_command("/hex", "[N | all]", group="dialogue", options=(Option("--json", "one JSON object a direction"),))
def hex_(shell: Shell, args: Args) -> None:
    """Show the octets of the last exchange in both directions, in hexadecimal: what was sent, and the replies to it.

    `/hex 3` shows the last three exchanges, `/hex all` what is kept of this connection. 0d 0a is CRLF.
    Inside TLS these are the octets of SMTP, and not those of the records. Of mail data start and end are kept; credentials are not.
    For the octets of everything, see /capture.
    """
    given = args.read()
    number = given.words[0] if given.words else "1"
    if len(given.words) > 1 or not (number == "all" or re.fullmatch("[1-9][0-9]{0,5}", number, re.ASCII)):
        raise UsageError("/hex takes a number of exchanges from 1, or all, and --json; see /help /hex.")
    import shutil

    from smtp_shell.shell.wire_record import hex_record, hex_rows

    found = shell.wire.last(_ALL if number == "all" else int(number)) if shell.wire is not None else ()
    if not found:
        raise UsageError("/hex: nothing has gone over a connection yet; use /connect HOST[:PORT] first.")
    columns = shutil.get_terminal_size().columns
    rows = (
        (row, "quoted" if row.startswith("      ") else "event")
        for passage in found
        for row in hex_rows(passage, columns)
    )
    shell.view.answer(rows, map(hex_record, found), as_json="--json" in given)
