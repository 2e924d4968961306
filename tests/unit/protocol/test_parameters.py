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


DAYS = (31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)


@pytest.mark.parametrize(("month", "days"), list(enumerate(DAYS, 1)))
def test_a_month_has_its_days(month: int, days: int) -> None:
    row = PARAMETERS["HOLDUNTIL"]
    assert row.fault(f"2030-{month:02}-{days:02}T00:00:00Z") == ""
    assert row.fault(f"2030-{month:02}-01T00:00:00Z") == ""
    for day in (0, days + 1):
        assert row.fault(f"2030-{month:02}-{day:02}T00:00:00Z") == "there is no such date or time"


@pytest.mark.parametrize(
    ("moment", "exists"),
    [
        ("2028-02-30T00:00:00Z", False),
        ("2028-02-29T00:00:00Z", True), ("2000-02-29T00:00:00Z", True), ("2100-02-29T00:00:00Z", False), ("2030-02-29T00:00:00Z", False),
        ("2030-00-01T00:00:00Z", False), ("2030-13-01T00:00:00Z", False), ("2030-01-01T23:59:60Z", True), ("2030-01-01T24:00:00Z", False),
        ("2030-01-01T00:60:00Z", False), ("2030-01-01T00:00:61Z", False), ("2030-01-01T00:00:00+23:59", True),
    ],
)  # fmt: skip
def test_a_moment_exists_or_does_not(moment: str, exists: bool) -> None:
    assert (PARAMETERS["HOLDUNTIL"].fault(moment) == "") is exists
    assert (PARAMETERS["RRVS"].fault(moment) == "") is exists


@pytest.mark.parametrize(
    ("name", "value", "fault"),
    [
        ("ENVID", "x" * 101, "ENVID has more than 100 characters"), ("ORCPT", "rfc822;" + "x" * 493, ""),
        ("ORCPT", "rfc822;" + "x" * 494, "ORCPT has more than 500 characters"), ("SMTPUTF8", "x", "SMTPUTF8 has no value"),
        ("BY", "0;r", "BY with R has a time above 0: what is late already is returned at once"), ("BY", "1;R", ""),
        ("BY", "0;RT", "BY with R has a time above 0: what is late already is returned at once"), ("XVERP", "", ""),
        ("XOORG", "_", "XOORG is a domain"),
        ("SIZE", "x", "SIZE is a number of octets, of at most 20 digits"),
    ],
)  # fmt: skip
def test_what_is_wrong_with_a_value(name: str, value: str, fault: str) -> None:
    assert PARAMETERS[name].fault(value) == fault


def test_which_values_are_offered_first() -> None:
    offered = {name: [value.text for value in row.values] for name, row in PARAMETERS.items() if row.values}
    assert offered == {
        "BODY": ["8BITMIME", "7BIT", "BINARYMIME"],
        "RET": ["HDRS", "FULL"],
        "NOTIFY": ["SUCCESS,FAILURE", "SUCCESS,FAILURE,DELAY", "FAILURE", "NEVER"],
        "ORCPT": ["rfc822;"],
        "AUTH": ["<>"],
        "MT-PRIORITY": ["3", "-3"],
        "BY": ["120;R", "120;N"],
        "HOLDFOR": ["3600"],
    }


def test_binarymime_needs_two_keywords() -> None:
    assert PARAMETERS["BODY"].extensions("BINARYMIME") == ("BINARYMIME", "CHUNKING")
    assert PARAMETERS["BODY"].extensions("8bitmime") == ("8BITMIME",)
    assert PARAMETERS["ENVID"].extensions("BINARYMIME") == ("DSN",)


def test_some_are_obsolete() -> None:
    assert {name for name, row in PARAMETERS.items() if row.obsolete} == {"SUBMITTER", "TRANSID", "ALT-ADDRESS"}


def test_sources_that_are_no_rfc() -> None:
    assert {name: row.source for name, row in PARAMETERS.items() if not row.source.startswith(("RFC", "draft"))} == {
        "XVERP": "https://www.postfix.org/VERP_README.html",
        "XOORG": "https://learn.microsoft.com/en-us/exchange/mail-flow/connectors/receive-connectors",
    }


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
        ("orcpt=utf-8;a;büro@example.org", "ORCPT=utf-8;a;büro@example.org"),
        ("submitter=ann+lists@example.org", "SUBMITTER=ann+2Blists@example.org"),
        ("alt-address=ann+lists@example.org", "ALT-ADDRESS=ann+2Blists@example.org"),
        ("auth=<>", "AUTH=<>"),
        ("auth=e=mc2@example.org", "AUTH=e+3Dmc2@example.org"),
        ("x-anything=a+b", "X-ANYTHING=a+b"),
        ("ſize=1", "ſize=1"),
        ("envid=", "ENVID="),
    ],
)
def test_a_shorthand_writes_a_value_in_xtext_where_it_has_that(typed: str, sent: str) -> None:
    assert written_parameter(typed) == sent
