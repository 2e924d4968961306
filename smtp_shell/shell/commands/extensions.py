"""Extensions: what the server announced, groups of commands in one write, and commands that extensions add."""

from __future__ import annotations

from smtp_shell.errors import UsageError
from smtp_shell.protocol.commands import Command, refuse_line_breaks
from smtp_shell.protocol.octets import escape
from smtp_shell.shell.completion import Option, client_attributes, domains, one_of
from smtp_shell.shell.groups import HeldGroup, commands_of, split_lines
from smtp_shell.shell.registry import Args, shell_command, shorthand
from smtp_shell.shell.shell import Shell

_CLIENT_AGAIN = "The dialogue begins anew, as with another client: what was announced counts no more, so say ehlo."
_ROLES_TURNED = (
    "The roles have turned: the server is the client now, and waits for a greeting. "
    "smtp-shell takes no mail, so the connection is closed."
)


@shell_command("/capabilities", group="connection", options=(Option("--json", "one JSON object a keyword"),))
def capabilities(shell: Shell, args: Args) -> None:
    """List what the server announced in its reply to EHLO, as a table: each keyword, what it means, and what its parameters say.

    After starttls it says what has changed: a + before a keyword that is new, a - before one that is gone, a ~ before one with other
    parameters. `--json` prints one object a keyword.
    """
    given = args.read()
    if given.words:
        raise UsageError("/capabilities takes nothing but --json; see /help /capabilities.")
    dialogue = shell.need_session().dialogue
    if dialogue.extensions is None:
        raise UsageError("the server has announced nothing yet; say ehlo (again, after starttls).")
    import shutil

    from smtp_shell.shell.capabilities import capability_records, capability_rows

    announced = dialogue.extensions, dialogue.announced_in_clear
    rows = capability_rows(*announced, width=shutil.get_terminal_size().columns)
    shell.view.answer(rows, capability_records(*announced), as_json="--json" in given)


@shell_command(
    "/pipeline",
    "[LINE; LINE; … | cancel | show]",
    complete=one_of({"cancel": "forget the group that was begun", "show": "draw the last group with its replies"}),
    group="dialogue",
)
def pipeline(shell: Shell, args: Args) -> None:
    """Send several lines in one write, before their replies come (RFC 2920).

    `/pipeline mail ann@example.org; rcpt bob@example.org; data` sends the three at once; each reply is shown under its command's name.
    A semicolon separates lines if a blank follows it. /pipeline alone begins a group: the lines that you type are held until an empty
    line or the next /pipeline, `/pipeline cancel` forgets them.
    `/pipeline show` draws the last group, each command beside its reply and the time that it took.
    DATA, EHLO, AUTH, STARTTLS and others must end a group, since their reply decides what may follow; it is said, and they go out.
    Several lines that are pasted at once go out in one write by themselves, if the server has announced PIPELINING.
    """
    if args.text == "show":
        _show_group(shell)
    elif args.text == "cancel":
        if shell.group is None:
            raise UsageError("no group has been begun; /pipeline begins one.")
        shell.say(f"The group is forgotten: {_counted(len(shell.group.commands))}; nothing was sent.")
        shell.group = None
    elif args.text:
        if shell.group is not None:
            raise UsageError("a group has been begun already: type its lines, and send it with an empty line.")
        commands = [
            each for text in split_lines(args.text) for each in commands_of(text, shell.registry, shell.hello_command)
        ]
        if not commands:
            raise UsageError("/pipeline takes the lines to send, with semicolons between them; see /help /pipeline.")
        shell.group = HeldGroup(shell.need_session().dialogue)
        shell.group.add(commands)
        shell.send_group()
    elif shell.group is not None:
        if not shell.group.commands:
            shell.say("The group is empty; nothing was sent.")
        shell.send_group()
    else:
        shell.group = HeldGroup(shell.need_session().dialogue)
        shell.say(
            "A group begins: lines are held until an empty line. MAIL, RCPT, RSET and BDAT may be followed by others; "
            "any other command is the last of a group."
        )


def _show_group(shell: Shell) -> None:
    import shutil

    from smtp_shell.shell.group_table import group_records, group_rows

    group = shell.wire.group if shell.wire is not None else ()
    if not group:
        raise UsageError("/pipeline show: no group has gone out on this connection; see /help /pipeline.")
    shell.view.answer(group_rows(group, shutil.get_terminal_size().columns), group_records(group))


def _counted(number: int) -> str:
    return f"{number:,} {'command' if number == 1 else 'commands'}"


def _are_attributes(text: str) -> bool:
    from smtp_shell.protocol.client_attributes import written_attributes

    return written_attributes(text) is not None


def _is_anything(text: str) -> bool:
    return True


def _client_command(verb: str, text: str) -> Command:
    from smtp_shell.protocol.client_attributes import written_attributes

    refuse_line_breaks(text, verb.lower())
    return Command.of(verb, " ".join(written_attributes(text) or ()))


@shorthand(
    "xclient",
    "ATTRIBUTE=VALUE…",
    rfc="Postfix XCLIENT_README",
    applies=_are_attributes,
    complete=client_attributes("XCLIENT"),
)
def xclient(shell: Shell, args: Args) -> None:
    """Speak as another client, to a server that trusts this one.

    `xclient name=client.example.org addr=2001:db8::1` sends XCLIENT NAME=client.example.org ADDR=IPV6:2001:db8::1. Values are put into
    xtext; a value with blanks stands in double quotes. [UNAVAILABLE] says that there is none.
    After the 220, a greeting, the dialogue begins anew.
    """
    reply = shell.command(_client_command("XCLIENT", args.text))
    if reply is None or reply.code != 220:
        return
    if shell.settings.auto_ehlo:
        shell.hello()
    elif shell.options.interactive:
        shell.say(_CLIENT_AGAIN)


@shorthand(
    "xforward",
    "ATTRIBUTE=VALUE…",
    rfc="Postfix XFORWARD_README",
    applies=_are_attributes,
    complete=client_attributes("XFORWARD"),
)
def xforward(shell: Shell, args: Args) -> None:
    """Pass on who the original client was, for the server's log.

    `xforward name=client.example.org addr=192.0.2.1` is written as xclient writes it. The dialogue goes on where it was.
    """
    shell.command(_client_command("XFORWARD", args.text))


@shorthand("atrn", "[DOMAINS]", rfc="RFC 2645 §5.2.1", applies=_is_anything, complete=domains)
def atrn(shell: Shell, args: Args) -> None:
    """Ask the server to turn the roles, and to send what it has for domains over this connection.

    After the 250 the server would be the client, and wait for a greeting. smtp-shell takes no mail: it says so, and closes.
    """
    _turn(shell, Command.of("ATRN", args.text))


@shorthand("turn", rfc="RFC 5321 appendix F.1", applies=_is_anything)
def turn(shell: Shell, args: Args) -> None:
    """Ask the server to turn the roles, as before 1995.

    It is obsolete, since anybody could ask for anybody's mail. After a 250 it ends as atrn does.
    """
    _turn(shell, Command.of("TURN", args.text))


def _turn(shell: Shell, command: Command) -> None:
    reply = shell.command(command)
    if reply is None or reply.code != 250 or shell.session is None or not shell.session.is_open:
        return
    shell.say(f"{_ROLES_TURNED} It said: {escape(reply.lines[-1])[:100]}", "notice")
    shell.disconnect()
