"""A bare prompt_toolkit prompt."""

from prompt_toolkit import PromptSession


def main() -> None:
    PromptSession[str]().prompt("bare> ")


main()
