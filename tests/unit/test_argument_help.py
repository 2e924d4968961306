"""The parser's help: examples first, a usage in few lines, and its arguments as data."""

import argparse

import pytest

from smtp_shell.arguments import ArgumentParser


def parser(options: int = 2) -> ArgumentParser:
    made = ArgumentParser(
        prog="x", description="Do it.", examples=(("x a", "with a"), ("x a b", "")), epilog="The end."
    )
    made.add_argument("first", metavar="FIRST", help="the first")
    made.add_argument("rest", nargs="*", metavar="MORE", help="the others")
    group = made.add_argument_group("details")
    for number in range(options):
        group.add_argument(f"--option-number-{number}", metavar="N", help="a number")
    group.add_argument("--needed", required=True, metavar="THIS", help="must be there")
    group.add_argument("--hidden", help=argparse.SUPPRESS)
    return made


@pytest.fixture(autouse=True)
def _eighty_columns(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", "80")


def test_examples_are_between_the_description_and_the_arguments() -> None:
    text = parser().format_help()
    head, _, rest = text.partition("\n\npositional arguments:\n")
    assert head.endswith("\n\nDo it.\n\nexamples:\n  x a    with a\n  x a b")
    assert rest.endswith("\n\nThe end.\n")
    assert parser().format_help() == text


def test_a_usage_that_is_long_leaves_out_what_may_be_left_out() -> None:
    text = parser(options=20).format_help()
    assert text.startswith("usage: x [OPTIONS] --needed THIS FIRST [MORE ...]\n\nDo it.\n")
    assert "--option-number-19 N" in text


def test_a_usage_that_is_short_stays() -> None:
    assert parser().format_help().startswith("usage: x [-h] [--option-number-0 N] ")


def test_the_arguments_are_listed_by_section_without_those_that_are_hidden() -> None:
    made = parser()
    before = made.format_help()
    found = {heading: [action.dest for action in actions] for heading, actions in made.sections()}
    assert found == {
        "positional arguments": ["first", "rest"],
        "options": ["help"],
        "details": ["option_number_0", "option_number_1", "needed"],
    }
    assert made.format_help() == before
