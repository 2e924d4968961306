"""The entry point: the one answer that needs nothing, and the program for all the others."""

from __future__ import annotations

import sys

from smtp_shell import __version__

_YOUNG = 20_000
"""How many new objects there may be before they are looked through for what can go: more than a start makes, most of which stays."""


def main(argv: list[str] | None = None) -> int:
    """Run smtp-shell.

    Args:
        argv: The arguments; None for the process's own.

    Returns:
        The exit status.
    """
    words = sys.argv[1:] if argv is None else argv
    if words == ["--version"]:
        try:
            sys.stdout.write(f"smtp-shell {__version__}\n")
            sys.stdout.flush()
        except OSError as error:
            from smtp_shell.cli.program import output_lost

            return output_lost(error)
        return 0
    import gc

    gc.set_threshold(_YOUNG)
    from smtp_shell.cli.program import leave, run

    status = run(words)
    if argv is None:
        leave(status)
    return status
