"""Several lines that are pasted at once: what can go out in one write does, if the server has announced PIPELINING."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from smtp_shell.protocol.phases import Phase
from smtp_shell.shell.groups import pasted_group

if TYPE_CHECKING:
    from collections.abc import Sequence

    from smtp_shell.shell.shell import Shell
    from smtp_shell.shell.typed_answers import LinesInARow

_ONE_BY_ONE = "The server has not announced PIPELINING, so these lines go out one by one."


_MOST_LINES = 1000
"""Lines of mail data in one write: after each one Ctrl-C and a reply are heard."""

_NOT_PLAIN = re.compile(r"\s*(\.|/?quit\s*$|/?exit\s*$)|.*[\r\n\0\ud800-\udfff]", re.IGNORECASE | re.DOTALL)
"""A line of mail data about which the shell has something to say."""


class PastedLines:
    """Runs the lines of one paste.

    Args:
        shell: Runs them.
    """

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self._said = False

    def run_next(self, row: LinesInARow, rest: list[str]) -> None:
        """Run the next line, or the next ones in one write.

        Args:
            row: Runs a line by itself.
            rest: What is left of the paste; what is run is taken out of it.

        Raises:
            SmtpShellError: It cannot be done.
        """
        shell = self._shell
        if shell.phase is Phase.MAILDATA and (number := _plain_lines(rest)) > 1:
            shell.send_mail_lines(rest[:number])
            del rest[:number]
            return
        if len(rest) > 1 and self._takes_commands():
            number, commands = pasted_group(rest, shell.registry, shell.hello_command)
            if number and self._announces_pipelining():
                del rest[:number]
                row.run_group(commands)
                return
            if number and not self._said:
                self._said = True
                shell.say(_ONE_BY_ONE)
        row.run(rest.pop(0))

    def _takes_commands(self) -> bool:
        """Return whether a line that comes next is a command for certain."""
        shell, session = self._shell, self._shell.session
        if session is None or not session.is_open or shell.group is not None or shell.undecided or shell.awaits_answer:
            return False
        dialogue = session.dialogue
        if dialogue.unended or dialogue.chunk_left or (dialogue.greeting is None and session.tls is None):
            return False
        return shell.phase not in (Phase.MAILDATA, Phase.AUTH, Phase.TLS, Phase.ENDED, Phase.CLOSED)

    def _announces_pipelining(self) -> bool:
        session = self._shell.session
        extensions = session.dialogue.extensions if session is not None else None
        return extensions is not None and "PIPELINING" in extensions


def _plain_lines(lines: Sequence[str]) -> int:
    """Return how many lines, from the first on, go into the mail data as they are, the last one of a paste left out."""
    most = min(len(lines) - 1, _MOST_LINES)
    return next((number for number in range(most) if _NOT_PLAIN.match(lines[number])), most)
