"""What is wrong with a command's parameters, and with a message: in a line after what was sent, before or after its reply.

The linter is loaded and asked only then, so that nothing comes between what is typed and the wire.
"""

from __future__ import annotations

from collections import deque
from typing import TYPE_CHECKING, get_args

from smtp_shell.protocol.events import CommandSent, Connected, Event, MailDataSent, OctetsSent, ReplyReceived

if TYPE_CHECKING:
    from collections.abc import Callable

    from smtp_shell.display.views import View
    from smtp_shell.lint.findings import Finding
    from smtp_shell.lint.linter import Linter
    from smtp_shell.protocol.events import Entry

_MOST_ENTRIES = 4_000  # that are kept until a message is over; more are passed to the linter at once
_MOST_OCTETS = 256 * 1024  # of a message's data that are looked at
_RECIPIENTS_FIRST = 353  # PRDR: the reply for each recipient follows, and then the one for the message
_ADVISED = frozenset({"MAIL", "RCPT", "DATA", "BDAT", "BURL", "ETRN", "ATRN", "XCLIENT", "XFORWARD"})


class Remarks:
    """Names what is wrong with each message, and as soon as they are sent with the commands before it.

    A consumer of the event stream, after the view; `advise` is a deferred one.

    Args:
        view: Shows the sentence.
        is_on: Whether to show it: the setting.
        wanted: Whether a user is there to read it.

    Attributes:
        wants: The events that it asks for.
    """

    def __init__(self, view: View, is_on: Callable[[], bool], *, wanted: bool = True) -> None:
        self.wants: tuple[type[Event], ...] = get_args(Event) if wanted else ()
        self._view = view
        self._is_on = is_on
        self._begin()

    def _begin(self) -> None:
        self._linter: Linter | None = None
        self._kept: deque[Entry] = deque()
        self._found: list[str] = []  # what is wrong with the message so far
        self._advice: list[str] = []  # what is wrong with the commands that were sent since it was last said
        self._octets = 0
        self._ended = self._in_chunk = False
        self._accepted = 0  # recipients of the transaction
        self._left = 0  # replies to the message that are to follow

    def __call__(self, entry: Entry) -> None:
        """Keep an event, and speak if it is the reply to a message."""
        event = entry.event
        if isinstance(event, Connected):
            self._begin()
        elif isinstance(event, MailDataSent):
            self._octets += len(event.octets)
            self._ended = event.last
            if self._octets > _MOST_OCTETS and not event.last:
                return
        elif isinstance(event, OctetsSent) and self._in_chunk:
            self._octets += len(event.octets)
            if self._octets > _MOST_OCTETS:
                return
        elif isinstance(event, CommandSent):
            self._in_chunk = event.command.verb == "BDAT"
            if self._in_chunk:
                self._ended = event.command.line.upper().rstrip().endswith(b"LAST")
        self._kept.append(entry)
        if isinstance(event, ReplyReceived) and self._is_last(event):
            self._ended, self._octets = False, 0
            self._speak()
        elif len(self._kept) > _MOST_ENTRIES:
            self._check()

    def _is_last(self, event: ReplyReceived) -> bool:
        """Check whether a reply is the last one to a message: LMTP has one for each recipient, PRDR these and one more."""
        if event.verb in ("MAIL", "RCPT"):
            self._accepted = self._accepted + (event.reply.code // 100 == 2) if event.verb == "RCPT" else 0
        if not (self._ended and event.verb in ("", "BDAT")):
            return False
        if event.reply.code == _RECIPIENTS_FIRST:
            self._left = self._accepted + 1
            return False
        if event.recipient and not self._left:
            self._left = self._accepted
        self._left = max(self._left - 1, 0)
        return not self._left

    def advise(self, entry: Entry) -> None:
        """Name what is wrong with a command that has been sent. Nothing keeps it from being sent."""
        event = entry.event
        if not (self.wants and isinstance(event, CommandSent) and self._is_on()):
            return
        if event.command.verb not in _ADVISED and self._linter is None:
            return
        self._check()
        advice, self._advice = dict.fromkeys(self._advice), []
        for text in advice:
            self._view.say(f"advice: {text}", "reply.4")

    def on_draft(self, octets: bytes) -> list[tuple[int, str]]:
        """Return what is wrong with mail data that is being written: the number of a line, and a sentence about it.

        Args:
            octets: The mail data so far, in whole lines with CRLF.
        """
        from smtp_shell.lint.drafts import lint_draft

        if not self._is_on():
            return []
        self._check()
        assert self._linter is not None
        return [(each.line, _sentence(each)) for each in lint_draft(octets, self._linter.view())]

    def _speak(self) -> None:
        self._check()
        found, self._found = self._found, []
        if not (found and self._is_on()):
            return
        more = f", and {len(found) - 1} more" if len(found) > 1 else ""
        self._view.say(f"lint: {found[0]}{more}; /lint tells more", "reply.4")

    def _check(self) -> None:
        """Pass what was kept to the linter."""
        from smtp_shell.lint.files import ON_EXTENSIONS, prompt_linter

        linter = self._linter = self._linter or prompt_linter()
        kept, self._kept = self._kept, deque()
        for entry in kept:
            for each in linter.feed(entry):
                found = self._advice if each.rule in ON_EXTENSIONS else self._found
                found.append(_sentence(each))


def _sentence(finding: Finding) -> str:
    return finding.message if finding.message.endswith(")") else f"{finding.message} ({finding.sources[0]})"
