"""Commands about the shell itself."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from smtp_shell.arguments import nearest
from smtp_shell.errors import UsageError
from smtp_shell.protocol.octets import escape_str
from smtp_shell.shell.completion import CompletionContext, paths
from smtp_shell.shell.registry import Args, shell_command
from smtp_shell.shell.scripted_lines import run_file
from smtp_shell.shell.settings import changed, check_tls_change, settings_table, shown
from smtp_shell.shell.shell import Shell


def _settings(context: CompletionContext, text: str) -> Iterator[tuple[str, str]]:
    table = settings_table()
    name, blank, _ = text.partition(" ")
    if not blank:
        for each, setting in table.items():
            value = shown(context.settings, each) if context.settings is not None else ""
            yield each, f"now {value}: {setting.meaning}" if value.strip("'") else setting.meaning
    elif name.endswith(("-file", "-cert", "-key")):
        yield from paths(context, text)
    elif name in table:
        yield from ((choice, "") for choice in table[name].choices)


@shell_command("/set", "[NAME [VALUE]]", complete=_settings)
def set_(shell: Shell, args: Args) -> None:
    """List the settings, or change one.

    `/set times off` changes one. A setting without a value is shown. They hold until the shell ends.
    `timeout` and all that is about TLS take effect with the next connection or handshake.
    A key is set before its certificate: `/set client-key FILE`, then `/set client-cert FILE`.
    """
    table = settings_table()
    name, _, value = args.text.partition(" ")
    if not name:
        for each, setting in table.items():
            shell.say(f"  {each:<14} {shown(shell.settings, each):<10} {setting.meaning}")
    elif name not in table:
        near = nearest(name, table)
        raise UsageError(
            f"/set: {escape_str(name)} is no setting; {f'did you mean {near}?' if near else '/set lists them.'}"
        )
    elif not value:
        shell.say(f"  {name} {shown(shell.settings, name)}")
    else:
        after = changed(shell.settings, name, value.strip())
        check_tls_change(shell.options, shell.settings, after)
        shell.change_settings(after)


@shell_command("/source", "FILE", complete=paths)
def source(shell: Shell, args: Args) -> None:
    """Run a file of shell lines, as if typed here.

    A line that begins with # is a comment. It stops at the first line that fails.
    """
    run_file(shell, Path(args.one("file")).expanduser())
