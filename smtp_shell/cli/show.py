"""`smtp-shell show`: a transcript as a dialogue."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from smtp_shell.cli.options import add_color_option, command_parser, make_view

if TYPE_CHECKING:
    from collections.abc import Sequence


def main(words: Sequence[str]) -> int:
    """Run `smtp-shell show`.

    Args:
        words: The arguments after `show`.

    Returns:
        The exit status.

    Raises:
        SmtpShellError: An option is wrong, or the transcript cannot be read.
    """
    parser = command_parser("show")
    parser.add_argument("file", help="the transcript")
    add_color_option(parser)
    parser.set_defaults(json=False)
    options = parser.parse_args(words)
    from pathlib import Path

    from smtp_shell.recording.decoder import entries
    from smtp_shell.transcript.credentials import CredentialMask, masking_warning, shown_steps
    from smtp_shell.transcript.reader import open_transcript

    view, mask = make_view(options), CredentialMask()
    with open_transcript(Path(options.file)) as reader:
        view.show_all(entries(shown_steps(reader, mask), header=reader.header))
    if warning := masking_warning(reader.name, mask):
        sys.stdout.flush()
        sys.stderr.write(f"smtp-shell: {warning}\n")
    return 0
