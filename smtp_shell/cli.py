"""The entry point: the one answer that needs nothing, and the program for all the others."""

import sys

from smtp_shell import __version__


def main(argv: list[str] | None = None) -> int:
    """Run smtp-shell.

    Args:
        argv: The arguments; None for the process's own.

    Returns:
        The exit status.
    """
    words = sys.argv[1:] if argv is None else argv
    if words == ["--version"]:
        sys.stdout.write(f"smtp-shell {__version__}\n")
        return 0
    from smtp_shell.program import run

    return run(words)
