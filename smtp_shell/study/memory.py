"""What was answered in earlier runs: a Leitner box for each question, in the state directory.

A right answer moves a question to the next box, which is opened after more days; a wrong one moves it back to the first. A question is
known by a digest of its text: neither the question nor an answer is stored.
"""

from __future__ import annotations

import os
import time
from collections.abc import Iterable, Mapping
from pathlib import Path
from typing import Final

import msgspec
from msgspec import Struct

from smtp_shell.config import state_dir
from smtp_shell.errors import ConfigError, SmtpShellError
from smtp_shell.private_files import locked, private_folder, read_private, reason_of, replace_private
from smtp_shell.protocol.octets import escape_str
from smtp_shell.study.question import Question

DAYS: Final = (0, 1, 3, 7, 21, 60)
"""Days after which a question comes again, by the number of its box."""

MOST_CARDS: Final = 5000
_FILE: Final = "quiz.json"
_MOST_OCTETS: Final = 1024 * 1024
_DAY: Final = 86_400
_LOCK_SECONDS: Final = 2.0
_IDENTITY: Final = 16  # characters


class Card(Struct, frozen=True, forbid_unknown_fields=True):
    """What is known of a question.

    Args:
        box: The number of its box, from 0.
        due: When it is due, in seconds since 1970.
    """

    box: int
    due: int


class _File(Struct, frozen=True, forbid_unknown_fields=True):
    version: int
    cards: dict[str, Card]


class Memory:
    """The boxes.

    Args:
        path: The file; by default `quiz.json` in the state directory.
        now: Seconds since 1970; by default the clock's.

    Attributes:
        problem: Why the file could not be read, in a sentence; empty if it could, or is not there.
    """

    def __init__(self, path: Path | None = None, now: float | None = None) -> None:
        self._path = path or state_dir() / _FILE
        self._now = int(time.time() if now is None else now)
        self.problem = ""
        shown = escape_str(str(self._path))
        try:
            self._cards, damaged = self._read()
        except OSError as error:  # the file may be as good as ever: the answers are added to it if it can be read again
            self._cards, damaged = {}, False
            self.problem = f"{shown} cannot be read: {reason_of(error)}; every question counts as new."
        if damaged:
            self.problem = f"{shown} cannot be read, so the boxes begin anew; the file is kept beside the new one."

    def rank(self, question: Question) -> int:
        """Return where a question belongs in a run: 0 answered wrong and due, 1 due or new, 2 known and not due."""
        card = self._cards.get(question.identity)
        if card is None:
            return 1
        if card.due > self._now:
            return 2
        return 0 if card.box == 0 else 1

    def record(self, answers: Iterable[tuple[Question, bool]]) -> None:
        """Store what was answered, the first answer to each question of a run.

        Args:
            answers: The questions, each with whether it was answered right.

        Raises:
            SmtpShellError: The file cannot be written.
        """
        fresh = {question.identity: right for question, right in answers}
        if not fresh:
            return
        try:
            folder = private_folder(self._path.parent)
        except ConfigError as error:
            raise SmtpShellError(f"the answers are not kept: {error}") from None
        try:
            with locked(folder / f"{self._path.name}.lock", _LOCK_SECONDS):
                cards, damaged = self._read()  # another run may have ended meanwhile
                if damaged:
                    self._set_aside()
                for identity, right in fresh.items():
                    card = cards.get(identity)
                    box = min((card.box if card is not None else 0) + 1, len(DAYS) - 1) if right else 0
                    cards[identity] = Card(box, self._now + DAYS[box] * _DAY)
                replace_private(self._path, msgspec.json.encode(_File(1, _bounded(cards))))
        except OSError as error:
            raise SmtpShellError(
                f"the answers are not kept: {escape_str(str(self._path))}: {reason_of(error)}."
            ) from None

    def _read(self) -> tuple[dict[str, Card], bool]:
        """Return the cards, and whether there is something in the file's place that is none of ours.

        Raises:
            OSError: The system cannot read it for now.
        """
        octets = read_private(self._path, _MOST_OCTETS)
        if octets is None:
            return {}, os.path.lexists(self._path)
        try:
            found = msgspec.json.decode(octets, type=_File)
        except (msgspec.DecodeError, UnicodeDecodeError, RecursionError):
            return {}, True
        if found.version != 1 or not all(map(_is_card, found.cards, found.cards.values())):
            return {}, True
        return dict(found.cards), False

    def _set_aside(self) -> None:
        """Rename what cannot be read. Of an older one that was set aside nothing is lost.

        Raises:
            OSError: It cannot be renamed, and nothing may take its place.
        """
        for number in range(1, 100):
            aside = self._path.with_name(f"{self._path.name}.damaged-{number}")
            if not os.path.lexists(aside):
                self._path.rename(aside)
                return


def _is_card(identity: str, card: Card) -> bool:
    return len(identity) == _IDENTITY and 0 <= card.box < len(DAYS) and 0 <= card.due < 2**53


def _bounded(cards: Mapping[str, Card]) -> dict[str, Card]:
    """Return at most `MOST_CARDS` cards: those that are due latest are left out, since they are known best."""
    return dict(sorted(cards.items(), key=lambda item: item[1].due)[:MOST_CARDS])
