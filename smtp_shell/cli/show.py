"""`smtp-shell show`: a transcript as a dialogue."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from smtp_shell.cli.options import add_color_option, command_parser, make_view, wants_color

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
    parser.add_argument(
        "--packets", action="store_true", help="which packet of its capture (convert FILE x.pcapng) holds which step"
    )
    add_color_option(parser)
    parser.set_defaults(json=False)
    options = parser.parse_args(words)
    from pathlib import Path

    from smtp_shell.recording.shown import shown_transcript
    from smtp_shell.transcript.credentials import masking_warning

    view, is_shown = make_view(options), wants_color(options) or sys.stdout.isatty()
    with shown_transcript(Path(options.file), bodies=options.packets) as (name, found, mask):
        if options.packets:
            from smtp_shell.export.packet_list import packet_rows

            for text, style in packet_rows(found):
                if is_shown:
                    view.say(text, style)
                else:
                    sys.stdout.write(f"{text}\n")
        else:
            view.show_all(found)
    if warning := masking_warning(name, mask):
        sys.stdout.flush()
        sys.stderr.write(f"smtp-shell: {warning}\n")
    return 0
