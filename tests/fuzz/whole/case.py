r"""A case: one text that says what is typed, what the server does, and where the network cuts.

```
% prompt seg=1,7 keep     how it is run; the first line
> ehlo                    typed
< 550 5.1.1 no            the server's next answer, in place of the sensible one (CRLF is added)
: 250-a\r\n250            the same, exactly these octets
=                         the sensible answer; what follows is added to it
N                         no answer
+ 250 forged\r\n          more octets of the same answer, in a segment of their own
~ 2.5                     seconds of silence, in the same answer
C 4                       only the first octets of the sensible answer
E                         the server closes      Q   with a close_notify      R   resets      W   reads no more
I                         the user presses Ctrl-C
! 421 bye\r\n             said unasked, before the next line is typed; +, ~, E, Q, R and W may follow
```

Each answer belongs to the line above it, and to the next that the server hears while that line runs: a connection, a command, the end of
a message, a response, a ClientHello. `\xNN`, `\r`, `\n` and `\\` are the octets. `@@` is the password, `@=` its base64, `@p` the response
of PLAIN with it, `@M` a line of 5,000 octets, `@H` one of 70,000, `@L` 12,000 lines of a reply. In a line that is
typed, the pictures of control characters (U+2400 and on) are these, and `@f` is a folder with `letter.eml`, `big.eml` and `odd.bin`.
What is none of this is typed.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field

MOST_LINES = 80
LONGEST_LINE = 4_000
_BEGINS, _CONTINUES = "<:=N", "+~CEQRWI"


@dataclass(frozen=True, slots=True)
class Act:
    """One thing that the server does.

    Args:
        kind: The sign of its line.
        text: What follows the sign.
    """

    kind: str
    text: str = ""

    @property
    def number(self) -> float:
        """What follows the sign, as a number from 0 to 100,000; 0 where it is none."""
        try:
            number = float(self.text)
        except ValueError:
            return 0.0
        return min(max(number, 0.0), 100_000.0) if number == number else 0.0


Answer = tuple[Act, ...]


@dataclass(slots=True)
class Turn:
    """A line that is typed, or what the server says unasked, and the answers to it.

    Args:
        typed: The line; None where nothing is typed.
        unasked: What the server does before anything else.
        answers: What it answers, in order.
    """

    typed: str | None = None
    unasked: Answer = ()
    answers: list[Answer] = field(default_factory=list)


@dataclass(frozen=True, slots=True)
class How:
    """How a case is run.

    Args:
        words: The words of its first line.
    """

    words: frozenset[str]

    def __contains__(self, word: str) -> bool:
        return word in self.words

    def numbers(self, name: str) -> tuple[int, ...]:
        """Return the numbers of `name=1,2,3`; none where there is no such word."""
        for word in sorted(self.words):
            key, _, value = word.partition("=")
            if key == name:
                return tuple(
                    int(each) for each in value.split(",") if each.isascii() and each.isdigit() and len(each) < 7
                )
        return ()


def parse(text: str) -> tuple[How, list[Turn]]:
    """Return how a case is run, and its turns, the first of which is the connection's."""
    lines = [line[:LONGEST_LINE] for line in text.split("\n")[:MOST_LINES]]
    how = How(frozenset(lines.pop(0)[1:].split() if lines[0].startswith("%") else ()))
    turns = [Turn()]
    for line in lines:
        sign, rest = line[:1], line[1:].removeprefix(" ")
        turn = turns[-1]
        if sign in _BEGINS and sign:
            turn.answers.append((Act(sign, rest),))
        elif sign in _CONTINUES and sign and turn.answers:
            turn.answers[-1] += (Act(sign, rest),)
        elif sign in _CONTINUES and sign:
            turn.unasked += (Act(sign, rest),)
        elif sign == "!":
            turns.append(Turn(unasked=(Act("+", rest),)))
        else:
            turns.append(Turn(typed=rest if sign == ">" else line))
    return how, turns


def blocks(text: str) -> list[list[str]]:
    """Return the lines of a case in groups that belong together: each typed line with its answers."""
    groups: list[list[str]] = []
    for line in text.split("\n"):
        if groups and line[:1] in _BEGINS + _CONTINUES and line:
            groups[-1].append(line)
        else:
            groups.append([line])
    return groups


def joined(groups: Iterable[Iterable[str]]) -> str:
    """Return the case of these groups of lines."""
    return "\n".join(_lines(groups))


def _lines(groups: Iterable[Iterable[str]]) -> Iterator[str]:
    for group in groups:
        yield from group
