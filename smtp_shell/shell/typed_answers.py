"""Lines that are run in a row: an answer to a challenge that does not come is kept from going out as a command."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtp_shell.errors import AuthFailed, SmtpShellError
from smtp_shell.protocol.masking import may_answer
from smtp_shell.protocol.phases import Phase
from smtp_shell.shell.typed_secrets import begins_exchange, looks_like_answer

if TYPE_CHECKING:
    from collections.abc import Sequence

    from smtp_shell.protocol.commands import Command
    from smtp_shell.shell.shell import Shell

_OVER = (
    r"the AUTH exchange is over, so a line that was to answer the server is not sent; "
    r"to answer by hand, begin with /raw AUTH LOGIN\r\n."
)


class LinesInARow:
    """Runs lines of which the later ones were written before the replies to the earlier ones came: a paste, or a file.

    After a refused AUTH each word by itself was to answer it. After one that ended well, as the shorthand `auth` does on its own, only
    what is base64 without a doubt was: `FOO` goes out as typed.

    Args:
        shell: Runs each line.
    """

    def __init__(self, shell: Shell) -> None:
        self._shell = shell
        self._ended = False  # the last line for the server belonged to an exchange, which has ended
        self._refused = False

    def is_answer(self, text: str) -> bool:
        """Return whether a line that comes next was to answer a challenge, which has not come."""
        shell = self._shell
        if shell.session is not None and shell.session.dialogue.unended:  # it is the rest of a line
            return False
        if not self._ended or shell.phase in (Phase.AUTH, Phase.MAILDATA) or shell.awaits_answer:
            return False
        if self._refused and text.strip():
            return may_answer(text.encode("utf-8", "replace"))
        return looks_like_answer(text)

    def run_group(self, commands: Sequence[Command]) -> None:
        """Send lines in one write, none of which belongs to an exchange.

        Raises:
            SmtpShellError: It cannot be done.
        """
        self._ended = False
        self._shell.run_group(commands)

    def await_decision(self, text: str) -> bool:
        """Wait for the reply that decides what a line to the server is, which octets sent with `/raw` may have left owed.

        Returns:
            Whether it is a refusal.

        Raises:
            SmtpShellError: The reply does not come.
        """
        shell = self._shell
        if text.lstrip().startswith("/"):
            return False
        failures = shell.refusals.number
        shell.await_decision()
        is_refused = shell.refusals.number > failures
        self._refused |= is_refused
        return is_refused

    def run(self, text: str) -> None:
        """Run a line.

        Raises:
            AuthFailed: It was to answer a challenge, which has not come.
            SmtpShellError: It cannot be done.
        """
        if self.is_answer(text):
            raise AuthFailed(_OVER)
        shell = self._shell
        phase, failures = shell.phase, shell.refusals.number
        belongs = phase is Phase.AUTH or begins_exchange(text)
        if belongs or not text.lstrip().startswith("/"):
            self._ended = False
        try:
            shell.run(text)
        except SmtpShellError:
            self._ended = self._refused = belongs
            raise
        if belongs:
            self._ended = shell.phase is not Phase.AUTH
            self._refused = shell.refusals.number > failures
