"""What could be typed next, with a description.

`context` has the values that suggestions are made from, and the options of commands; `suggestions` makes them; `words` has what may
follow a command's name. Nothing here draws: the menu is the prompt's.
"""

from __future__ import annotations

from smtp_shell.shell.completion.context import Candidates, CompletionContext, Option, OptionSource, options_of
from smtp_shell.shell.completion.suggestions import Suggestion, suggest
from smtp_shell.shell.completion.typed import TypedAddresses
from smtp_shell.shell.completion.words import (
    addresses,
    client_attributes,
    mail_parameters,
    mechanisms_of,
    names,
    paths,
    rcpt_parameters,
)

__all__ = [
    "Candidates",
    "CompletionContext",
    "Option",
    "OptionSource",
    "Suggestion",
    "TypedAddresses",
    "addresses",
    "client_attributes",
    "mail_parameters",
    "mechanisms_of",
    "names",
    "options_of",
    "paths",
    "rcpt_parameters",
    "suggest",
]
