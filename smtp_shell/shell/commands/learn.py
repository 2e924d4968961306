"""Commands that help: what there is, what was typed, and how to leave."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtp_shell.protocol.octets import escape_str
from smtp_shell.shell.commands.explain import show_explanations
from smtp_shell.shell.completion import CompletionContext, Option, names, options_of
from smtp_shell.shell.registry import SHORTHANDS, Args, Registry, ShellCommand, shell_command
from smtp_shell.shell.shell import Shell

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from smtp_shell.knowledge.explanation import Explanation

TASKS: Mapping[str, tuple[str, ...]] = {
    SHORTHANDS: (
        *("ehlo", "helo", "lhlo", "starttls", "auth", "mail", "rcpt", "data", "bdat", "quit"),
        *("turn", "atrn", "xclient", "xforward"),
    ),
    "connection": ("/connect", "/reconnect", "/disconnect", "/drop", "/mx", "/wait"),
    "details": ("/status", "/capabilities", "/tls", "/hex", "/timing", "/diagram"),
    "messages": ("/compose", "/header", "/attach", "/edit", "/send"),
    "dialogue": ("/raw", "/pipeline", "/watch"),
    "transcripts": ("/record", "/note", "/save", "/show", "/replay", "/as", "/capture", "/output"),
    "learning": ("/explain", "/lesson", "/quiz", "/lint"),
    "practice": ("/inbox", "/sessions"),
    "settings": ("/set", "/alias", "/source", "/history", "/help", "/exit"),
}
"""Task -> what the shell does for it, in the order in which one needs it: the rows of `/help`. Others follow below the group's name."""

_INTRODUCTION = """\
A line that starts with / is for this shell, any other for the server.
Shorthands become what SMTP writes, all else goes out exactly as typed."""
_MORE = """\
/help NAME explains one, /help TASK a task (/help details), /help 354 a reply.
Tab completes, Ctrl-R searches, Ctrl-C ends a wait, Ctrl-D leaves: /help keys."""
_SIGNS = """\
Signs before a reply: + 2yz done, > 3yz go on, ~ 4yz try later, ! 5yz refused;
before any line: | inside TLS, ? inside TLS that is not verified."""
_KEYS = "keys"
_ROW_WIDTH = 78
_TASK_WIDTH = 12  # with two blanks after the longest: on a narrow screen the names are wrapped in their own column
_MOST_HISTORY = 200


def _names(context: CompletionContext, text: str) -> Iterator[tuple[str, str]]:
    yield from names(context, text)
    if " " not in text.strip():
        yield _KEYS, "the keys of the prompt and of the editor for mail data"


@shell_command("/help", "[NAME | TASK | keys]", complete=_names)
def help_(shell: Shell, args: Args) -> None:
    """List the commands by task, or explain one.

    `/help data` explains one, `/help connection` and `/help shorthands` list a task with a line for each command.
    `/help keys` lists keys. F1 at the prompt explains the command that is typed.
    A name that is no command's is explained as /explain does: `/help 354`, `/help PIPELINING`.
    """
    groups = by_task(shell.registry)
    if args.text in groups and f"/{args.text}" not in shell.registry:
        for each in groups[args.text]:
            shell.say(_row(each.name, each.usage if args.text == SHORTHANDS else "", each.summary))
    elif args.text == _KEYS:
        show_keys(shell)
    elif args.text and not _is_named(shell.registry, args.text) and (found := _known(args.text)):
        show_explanations(shell, found)
    elif args.text:
        _explain(shell, shell.registry.find(args.text))
    else:
        shell.say(_INTRODUCTION)
        for group, commands in groups.items():
            shell.say(f"  {group:<{_TASK_WIDTH}} {' '.join(each.name for each in commands)}")
        shell.say(_MORE)
        shell.say(_SIGNS)


def show_keys(shell: Shell) -> None:
    """Show the keys of the prompt and of the editor for mail data."""
    from smtp_shell.shell.key_table import KEYS

    for place, keys in KEYS.items():
        shell.say(f"  {place}:", "command")
        for key, meaning in keys.items():
            shell.say(f"    {key:<14} {meaning}")


def _is_named(registry: Registry[Shell], name: str) -> bool:
    return name in registry or f"/{name}" in registry


def _known(text: str) -> tuple[Explanation, ...]:
    from smtp_shell.knowledge.explain import explanations

    return explanations(text) if not text.startswith("/") else ()


def by_task(registry: Registry[Shell]) -> dict[str, list[ShellCommand[Shell]]]:
    """Return all commands by task, in the order of `TASKS`; one that is in none of them is in that of its group."""
    groups = {task: [registry[name] for name in members if name in registry] for task, members in TASKS.items()}
    placed = {name for members in TASKS.values() for name in members}
    for name, each in registry.items():
        if name not in placed:
            groups.setdefault(each.group, []).append(each)
    return groups


def _explain(shell: Shell, found: ShellCommand[Shell]) -> None:
    shell.say(f"  {found.name} {found.synopsis}".rstrip(), "command")
    for line in found.help.split("\n"):
        shell.say(f"  {line}".rstrip())
    options = options_of(found.options)
    width = max((len(each.usage) for each in options), default=0)
    for each in options:
        shell.say(f"  {each.usage:<{width}}  {each.meaning}".rstrip())
    if found.rfc:
        shell.say(f"  {found.rfc}", "decoded")


def _row(name: str, usage: str, summary: str) -> str:
    head = f"  {f'{name} {usage}':<15}" if len(name) + len(usage) < 14 else f"  {name:<15}"
    most = _ROW_WIDTH - len(head)
    short = summary if len(summary) <= most else summary[: most - 1].rsplit(" ", 1)[0] + "…"
    return f"{head} {short}"


@shell_command("/history", "[TEXT]", options=(Option("--here", "only what was typed at this server"),))
def history(shell: Shell, args: Args) -> None:
    """List what was typed, or what of it holds TEXT.

    Secrets and mail data are never kept. At the prompt, Ctrl-R searches it, and the arrows recall what was typed at this server first.
    """
    # Quotes are part of TEXT, unless an option stands before it.
    given = args.read() if args.text.startswith("--") else None
    text = (" ".join(given.words) if given is not None else args.text).lower()
    lines = shell.typed_here() if given is not None and "--here" in given else shell.history()
    found = [line for line in lines if text in line.lower()]
    if not found:
        shell.say("  nothing.")
    for number, line in list(enumerate(found, 1))[-_MOST_HISTORY:]:
        shell.say(f"  {number:>4}  {escape_str(line)}")


@shell_command("/exit")
def exit_(shell: Shell, args: Args) -> None:
    """Leave the shell, and close the connection.

    Ctrl-D does the same.
    """
    args.none()
    shell.leaving = True
