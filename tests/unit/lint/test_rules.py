"""The table of rules."""

import re
import subprocess
import sys

import pytest
from msgspec.structs import replace

from smtp_shell.lint import Severity, rules
from smtp_shell.lint.moments import Answer, CommandLine, View
from smtp_shell.lint.rules import Rule, Said, all_rules, also, rule
from tests.unit.lint import (
    test_auth_rules,
    test_extension_rules,
    test_line_rules,
    test_message_rules,
    test_order_rules,
    test_parameter_rules,
    test_server_rules,
    test_tls_rules,
)

MODULES = (
    test_auth_rules,
    test_extension_rules,
    test_line_rules,
    test_message_rules,
    test_order_rules,
    test_parameter_rules,
    test_server_rules,
    test_tls_rules,
)
# The transcript of this one is made by a test of its own.
_LONG = {"size-not-declared"}


def test_each_rule_has_a_transcript_with_its_fault_and_one_without() -> None:
    assert {case.rule for module in MODULES for case in module.CASES} | _LONG == set(all_rules())


def test_each_rule_has_a_name_a_source_and_a_sentence() -> None:
    for name, each in all_rules().items():
        assert each.name == name
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name)
        assert each.severity in Severity
        assert each.about.endswith(".")
        assert each.sources
        for source in each.sources:
            assert re.fullmatch(
                r"RFC \d+ (section \d+(\.\d+)*|appendix [A-Z](\.\d+)*)|IANA [A-Za-z0-9 ]+|https://\S+", source
            ), source


@pytest.mark.parametrize("first", ["auth_rules", "server_rules", "line_rules"])
def test_the_order_of_the_rules_does_not_depend_on_what_was_imported_first(first: str) -> None:
    code = f"import smtp_shell.lint.{first}; from smtp_shell.lint.rules import all_rules; print(*all_rules())"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert run.stdout.split() == list(all_rules())
    assert list(all_rules()).index("bare-lf") < list(all_rules()).index("cut-base64")


def test_a_rule_stands_in_the_table_with_its_functions(monkeypatch: pytest.MonkeyPatch) -> None:
    table: dict[str, Rule] = {}
    monkeypatch.setattr(rules, "_TABLE", table)

    @rule("a-rule", Severity.ERROR, "RFC 1", "RFC 2", on=CommandLine)
    def of_command(view: View, sent: CommandLine) -> Said:
        """What is wrong.

        More about it.
        """
        return []

    @also("a-rule", on=Answer)
    def of_answer(view: View, answer: Answer) -> Said:
        return []

    @rule("another", Severity.ADVICE, on=Answer)
    def without_words(view: View, answer: Answer) -> Said:
        return []

    checks = ((CommandLine, of_command), (Answer, of_answer))
    assert list(table.values()) == [
        Rule("a-rule", Severity.ERROR, ("RFC 1", "RFC 2"), "What is wrong.", checks),
        Rule("another", Severity.ADVICE, (), "", ((Answer, without_words),)),
    ]
    assert list(table) == ["a-rule", "another"]


def test_a_rule_stands_where_the_module_of_its_first_function_stands(monkeypatch: pytest.MonkeyPatch) -> None:
    late, early, between = (all_rules()[name] for name in ("closed-without-221", "bare-lf", "auth-twice"))
    both = replace(late, checks=(*late.checks, *early.checks))
    monkeypatch.setattr(rules, "_TABLE", {late.name: both, between.name: between})
    assert list(all_rules().values()) == [between, both]


def test_there_are_many_rules() -> None:
    assert len(all_rules()) >= 150
