"""`/explain`: the last exchange, or anything else that is known."""

from __future__ import annotations

from collections.abc import Iterator
from typing import TYPE_CHECKING

from smtp_shell.errors import UsageError
from smtp_shell.shell.completion import CompletionContext
from smtp_shell.shell.registry import Args, shell_command
from smtp_shell.shell.shell import Shell

if TYPE_CHECKING:
    from smtp_shell.knowledge.exchanges import Exchange, Exchanges
    from smtp_shell.knowledge.explanation import Explanation

_NOTHING_YET = "/explain: nothing has been said yet; /connect first, or name what to explain: /explain 550 5.7.1."


def _facts(context: CompletionContext, text: str) -> Iterator[tuple[str, str]]:
    """Yield the names of all facts, with their titles; of a name with blanks what follows those that were typed."""
    from smtp_shell.knowledge.tables import KINDS, titles

    typed, at = text.lower(), text.rfind(" ") + 1
    for kind in KINDS if not typed[:1].isdigit() else ("reply", "enhanced"):
        for name, title in titles(kind).items() if kind != "refusal" else ():
            # The class of an enhanced code is an x there: x.7.1 is 5.7.1 and 4.7.1.
            found = f"{typed[0]}{name[1:]}" if kind == "enhanced" and typed[:1].isdigit() else name
            if found.lower().startswith(typed):
                yield found[at:], title


@shell_command("/explain", "[WHAT]", complete=_facts, group="learn")
def explain(shell: Shell, args: Args) -> None:
    """Explain the last exchange, or anything else.

    With nothing after it: what the last command and its reply mean, why it was refused, and what is in order now.
    `/explain 550 5.7.1`, `/explain PIPELINING`, `/explain AUTH LOGIN` and `/explain open relay` need no connection.
    A whole line of a dialogue is explained too. `/set explain on` puts a line under each 4yz and 5yz, `all` under every reply.
    """
    if args.text:
        from smtp_shell.knowledge.explain import explanations, nothing_known

        found = explanations(args.text)
        if not found:
            raise UsageError(f"/explain: {nothing_known(args.text)}")
        show_explanations(shell, found)
        return
    exchanges = shell.explanations.exchanges if shell.explanations is not None else None
    if exchanges is None or (exchanges.last is None and not _owed(shell)):
        raise UsageError(_NOTHING_YET)
    _show_last(shell, exchanges)


def show_explanations(shell: Shell, found: tuple[Explanation, ...]) -> None:
    """Show explanations, each with its heading."""
    for each in found:
        heading, *rows = each.lines()
        shell.say(f"  {heading}", "command")
        for row in rows:
            shell.say(row)


def _owed(shell: Shell) -> str:
    """Return what the server owes now, in words; empty for nothing."""
    owed = shell.session.dialogue.owed if shell.session is not None and shell.session.is_open else ()
    return str(owed[0]) if owed else ""


def _show_last(shell: Shell, exchanges: Exchanges) -> None:
    from smtp_shell.knowledge.explanation import row
    from smtp_shell.knowledge.narration import explanation_of, of_command, situation

    if owed := _owed(shell):
        shell.say(row("Now", f"The client waits for {owed}; /wait waits for it, /drop ends the connection."))
    last = exchanges.last
    if last is None:
        return
    shell.say(f"  C: {_client_line(last)}", "command")
    if last.command is not None and not last.is_answer:
        for told in of_command(last.command)[:1]:
            shell.say(f"     {told}")
    if last.reply is not None:
        shell.say(f"  S: {last.reply.one_line()}", "quoted")
    for label, text in situation(last, exchanges):
        shell.say(row(label, text))
    show_explanations(shell, (explanation_of(last),))


def _client_line(exchange: Exchange) -> str:
    from smtp_shell.display.render import shown_command

    if exchange.is_answer:
        return "(an answer in the AUTH exchange)"
    if exchange.command is not None:
        return shown_command(exchange.command, 1000)
    return "." if exchange.ends_message else "(nothing: the reply came by itself)"
