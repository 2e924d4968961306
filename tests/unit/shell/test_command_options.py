"""The options of a command: what follows its name is read by them, and a wrong one is named."""

import argparse

import pytest

from smtp_shell.arguments import ArgumentParser, parser_arguments
from smtp_shell.errors import UsageError
from smtp_shell.shell.command_options import parser_options, read_options, synopsis
from smtp_shell.shell.completion import Option

OPTIONS = (
    Option("--tls", "TLS at once", either="tls"),
    Option("--starttls", "TLS later", either="tls"),
    Option("--var", "a value", "NAME=VALUE", repeats=True),
    Option("--form", "how", "FORM", choices={"v1": "text", "v2": "octets"}),
    Option("-4", "IPv4 only"),
)


def test_options_and_words_are_told_apart() -> None:
    given = read_options("/x", ["a", "--tls", "--var", "n=1", "--var=m=2", "--form", "v2", "-4", "-", "b"], OPTIONS)
    assert given.words == ["a", "-", "b"]
    assert given.values == {"--tls": [], "--var": ["n=1", "m=2"], "--form": ["v2"], "-4": []}
    assert "--tls" in given
    assert "--starttls" not in given
    assert given.last("--var") == "m=2"
    assert given.last("--starttls", "none") == "none"


def test_after_two_hyphens_no_word_is_an_option() -> None:
    assert read_options("/x", ["--", "--tls"], OPTIONS).words == ["--tls"]


@pytest.mark.parametrize(
    ("words", "says"),
    [
        (["--startls"], "/x has no option --startls; did you mean --starttls?"),
        (["--zzzzzz=1"], "/x has no option --zzzzzz; see /help /x."),
        (["--\x1b[2J"], r"has no option --\\x1b\[2J"),
        (["--var"], "--var takes a value, NAME=VALUE"),
        (["--tls=1"], "--tls takes no value"),
        (["--tls", "--starttls"], "--tls and --starttls exclude each other"),
        (["--form=v1", "--form=v2"], "--form is given twice"),
        (["--form", "v3"], "--form v3: it takes one of v1, v2"),
    ],
)
def test_what_does_not_fit_is_a_sentence(words: list[str], says: str) -> None:
    with pytest.raises(UsageError, match=says):
        read_options("/x", words, OPTIONS)


def test_the_synopsis_joins_what_excludes_each_other() -> None:
    assert synopsis(OPTIONS) == "[--tls | --starttls] [--var NAME=VALUE] [--form FORM] [-4]"


def test_the_options_of_an_argument_parser_are_data_too() -> None:
    parser = ArgumentParser(prog="/x", add_help=False)
    parser.add_argument("file")
    parser.add_argument("-n", "--number", type=int, metavar="N", help="how  many,\n 50%% of all")
    parser.add_argument("--hidden", help=argparse.SUPPRESS)
    group = parser.add_argument_group("more").add_mutually_exclusive_group()
    group.add_argument("--level", choices=("low", "high"), help="how much")
    group.add_argument("--flag", action="store_true")
    parser.add_argument("--var", action="append", metavar="NAME=VALUE")
    assert parser_options(parser) == (
        Option("--number", "how many, 50% of all", "N"),
        Option("--var", "", "NAME=VALUE", repeats=True),
        Option("--level", "how much", "LEVEL", choices={"low": "", "high": ""}),
        Option("--flag", ""),
    )
    assert [each.dest for each in parser_arguments(parser)] == ["file", "number", "var", "level", "flag"]
