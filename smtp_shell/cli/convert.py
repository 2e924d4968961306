"""`smtp-shell convert`: a transcript in another format."""

from __future__ import annotations

import sys
from contextlib import nullcontext
from typing import TYPE_CHECKING

from smtp_shell.cli.options import command_parser

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(words: Sequence[str]) -> int:
    """Run `smtp-shell convert`.

    Args:
        words: The arguments after `convert`.

    Returns:
        The exit status.

    Raises:
        SmtpShellError: An option is wrong, the transcript cannot be read, or the file cannot be created.
    """
    from smtp_shell.export import EXPORTS

    *names, last = EXPORTS
    parser = command_parser("convert")
    parser.add_argument("input", metavar="IN", help="the transcript")
    parser.add_argument("output", metavar="OUT", help="the file to write; - is standard output")
    parser.add_argument("--to", metavar="FORMAT", help=f"{', '.join(names)} or {last} (default: the suffix of OUT)")
    parser.add_argument("--force", action="store_true", help="overwrite a file that is there")
    options = parser.parse_args(words)
    from io import TextIOWrapper
    from pathlib import Path

    from smtp_shell.export import find_export
    from smtp_shell.private_files import create_private
    from smtp_shell.protocol.octets import escape_str
    from smtp_shell.recording.decoder import entries
    from smtp_shell.transcript.reader import open_transcript

    export = find_export(options.to or Path(options.output).suffix.removeprefix("."))
    with open_transcript(Path(options.input)) as reader:
        header = reader.header
        title = (header.title or header.server) if header else ""
        out = (
            nullcontext(sys.stdout)
            if options.output == "-"
            else TextIOWrapper(create_private(Path(options.output), overwrite=options.force), "utf-8", newline="\n")
        )
        with out as stream:
            export(entries(reader, header=header), stream, escape_str(title) or "smtp-shell")
    return 0
