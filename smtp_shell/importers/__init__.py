"""Importers: what other tools wrote about an SMTP dialogue, read as the steps of a transcript.

A dialect is one `Dialect` value: its name, a function that says how sure it is of a sample, and a function that turns lines (or, for a
capture, octets) into `Record`s. The frame does the rest: `lines` decodes the file and takes off what is around each line (Markdown
fences, quotation marks of a mail, times of a log), `detection` chooses the dialect, and `builder` turns records into steps. It follows
the dialogue, so a dialect need not know what is mail data, what is pipelined, and what is under TLS.

To add a dialect, write it into the `DIALECTS` of a module of its family, and name a new module in `dialects`.

Nothing here knows how a transcript file is read. `transcript.reader` loads this package where a file is no transcript.
"""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from smtp_shell.importers.dialect import Dialect


@cache
def dialects() -> dict[str, Dialect]:
    """Return the dialects by their name. Of two that are equally sure of a file, the first is taken."""
    from smtp_shell.importers import captures, dumps, marked, packet_lists, server_logs, table_logs, terminal

    modules = (marked, terminal, server_logs, table_logs, captures, dumps, packet_lists)
    return {dialect.name: dialect for module in modules for dialect in module.DIALECTS}
