"""What could be typed next, with a description.

`context` has the values that suggestions are made from, and the options of commands; `suggestions` makes them. What may follow a
command's name is in `words`, `envelope` and `places`. Nothing here draws: the menu is the prompt's.
"""

from __future__ import annotations

from smtp_shell.shell.completion.context import Candidates, CompletionContext, Option, OptionSource, options_of
from smtp_shell.shell.completion.envelope import client_attributes, mail_parameters, rcpt_parameters
from smtp_shell.shell.completion.places import domains, files_after_sign, hosts, paths, paths_or_off
from smtp_shell.shell.completion.suggestions import Suggestion, suggest
from smtp_shell.shell.completion.typed_words import TypedAddresses, TypedHosts
from smtp_shell.shell.completion.words import MATCH_LEVELS, addresses, mechanisms_of, names, one_of

__all__ = [
    "MATCH_LEVELS",
    "Candidates",
    "CompletionContext",
    "Option",
    "OptionSource",
    "Suggestion",
    "TypedAddresses",
    "TypedHosts",
    "addresses",
    "client_attributes",
    "domains",
    "files_after_sign",
    "hosts",
    "mail_parameters",
    "mechanisms_of",
    "names",
    "one_of",
    "options_of",
    "paths",
    "paths_or_off",
    "rcpt_parameters",
    "suggest",
]
