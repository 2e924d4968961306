"""Commands that help: what there is, what was typed, and how to leave."""

from __future__ import annotations

from typing import TYPE_CHECKING

from smtp_shell.protocol.octets import escape_str
from smtp_shell.shell.commands.explain import show_explanations
from smtp_shell.shell.completion import Option, names, options_of
from smtp_shell.shell.registry import SHORTHANDS, Args, Registry, ShellCommand, shell_command
from smtp_shell.shell.shell import Shell

if TYPE_CHECKING:
    from smtp_shell.knowledge.explanation import Explanation

_INTRODUCTION = """\
A line that starts with / is for this shell; any other goes to the server.
These go out as SMTP writes them, in capitals; any other line exactly as typed:"""
_OWN = "These are the shell's own; /help NAME explains one, /help GROUP lists a group:"
_SIGNS = """\
Signs before a reply: + 2yz done, > 3yz go on, ~ 4yz try later, ! 5yz refused,
= inside TLS, ? inside TLS that is not verified."""
_ROW_WIDTH = 78
_MOST_HISTORY = 200


@shell_command("/help", "[NAME | GROUP]", complete=names)
def help_(shell: Shell, args: Args) -> None:
    """List the commands, or explain one.

    `/help data` explains one, `/help connection` and `/help shorthands` list a group with a line for each.
    A name that is no command's is explained as /explain does: `/help 354`, `/help PIPELINING`.
    """
    groups = _groups(shell.registry)
    if args.text in groups and f"/{args.text}" not in shell.registry:
        for each in groups[args.text]:
            shell.say(_row(each.name, each.usage if args.text == SHORTHANDS else "", each.summary))
    elif args.text and not _is_named(shell.registry, args.text) and (found := _known(args.text)):
        show_explanations(shell, found)
    elif args.text:
        _explain(shell, shell.registry.find(args.text))
    else:
        shell.say(_INTRODUCTION)
        shell.say(f"  {', '.join(_in_short(each) for each in groups.pop(SHORTHANDS))}")
        shell.say(_OWN)
        for group, commands in groups.items():
            shell.say(f"  {group:<15} {' '.join(each.name for each in commands)}")
        shell.say(_SIGNS)


def _is_named(registry: Registry[Shell], name: str) -> bool:
    return name in registry or f"/{name}" in registry


def _known(text: str) -> tuple[Explanation, ...]:
    from smtp_shell.knowledge.explain import explanations

    return explanations(text) if not text.startswith("/") else ()


def _groups(registry: Registry[Shell]) -> dict[str, list[ShellCommand[Shell]]]:
    groups: dict[str, list[ShellCommand[Shell]]] = {}
    for each in registry.values():
        groups.setdefault(each.group, []).append(each)
    return dict(sorted(groups.items()))


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


def _in_short(shorthand: ShellCommand[Shell]) -> str:
    """Return a shorthand with what may follow it, its options left out."""
    return f"{shorthand.name} {shorthand.usage}".rstrip()


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
