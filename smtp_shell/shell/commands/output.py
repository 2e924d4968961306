"""Where the words of slash commands go."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtp_shell.config import user_path
from smtp_shell.errors import UsageError
from smtp_shell.shell.completion import Option, paths_or_off
from smtp_shell.shell.registry import Args, shell_command

if TYPE_CHECKING:
    from smtp_shell.shell.shell import Shell

_OPTIONS = (
    Option("--append", "add to what is in the file", either="what is there"),
    Option("--force", "replace a file that is there", either="what is there"),
)


@shell_command("/output", "[FILE | off]", complete=paths_or_off("the screen again"), group="settings", options=_OPTIONS)
def output(shell: Shell, args: Args) -> None:
    """Write what slash commands print into a file, and not on the screen, up to `/output off`.

    With no FILE it says where that goes. The file is for you alone (mode 0600). Errors, questions and your dialogue with the server stay
    on the screen; /record writes the dialogue.
    One command alone goes to a program: `/show | less`, `/help | grep tls`. `/set pager on` shows what does not fit the screen in a
    pager.
    """
    given = args.read()
    if len(given.words) > 1 or (given.values and not given.words):
        raise UsageError("/output takes one file, or off; see /help /output.")
    if not given.words:
        shell.say(f"  output goes to {shell.outlet.file.name if shell.outlet.file is not None else 'the screen'}")
    elif given.words[0] == "off":
        if given.values:
            raise UsageError("/output off takes no options: they are about the file that is begun; leave them out.")
        if shell.outlet.file is None:
            raise UsageError("/output off: it goes to the screen already.")
        shell.say(f"  {shell.outlet.file.name} is closed; output goes to the screen")
        shell.outlet.close()
    else:
        from smtp_shell.shell.output import OutputFile

        file = OutputFile(user_path(given.words[0]), append="--append" in given, overwrite="--force" in given)
        shell.outlet.close()
        shell.outlet.file = file
        shell.say(f"  output of slash commands goes to {file.name}; /output off ends that")
