"""Kinds about pipelining: which lines went out together, what may, and in which order the replies come."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Final

from smtp_shell.study.question import Question, choose, kind, number_forms, quote, said_line, sent_line, typed
from smtp_shell.study.reading import Exchange, Reading, Sent

_LAST: Final = frozenset({"EHLO", "DATA", "VRFY", "EXPN", "TURN", "QUIT", "NOOP"})


def _groups(reading: Reading) -> Iterator[tuple[Exchange, ...]]:
    """Yield the groups of two or more commands that went out in one write, all of whose replies are there."""
    groups: dict[int, list[Exchange]] = {}
    for each in reading.exchanges:
        if each.group:
            groups.setdefault(each.group, []).append(each)
    for group in groups.values():
        whole = all(each.sent is Sent.COMMAND and each.line and len(each.replies) == 1 for each in group)
        if len(group) > 1 and whole and reading.regular and not any(each.verb == "BDAT" for each in group):
            yield tuple(group)


def _names(group: tuple[Exchange, ...]) -> str:
    return f"lines {group[0].line} to {group[-1].line}"


@kind
def pipelining_allows(reading: Reading) -> Iterator[Question]:
    """Ask what PIPELINING allows."""
    for exchange in reading.exchanges:
        said = exchange.reply
        if said is not None and "PIPELINING" in (exchange.announced or {}):
            yield choose(
                said.line,
                f"The reply on line {said.line} announces PIPELINING. What may the client do that it may not do otherwise?",
                "send the next command before the reply to the last one has come",
                [
                    "send several messages over one connection",
                    "leave out the replies that it does not care for",
                    "send commands in any order",
                ],
                "Commands go out in groups, which saves round trips. The order stays, each command has its reply, and the client counts.",
                "RFC 2920 section 3",
            )


@kind
def pipelined_replies(reading: Reading) -> Iterator[Question]:
    """Ask how many replies a group of commands has."""
    for group in _groups(reading):
        yield typed(
            group[0].line,
            f"The client sends {_names(group)} in one write: {len(group)} commands. How many replies does the server owe for them?",
            number_forms(len(group), "reply", "replies"),
            "Each command has one reply, in the order of the commands, however they were sent.",
            "RFC 2920 section 3.2",
        )


@kind
def pipelined_pair(reading: Reading) -> Iterator[Question]:
    """Ask which reply in a group answers a command."""
    for group in _groups(reading):
        for exchange in group:
            right = exchange.replies[0]
            yield choose(
                exchange.line,
                f"The client sends {_names(group)} in one write, and the replies follow. Which of them answers {quote(exchange.text)} "
                f"on line {exchange.line}?",
                said_line(right),
                [said_line(other.replies[0]) for other in group if other is not exchange],
                "Replies come in the order of the commands: the first answers the first, and so on. The client has to count.",
                "RFC 2920 section 3.1",
            )


@kind
def pipelined_together(reading: Reading) -> Iterator[Question]:
    """Ask which line went out in the same write as another."""
    for group in _groups(reading):
        outside = [sent_line(each) for each in reading.client_lines if each.group != group[0].group]
        if outside:
            yield choose(
                group[0].line,
                f"Which of these lines went out in the same write as line {group[0].line}, {quote(group[0].text)}?",
                sent_line(group[1]),
                outside,
                f"{_names(group).capitalize()} are one group. The reply to its first command had not come when the last was sent.",
                "RFC 2920 section 3",
            )


@kind
def last_of_group(reading: Reading) -> Iterator[Question]:
    """Ask which command must be the last of its group."""
    for group in _groups(reading):
        *others, last = group
        if last.verb in _LAST and not any(each.verb in _LAST for each in others):
            verbs = {each.verb for each in others} | {"MAIL", "RCPT", "RSET"}
            yield choose(
                last.line,
                f"The client sends {_names(group)} in one write. Which of these commands may only be the last of a group?",
                last.verb,
                sorted(verbs & {"MAIL", "RCPT", "RSET"}),
                "What follows EHLO, DATA, VRFY, EXPN, TURN, QUIT or NOOP depends on the reply. MAIL, RCPT and RSET may stand anywhere.",
                "RFC 2920 section 3.1",
            )


@kind
def round_trips(reading: Reading) -> Iterator[Question]:
    """Ask how many round trips a group of commands takes."""
    for group in _groups(reading):
        yield typed(
            group[0].line,
            f"The client sends {_names(group)} in one write. How many round trips do they take, where lock-step takes {len(group)}?",
            number_forms(1, "round trip", "trip"),
            f"All go out together, and the replies come together: one round trip in place of {len(group)}.",
            "RFC 2920 section 1",
        )
