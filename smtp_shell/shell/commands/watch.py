"""A line that is repeated."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from smtp_shell.errors import UsageError
from smtp_shell.protocol.octets import escape_str
from smtp_shell.shell.completion import MATCH_LEVELS, Option
from smtp_shell.shell.registry import Args, shell_command

if TYPE_CHECKING:
    from smtp_shell.shell.shell import Shell

_OPTIONS = (
    Option("--count", "how many times; without it, until Ctrl-C", "K"),
    Option("--until-change", "end at the first change"),
    Option("--match", "how replies are compared", "LEVEL", choices=MATCH_LEVELS),
)
_NESTED = ("/watch", "/exit", "/quiz", "/lesson", "/compose", "/source")
_WORD = re.compile(r"\s*(--[a-z-]+)(?:=(\S*))?(?:\s+|$)")
_SECONDS = re.compile(r"\s*(\S+)(?:\s+(.*))?", re.DOTALL)


@shell_command("/watch", "SECONDS LINE", group="dialogue", options=_OPTIONS)
def watch(shell: Shell, args: Args) -> None:
    """Run a line every so many seconds until Ctrl-C, and say what has changed in the answer.

    `/watch 10 noop` keeps a connection alive, `/watch 60 /connect mail.example.org` says when a server is back or speaks otherwise.
    The first answer is shown whole. After that a line says that it is the same, or the dialogue is shown with what differs: - was, + is.
    Options precede the line: `/watch 2 --count 5 --match code vrfy bob`. `--until-change` ends at the first change.
    Replies are compared as `replay --match` compares them, by text if nothing is said.
    """
    from smtp_shell.matching.expectation import Strictness
    from smtp_shell.shell.typed_secrets import begins_exchange
    from smtp_shell.shell.watching import Plan, Watch, interval

    before, rest = _split(args.text)
    found = _SECONDS.fullmatch(rest)
    after, line = _split((found[2] or "").strip() if found is not None else "")
    given = Args(args.name, f"{before} {after}", args.options).read()
    if found is None or not line:
        raise UsageError("/watch takes seconds and a line, such as /watch 10 noop; see /help /watch.")
    lines = shell.aliases.expanded(line)
    nested = next((each.split()[0] for each in lines if each.split()[:1] and each.split()[0] in _NESTED), "")
    if nested or shell.group is not None:
        raise UsageError(f"/watch: {escape_str(nested or line.split()[0])} cannot be repeated here.")
    if any(begins_exchange(each) or _goes_back(each) for each in lines):
        raise UsageError("/watch: AUTH is not repeated: servers lock an account after some logins.")
    count = given.last("--count", "0")
    if "--count" in given and not re.fullmatch("[1-9][0-9]{0,8}", count, re.ASCII):
        raise UsageError(f"/watch --count {escape_str(count)[:20]}: it takes a number from 1.")
    strictness = Strictness.parse(given.last("--match", "text"))
    Watch(shell, Plan(line, interval(found[1]), int(count), strictness, "--until-change" in given)).run()


def _goes_back(line: str) -> bool:
    """Return whether a line connects again and does AUTH again."""
    words = line.split()
    return words[:1] == ["/reconnect"] and "--back" in words


def _split(text: str) -> tuple[str, str]:
    """Return the options that a line begins with, and what follows them: that is another line, whose own options are its own."""
    valued = {option.name for option in _OPTIONS if option.value}
    at = 0
    while found := _WORD.match(text, at):
        at = found.end()
        if found[1] in valued and found[2] is None and (value := re.compile(r"\S+\s*").match(text, at)):
            at = value.end()
    return text[:at], text[at:]
