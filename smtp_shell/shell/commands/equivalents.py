"""The command that prints what was done for another tool."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from smtp_shell.config import user_path
from smtp_shell.errors import UsageError
from smtp_shell.protocol.octets import escape_str
from smtp_shell.shell.completion import paths
from smtp_shell.shell.registry import Args, shell_command

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import TextIO

    from smtp_shell.shell.completion import CompletionContext
    from smtp_shell.shell.shell import Shell

_TOOLS = {
    "swaks": "a swaks command for each message",
    "openssl": "a shell script that feeds openssl s_client",
    "curl": "a curl command for each message",
    "python": "a script of sockets, line by line",
}


def _complete(context: CompletionContext, text: str) -> Iterator[tuple[str, str]]:
    if " " in text:
        yield from paths(context, text)
    else:
        yield from _TOOLS.items()


class _JsonLines:
    """Writes each line of a script as a JSON object, for `--json`.

    Args:
        tool: The tool that the script is for.
        out: Where to write.
    """

    def __init__(self, tool: str, out: TextIO) -> None:
        self._tool = tool
        self._out = out

    def writelines(self, lines: Iterable[str], /) -> None:
        """Write the lines, each with its line end."""
        import json

        for number, line in enumerate(lines, 1):
            row = {"tool": self._tool, "line": number, "text": line.removesuffix("\n")}
            self._out.write(f"{json.dumps(row, ensure_ascii=False)}\n")


def _output(shell: Shell, tool: str) -> TextIO | _JsonLines:
    """Return where the script goes: to the output, as it is. A view would fold its lines."""
    from smtp_shell.display.json_lines import JsonView

    out = shell.outlet.stream or sys.stdout
    return _JsonLines(tool, out) if isinstance(shell.outlet.to, JsonView) else out


@shell_command("/as", "swaks|openssl|curl|python [FILE]", complete=_complete, group="transcripts")
def as_tool(shell: Shell, args: Args) -> None:
    """Print what was done as a script for another tool.

    With no FILE it is this session so far.
    Credentials are left out: the script takes them from SMTP_SHELL_PASSWORD, or asks. What the tool cannot do stands in a comment.
    `smtp-shell convert FILE out.sh --to swaks` writes it into a file.
    """
    tool, *files = args.words or [""]
    if tool not in _TOOLS or len(files) > 1:
        raise UsageError(f"{args.name} takes one of {', '.join(_TOOLS)}, and a transcript if it is not this session.")
    if files:
        path = user_path(files[0])
    elif shell.recordings.session is not None:
        path = shell.recordings.session.path
    else:
        raise UsageError(f"{args.name}: there is no recorded session yet; name a file.")
    from smtp_shell.export.equivalents import write_equivalent
    from smtp_shell.recording.shown import shown_transcript
    from smtp_shell.transcript.credentials import masking_warning

    title = f"The dialogue with {shell.target}" if shell.target and not files else escape_str(path.name)
    with shown_transcript(path, bodies=True) as (name, found, mask):
        write_equivalent(tool, found, _output(shell, tool), title)
    if warning := masking_warning(name, mask):
        shell.say(warning, "notice")
