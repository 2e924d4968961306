"""`smtp-shell completion`: the script that completes smtp-shell's command line in another shell."""

from __future__ import annotations

import sys
from importlib import import_module
from typing import TYPE_CHECKING

from smtp_shell.cli.options import command_parser

if TYPE_CHECKING:
    from collections.abc import Sequence

    from smtp_shell.arguments import ArgumentParser

_PLACES = {
    "bash": "smtp-shell completion bash > ~/.local/share/bash-completion/completions/smtp-shell",
    "zsh": "smtp-shell completion zsh > ~/.zfunc/_smtp-shell, with fpath+=~/.zfunc before compinit in ~/.zshrc",
    "fish": "smtp-shell completion fish > ~/.config/fish/completions/smtp-shell.fish",
    "powershell": "smtp-shell completion powershell | Out-String | Invoke-Expression, in $PROFILE",
}
"""Shell -> how its script gets where the shell finds it."""


def main(words: Sequence[str]) -> int:
    """Run `smtp-shell completion`.

    Args:
        words: The arguments after `completion`.

    Returns:
        The exit status.

    Raises:
        UsageError: That is no shell.
    """
    options = make_parser().parse_args(words)
    if options.profiles:
        return _print_profiles()
    if options.shell is None:
        from smtp_shell.errors import UsageError

        raise UsageError(f"completion takes the name of a shell: {', '.join(_PLACES)}.")
    from smtp_shell.cli.command_tree import command_tree

    script: str = import_module(f"smtp_shell.cli.completions.{options.shell}").script(command_tree())
    sys.stdout.write(script)
    if sys.stdout.isatty():
        sys.stdout.flush()
        sys.stderr.write(f"smtp-shell: to use it: {_PLACES[options.shell]}.\n")
    return 0


def make_parser() -> ArgumentParser:
    """Return the parser of the command."""
    from argparse import RawDescriptionHelpFormatter

    places = "".join(f"\n  {place}" for place in _PLACES.values())
    parser = command_parser("completion", epilog=f"to use it:{places}", formatter_class=RawDescriptionHelpFormatter)
    parser.add_argument("shell", nargs="?", choices=tuple(_PLACES), help="the shell")
    parser.add_argument("--profiles", action="store_true", help="print the names of the profiles, one a line")
    return parser


def _print_profiles() -> int:
    """Print the names of the profiles: the scripts ask for them while a user types. None has a character that a shell would expand."""
    from smtp_shell.configuration import profile_names

    sys.stdout.write("".join(f"{name}\n" for name in profile_names()))
    return 0
