"""The table of rules."""

import re
import subprocess
import sys

import pytest

from smtp_shell.lint import Severity
from smtp_shell.lint.rules import all_rules
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
    for name, rule in all_rules().items():
        assert rule.name == name
        assert re.fullmatch(r"[a-z0-9]+(-[a-z0-9]+)*", name)
        assert rule.severity in Severity
        assert rule.about.endswith(".")
        assert rule.sources
        for source in rule.sources:
            assert re.fullmatch(
                r"RFC \d+ (section \d+(\.\d+)*|appendix [A-Z](\.\d+)*)|IANA [A-Za-z0-9 ]+|https://\S+", source
            ), source


@pytest.mark.parametrize("first", ["auth_rules", "server_rules", "line_rules"])
def test_the_order_of_the_rules_does_not_depend_on_what_was_imported_first(first: str) -> None:
    code = f"import smtp_shell.lint.{first}; from smtp_shell.lint.rules import all_rules; print(*all_rules())"
    run = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert run.stdout.split() == list(all_rules())
    assert list(all_rules()).index("bare-lf") < list(all_rules()).index("cut-base64")


def test_there_are_many_rules() -> None:
    assert len(all_rules()) >= 150
