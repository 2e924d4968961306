"""A bare prompt_toolkit prompt that completes from words in a file, while they are typed."""

import sys

from prompt_toolkit import PromptSession
from prompt_toolkit.completion import WordCompleter


def main() -> None:
    with open(sys.argv[1], encoding="utf-8") as file:
        words = file.read().split()
    # As many as smtp-shell shows at most, so that neither draws more.
    completer = WordCompleter(words, match_middle=False)
    PromptSession[str](completer=completer, complete_while_typing=True).prompt("bare> ")


main()
