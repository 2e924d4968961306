"""`/alias`, and what runs an alias."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

from smtp_shell.arguments import did_you_mean
from smtp_shell.errors import UsageError
from smtp_shell.protocol.octets import escape_str
from smtp_shell.shell.aliases import MOST_NESTED, Alias, parse_alias
from smtp_shell.shell.completion import CompletionContext
from smtp_shell.shell.groups import split_lines
from smtp_shell.shell.registry import Args, Registry, ShellCommand, shell_command
from smtp_shell.shell.typed_secrets import hold_credential

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from smtp_shell.shell.shell import Shell

GROUP = "aliases"


def _options(context: CompletionContext, text: str) -> Iterator[tuple[str, str]]:
    yield "--save", "keep it in the configuration"
    yield "--delete", "forget it"


@shell_command(
    "/alias", "[--save] [NAME [= LINE; LINE…]] | --delete [--save] NAME", complete=_options, group="settings"
)
def alias(shell: Shell, args: Args) -> None:
    """Name a line or several, or list the names there are.

    `/alias hello = ehlo; starttls; ehlo; auth` makes /hello, which runs these lines up to the first that fails.
    `/alias to = mail <>; rcpt $1` makes `/to bob@example.org`: $1 to $9 are the words after the name, $* all of them, and $$ is a $.
    `/alias f6 = /capabilities` is what F6 does too: f1 to f12 are the function keys at the prompt.
    With --save the configuration keeps it. --delete forgets it, and with --save the configuration does too.
    A semicolon separates lines if a blank follows it.
    """
    flags, rest = _flags(args.text)
    name, equals, text = rest.partition("=")
    name = name.strip().removeprefix("/")
    if "--delete" in flags:
        if not name or equals:
            raise UsageError("/alias --delete takes the name of an alias; see /help /alias.")
        _delete(shell, name, save="--save" in flags)
    elif equals:
        made = make_alias(shell.registry, name, text.strip())
        _define(shell, made)
        shell.say(_row(made))
        if "--save" in flags:
            _save(shell, made.name, made.text)
    elif name:
        found = _named(shell, name)
        shell.say(_row(found))
        if "--save" in flags:
            _save(shell, found.name, found.text)
    elif flags:
        raise UsageError("/alias --save takes the name of an alias; see /help /alias.")
    else:
        _list(shell)


def with_aliases(shell: Shell, aliases: Mapping[str, str], where: Callable[[str], str]) -> list[ShellCommand[Shell]]:
    """Add the aliases of a configuration, and return all commands that there are then.

    Args:
        shell: The shell.
        aliases: Name to lines.
        where: Returns the file and the line that name an alias, printable.

    Raises:
        UsageError: One of them cannot be an alias.
    """
    commands: Registry[Shell] = Registry.load()
    made: list[Alias] = []
    for name, text in aliases.items():
        try:
            made.append(make_alias(commands, name, text))
        except UsageError as error:
            raise UsageError(f"{where(name)}: {error.message}") from None
    shell.aliases.named.update((each.name, each) for each in made)
    return [*commands.values(), *map(_command, made)]


def make_alias(registry: Registry[Shell], name: str, text: str) -> Alias:
    """Return an alias.

    Args:
        registry: The commands that there are.
        name: The name.
        text: The lines, with `; ` between them.

    Raises:
        UsageError: It cannot be one: its name is a command's, or a line holds a credential.
    """
    made = parse_alias(name, text, split_lines(text))
    there = registry.get(f"/{made.name}")
    if there is not None and there.group != GROUP:
        raise UsageError(f"alias {made.name}: /{made.name} is a command of the shell; choose another name.")
    if hold_credential(made.lines):
        raise UsageError(
            f"alias {made.name} holds a credential, and an alias is shown and kept; write auth alone, which asks for it."
        )
    return made


def _flags(text: str) -> tuple[set[str], str]:
    flags: set[str] = set()
    rest = text
    while rest.startswith("--"):
        word, _, rest = rest.partition(" ")
        rest = rest.lstrip()
        if word not in ("--save", "--delete"):
            raise UsageError(f"/alias has no option {escape_str(word)}; it has --save and --delete.")
        flags.add(word)
    return flags, rest


def _named(shell: Shell, name: str) -> Alias:
    found = shell.aliases.named.get(name)
    if found is None:
        hint = did_you_mean(name, shell.aliases.named, "/alias lists them, and /alias NAME = LINE makes one.")
        raise UsageError(f"{escape_str(name)} is no alias; {hint}")
    return found


def _list(shell: Shell) -> None:
    if not shell.aliases.named:
        shell.say("  No aliases. /alias hello = ehlo; starttls; ehlo makes /hello.")
    for each in sorted(shell.aliases.named.values(), key=lambda each: each.name):
        shell.say(_row(each))


def _row(each: Alias) -> str:
    return f"  {f'/{each.name} {each.usage}'.rstrip():<14} = {escape_str(each.text)}"


def _define(shell: Shell, made: Alias) -> None:
    shell.aliases.named[made.name] = made
    others = (each for each in shell.registry.values() if each.name != f"/{made.name}")
    shell.registry = Registry([*others, _command(made)])


def _delete(shell: Shell, name: str, *, save: bool) -> None:
    found = _named(shell, name)
    del shell.aliases.named[name]
    shell.registry = Registry(each for each in shell.registry.values() if each.name != f"/{name}")
    shell.say(f"  /{found.name} is no more.")
    if save:
        _save(shell, name, None)


def _save(shell: Shell, name: str, text: str | None) -> None:
    from smtp_shell.config import configuration_path
    from smtp_shell.configuration.loading import ALIASES
    from smtp_shell.configuration.writing import save_value, shown_path

    path = configuration_path()
    save_value(path, ALIASES, name, text)
    shell.say(f"  {'Kept in' if text is not None else 'Taken out of'} {shown_path(path)}.")


def _command(made: Alias) -> ShellCommand[Shell]:
    def run(shell: Shell, args: Args) -> None:
        _run(shell, made, args)

    run.__doc__ = f"Run {escape_str(made.text)}.\n\nAn alias, made with /alias."
    return ShellCommand(f"/{made.name}", made.usage, run, group=GROUP)


def _run(shell: Shell, made: Alias, args: Args) -> None:
    from smtp_shell.shell.scripted_lines import run_each

    running = shell.aliases.running
    if made.name in running or len(running) == MOST_NESTED:
        raise UsageError(
            f"/{made.name} runs itself, through {' and '.join(f'/{each}' for each in running)}; change one of them."
        )
    lines = made.filled(args.words)
    running.append(made.name)
    try:
        run_each(shell, ((f"/{made.name}, line {number}", line) for number, line in enumerate(lines, 1)))
    finally:
        running.pop()
