"""The completion script for PowerShell, from version 5.1 on, which Windows has."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from smtp_shell.cli.command_tree import Argument, CommandLine

_HEAD = """# PowerShell completion of smtp-shell, as `smtp-shell completion powershell` writes it.

Register-ArgumentCompleter -Native -CommandName 'smtp-shell', 'smtp-shell.exe' -ScriptBlock {
    param($wordToComplete, $commandAst, $cursorPosition)

    # Name of a command -> what it does.
    $commands = [ordered]@{
"""

_TABLES = """    }

    # Name of a command, empty for none -> its options -> what each takes, its values, and what it is for.
    $options = @{
"""

_TAIL = """    }

    # Name of a command -> what it takes besides options.
    $operands = @{
%s    }

    # The words before the cursor, without the one that is being typed.
    $given = @($commandAst.CommandElements | Select-Object -Skip 1 |
        Where-Object { $_.Extent.EndOffset -lt $cursorPosition } | ForEach-Object { $_.Extent.Text })
    $command = ''
    $waiting = $null
    foreach ($word in $given) {
        if ($null -ne $waiting) { $waiting = $null; continue }
        if ($word.StartsWith('-')) {
            $found = $options[$command][$word]
            if ($null -ne $found -and $found[0] -ne 'nothing') { $waiting = $found }
        }
        elseif ($command -eq '' -and $commands.Contains($word)) { $command = $word }
    }

    $results = New-Object System.Collections.ArrayList
    function Add-Result($text, $help) {
        if ($text.StartsWith($wordToComplete, [StringComparison]::Ordinal)) {
            if (-not $help) { $help = $text }
            [void]$results.Add([System.Management.Automation.CompletionResult]::new($text, $text, 'ParameterValue', $help))
        }
    }
    function Add-Value($takes, $words) {
        foreach ($word in $words) { Add-Result $word '' }
        if ($takes -eq 'server') {
            foreach ($word in @(smtp-shell completion --profiles 2>$null)) { Add-Result $word 'profile' }
        }
    }

    if ($null -ne $waiting) { Add-Value $waiting[0] $waiting[1] }
    elseif ($wordToComplete.StartsWith('-')) {
        foreach ($name in $options[$command].Keys) { Add-Result $name $options[$command][$name][2] }
    }
    else {
        if ($command -eq '' -and $given.Count -eq 0) {
            foreach ($name in $commands.Keys) { Add-Result $name $commands[$name] }
        }
        $operand = $operands[$command]
        if ($null -ne $operand) { Add-Value $operand[0] $operand[1] }
        elseif ($wordToComplete -eq '') {
            foreach ($name in $options[$command].Keys) { Add-Result $name $options[$command][$name][2] }
        }
    }
    # Where nothing is found PowerShell completes names of files.
    $results
}
"""


def script(tree: Sequence[CommandLine]) -> str:
    """Return the script.

    Args:
        tree: The commands; the first is the command line without one.
    """
    commands = "".join(f"        {_quoted(line.name)} = {_quoted(line.summary)}\n" for line in tree[1:])
    options = "".join(map(_options, tree))
    operands = "".join(
        f"        {_quoted(line.name)} = @({_quoted(operand.takes.value)}, {_list(operand.words)})\n"
        for line in tree
        for operand in line.operands[:1]
    )
    return "".join((_HEAD, commands, _TABLES, options, _TAIL % operands))


def _options(line: CommandLine) -> str:
    rows = "".join(
        f"            {_quoted(name)} = {_row(option)}\n" for option in line.options for name in option.names
    )
    return f"        {_quoted(line.name)} = [ordered]@{{\n{rows}        }}\n"


def _row(option: Argument) -> str:
    return f"@({_quoted(option.takes.value)}, {_list(option.words)}, {_quoted(option.help)})"


def _list(words: Iterable[str]) -> str:
    return f"@({', '.join(map(_quoted, words))})"


def _quoted(text: str) -> str:
    # PowerShell takes typographic quotes for quotes, too.
    return "'" + "".join(char * 2 if char in "'\u2018\u2019\u201a\u201b" else char for char in text) + "'"
