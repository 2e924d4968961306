"""The table of parameters: forms of values, what allows them, and how a shorthand writes them."""

import re

import pytest

from smtp_shell.knowledge.lookup import ParameterFact, facts
from smtp_shell.protocol.parameters import PARAMETERS, written_parameter


def test_the_table_and_the_facts_name_the_same_parameters_for_the_same_commands() -> None:
    known = facts(ParameterFact)
    assert set(PARAMETERS) == set(known)
    for name, row in PARAMETERS.items():
        assert row.commands == set(known[name].commands)
        assert row.extension == known[name].extension
        assert not row.fault(known[name].example.removeprefix(name).removeprefix("="))


def test_each_row_says_where_it_is_defined_and_what_its_value_is() -> None:
    for row in PARAMETERS.values():
        assert re.fullmatch(r"(RFC \d+|draft-\S+) section \d+(\.\d+)*|https://\S+", row.source)
        assert row.meaning
        assert bool(row.form) == bool(row.said)
        for value in row.values:
            assert value.text.endswith(";") or not row.fault(value.text)


@pytest.mark.parametrize(
    ("name", "good", "bad"),
    [
        ("SIZE", ["0", "1200", "9" * 20], ["", "-1", "1e3", "9" * 21, "１２"]),
        ("BODY", ["7BIT", "8bitmime", "BinaryMime"], ["", "8BIT"]),
        ("SMTPUTF8", [""], ["yes"]),
        ("RET", ["FULL", "hdrs"], ["", "ALL"]),
        ("ENVID", ["QQ314159", "a+2Bb", "x" * 100, "+20" * 100], ["", "a b", "a+b", "a=b", "a+2b", "x" * 101, "é"]),
        ("NOTIFY", ["NEVER", "success", "DELAY,FAILURE"], ["", "NEVER,FAILURE", "SUCCESS,", "ALWAYS"]),
        (
            "ORCPT",
            ["rfc822;bob@example.org", "rfc822;bob+2Blists@example.org", "utf-8;büro@example.org", "x400;/c=us".replace("=", "+3D")],
            ["", "bob@example.org", "rfc822;", "rfc822;a+b@example.org", "rfc822;büro@example.org", "rfc822;" + "x" * 500],
        ),
        ("AUTH", ["<>", "ann@example.org", "e+3Dmc2@example.org"], ["", "ann lee", "e=mc2@example.org"]),
        ("MT-PRIORITY", ["-9", "0", "9"], ["", "10", "-0", "+1", "03"]),
        ("BY", ["120;R", "-5;n", "0;N", "+9;RT"], ["", "120", "0;R", "-1;R", "1;X", "1234567890;N"]),
        ("HOLDFOR", ["1", "999999999"], ["", "0", "01", "1000000000", "1 h"]),
        (
            "HOLDUNTIL",
            ["2030-01-31T08:00:00Z", "2028-02-29t23:59:60+05:30", "2000-02-29T00:00:00.5z"],
            ["", "2030-01-31", "2030-02-30T08:00:00Z", "2030-13-01T00:00:00Z", "1900-02-29T00:00:00Z", "2030-01-31T24:00:00Z"],
        ),
        ("RRVS", ["2014-04-03T23:01:00Z", "2014-04-03T23:01:00Z;C"], ["", "2014-04-31T23:01:00Z", "2014-04-03T23:01:00Z;X"]),
        ("MTRK", ["bzR0aGVy", "bzR0aGVy:86400"], ["", "bzR0aGVy=", "a:b"]),
        ("SOLICIT", ["org.example:ADV:ADLT", "net.example:a,org.example:b"], ["", ",", "1"]),
        ("XVERP", ["", "+="], ["+", "ab"]),
        ("TRANSID", ["<1@client.example.org>"], ["", "1", "<>"]),
    ],
)  # fmt: skip
def test_a_value_fits_or_is_told_in_a_sentence(name: str, good: list[str], bad: list[str]) -> None:
    row = PARAMETERS[name]
    assert [value for value in good if row.fault(value)] == []
    for value in bad:
        assert row.fault(value)
        assert row.fault(value).isprintable()
        assert not row.fault(value).endswith(".")


def test_binarymime_needs_two_keywords() -> None:
    assert PARAMETERS["BODY"].extensions("BINARYMIME") == ("BINARYMIME", "CHUNKING")
    assert PARAMETERS["BODY"].extensions("8bitmime") == ("8BITMIME",)


@pytest.mark.parametrize(
    ("typed", "sent"),
    [
        ("size=1200", "SIZE=1200"),
        ("smtputf8", "SMTPUTF8"),
        ("notify=success,failure", "NOTIFY=success,failure"),
        ("orcpt=rfc822;bob@example.org", "ORCPT=rfc822;bob@example.org"),
        ("orcpt=rfc822;bob+lists@example.org", "ORCPT=rfc822;bob+2Blists@example.org"),
        ("orcpt=rfc822;bob+2Blists@example.org", "ORCPT=rfc822;bob+2Blists@example.org"),
        ("orcpt=rfc822;bob+AD@example.org", "ORCPT=rfc822;bob+2BAD@example.org"),
        ("orcpt=utf-8;büro@example.org", "ORCPT=utf-8;büro@example.org"),
        ("orcpt=bob@example.org", "ORCPT=bob@example.org"),
        ('envid="Order 7 = paid"', "ENVID=Order+207+20+3D+20paid"),
        ("envid=büro", "ENVID=b+C3+BCro"),
        ("auth=<>", "AUTH=<>"),
        ("auth=e=mc2@example.org", "AUTH=e+3Dmc2@example.org"),
        ("x-anything=a+b", "X-ANYTHING=a+b"),
        ("ſize=1", "ſize=1"),
        ("envid=", "ENVID="),
    ],
)
def test_a_shorthand_writes_a_value_in_xtext_where_it_has_that(typed: str, sent: str) -> None:
    assert written_parameter(typed) == sent
