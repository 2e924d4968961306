"""Commands about the shell itself."""

from __future__ import annotations

import os
from collections.abc import Iterator
from typing import TYPE_CHECKING

from smtp_shell.arguments import did_you_mean
from smtp_shell.config import user_path
from smtp_shell.errors import UsageError
from smtp_shell.protocol.octets import escape_str
from smtp_shell.shell.completion import CompletionContext, paths
from smtp_shell.shell.registry import Args, shell_command
from smtp_shell.shell.scripted_lines import run_file
from smtp_shell.shell.settings import changed, check_tls_change, settings_table, shown
from smtp_shell.shell.shell import Shell

if TYPE_CHECKING:
    from smtp_shell.configuration.loading import Scalar

_SAVE, _ORIGIN, _JSON = "--save", "--origin", "--json"
_OPTIONS = {_SAVE: "keep a setting in the configuration", _ORIGIN: "where each setting came from"}


def _settings(context: CompletionContext, text: str) -> Iterator[tuple[str, str]]:
    *words, _ = text.split(" ")
    table = settings_table()
    given = [word for word in words if word not in (*_OPTIONS, _JSON)]
    if not given:
        for each, setting in table.items():
            value = shown(context.settings, each) if context.settings is not None else ""
            yield each, f"now {value}: {setting.meaning}" if value.strip("'") else setting.meaning
    elif given[0].endswith(("-file", "-cert", "-key")):
        yield from paths(context, text)
    elif given[0] in table:
        yield from ((choice, "") for choice in table[given[0]].choices)
    if not words:
        yield from _OPTIONS.items()
    elif words[0] == _ORIGIN and _JSON not in words:
        yield _JSON, "one JSON object a setting"


@shell_command("/set", "[NAME [VALUE]] | --save [NAME [VALUE]] | --origin [NAME] [--json]", complete=_settings)
def set_(shell: Shell, args: Args) -> None:
    """List the settings, or change one.

    `/set times off` changes one. A setting without a value is shown. They hold until the shell ends.
    `/set --save times off` keeps it in the configuration file too; `--save` alone keeps all that /set has changed.
    `/set --origin` says where each came from. The command line precedes a profile, the environment (SMTP_SHELL_TIMES) and the file.
    `timeout` and all that is about TLS take effect with the next connection or handshake.
    A key is set before its certificate: `/set client-key FILE`, then `/set client-cert FILE`.
    """
    from smtp_shell.shell.configured import TYPED

    option, rest = _option(args.text)
    name, _, value = rest.partition(" ")
    table = settings_table()
    if option == _ORIGIN:
        _show_origins(shell, rest)
        return
    if name and name not in table:
        raise _unknown(name)
    if value.strip():
        after = changed(shell.settings, name, value.strip())
        check_tls_change(shell.options, shell.settings, after)
        shell.change_settings(after)
        shell.origins[name.replace("-", "_")] = TYPED
    if option == _SAVE:
        _save(shell, name)
    elif not name:
        for each, setting in table.items():
            shell.say(f"  {each:<14} {shown(shell.settings, each):<10} {setting.meaning}")
    elif not value.strip():
        shell.say(f"  {name} {shown(shell.settings, name)}")


def _option(text: str) -> tuple[str, str]:
    if not text.startswith("--"):
        return "", text
    word, _, rest = text.partition(" ")
    if word not in _OPTIONS:
        raise UsageError(f"/set has no option {escape_str(word)}; it has --save and --origin.")
    return word, rest.strip()


def _unknown(name: str) -> UsageError:
    hint = did_you_mean(name.replace("_", "-"), settings_table(), "/set lists them.")
    return UsageError(f"/set: {escape_str(name)} is no setting; {hint}")


def _show_origins(shell: Shell, rest: str) -> None:
    """Show where settings came from: all of them, or one."""
    from smtp_shell.shell.configured import DEFAULT, shown_origin

    words = rest.split()
    as_json = _JSON in words
    names = [word for word in words if word != _JSON]
    unknown = next((name for name in names if name not in settings_table()), None)
    if unknown is not None:
        raise _unknown(unknown)
    found = []
    for name in names or settings_table():
        field = name.replace("-", "_")
        origin = shown_origin(shell.origins.get(field, DEFAULT), field, shell.options.configuration)
        found.append((name, shown(shell.settings, name), origin))
    shell.view.answer(
        [
            (f"  {name:<14} {value:<14} {origin}", "said" if origin == DEFAULT else "quoted")
            for name, value, origin in found
        ],
        [{"setting": name, "value": value, "origin": origin} for name, value, origin in found],
        as_json=as_json,
    )


def _save(shell: Shell, name: str) -> None:
    """Keep settings in the configuration: one, or all that were changed here."""
    from smtp_shell.config import configuration_path, setting_variable
    from smtp_shell.configuration.loading import SETTINGS
    from smtp_shell.configuration.writing import save_value, shown_path
    from smtp_shell.shell.configured import TYPED

    names = [name.replace("-", "_")] if name else [each for each, origin in shell.origins.items() if origin == TYPED]
    if not names:
        raise UsageError("/set --save: /set has changed nothing here; name a setting, as in /set --save theme light.")
    path = configuration_path()
    for each in names:
        save_value(path, SETTINGS, each, _kept(shell, each))
        shell.origins[each] = shown_path(path)
    what = ", ".join(each.replace("_", "-") for each in names)
    shell.say(f"  Kept in {shown_path(path)}: {what}.")
    for each in names:
        if os.environ.get(setting_variable(each)):
            shell.say(f"  {setting_variable(each)} is set, and precedes the file.", "notice")


def _kept(shell: Shell, field: str) -> Scalar:
    """Return the value of a setting as the file keeps it: the name of a file whole, wherever the next shell starts."""
    from smtp_shell.shell.configured import FILES

    value: Scalar = getattr(shell.settings, field)
    if isinstance(value, str) and value and field in FILES:
        return str(user_path(value).absolute())
    return int(value) if isinstance(value, float) and value.is_integer() else value


@shell_command("/source", "FILE", complete=paths)
def source(shell: Shell, args: Args) -> None:
    """Run a file of shell lines, as if typed here.

    A line that begins with # is a comment. It stops at the first line that fails.
    """
    run_file(shell, user_path(args.one("file")))
