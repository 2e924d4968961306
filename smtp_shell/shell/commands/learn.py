"""Commands that help: what there is, what was typed, and how to leave."""

from __future__ import annotations

from smtp_shell.protocol.octets import escape_str
from smtp_shell.shell.completion import names
from smtp_shell.shell.registry import Args, shell_command
from smtp_shell.shell.shell import Shell

_INTRODUCTION = """\
A line that starts with / is for this shell; every other line goes to the server, exactly as typed.
These lines for the server are shorthands; any other form of them goes out as typed:"""
_SIGNS = "Signs before a reply: + 2yz done, > 3yz go on, ~ 4yz try later, ! 5yz refused; = inside TLS, ? inside TLS not verified."
_ROW_WIDTH = 78
_MOST_HISTORY = 200


@shell_command("/help", "[NAME]", complete=names)
def help_(shell: Shell, args: Args) -> None:
    """List the commands, or explain one."""
    if args.text:
        found = shell.registry.find(args.text)
        shell.say(f"  {found.name} {found.usage}".rstrip(), "command")
        shell.say("\n".join(f"  {line}" for line in found.help.split("\n")))
        if found.rfc:
            shell.say(f"  {found.rfc}", "decoded")
        return
    shell.say(_INTRODUCTION)
    for each in shell.registry.values():
        if not each.name.startswith("/"):
            shell.say(_row(each.name, each.usage, each.summary))
    shell.say("And these are the shell's own; /help NAME explains one:")
    for each in shell.registry.values():
        if each.name.startswith("/"):
            shell.say(_row(each.name, "", each.summary))
    shell.say(_SIGNS)


def _row(name: str, usage: str, summary: str) -> str:
    head = f"  {f'{name} {usage}':<15}" if len(name) + len(usage) < 14 else f"  {name:<15}"
    most = _ROW_WIDTH - len(head)
    short = summary if len(summary) <= most else summary[: most - 1].rsplit(" ", 1)[0] + "…"
    return f"{head} {short}"


@shell_command("/history", "[TEXT]")
def history(shell: Shell, args: Args) -> None:
    """List what was typed, or what of it holds TEXT.

    Secrets and mail data are never kept. At the prompt, Ctrl-R searches it.
    """
    found = [line for line in shell.history() if args.text.lower() in line.lower()]
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
