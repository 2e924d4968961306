"""Variables: where values come from, what is expanded, and what is refused."""

import itertools
from datetime import UTC, datetime, timedelta, timezone
from email.utils import format_datetime, parsedate_to_datetime
from uuid import UUID

import pytest
from hypothesis import given
from hypothesis import strategies as st

from smtp_shell.errors import NotSendable, UsageError
from smtp_shell.transcript.variables import Template, Variables, local_now, parse_assignment, rfc5322_date

NOW = datetime(2026, 11, 22, 9, 21, 5, tzinfo=UTC)
SOME_UUID = UUID("12345678-1234-4678-9234-567812345678")


def variables(**given: str) -> Variables:
    return Variables(given, now=lambda: NOW, new_uuid=lambda: SOME_UUID, host_name="laptop.example")


# Templates


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", ()),
        ("EHLO laptop.example", (b"EHLO laptop.example",)),
        ("EHLO ${hostname}", (b"EHLO ", "hostname")),
        ("${a}${b}", ("a", "b")),
        ("<${to}>", (b"<", "to", b">")),
        ("${_a.b-1}", ("_a.b-1",)),
        (r"\x41\r\n${a}\t\\", (b"A\r\n", "a", b"\t\\")),
        (r"\${a}", (b"${a}",)),
        (r"\\${a}", (b"\\", "a")),
        (r"\\\${a}", (b"\\${a}",)),
        (r"\x5c${a}", (b"\\", "a")),
        (r"a\${b${c}", (b"a${b", "c")),
        ("$a $ {a} $$ }{ $", (b"$a $ {a} $$ }{ $",)),
        ("$${a}", (b"$", "a")),
        (r"\x24{a}", (b"${a}",)),
        ("é${a}", ("é".encode(), "a")),
        (r"EXAMPLE\ann ${a}", (rb"EXAMPLE\ann ", "a")),
    ],
)
def test_a_line_is_octets_and_names(text: str, parts: tuple[bytes | str, ...]) -> None:
    template = Template.parse(text)
    assert template.parts == parts
    assert template.names == {part for part in parts if isinstance(part, str)}


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("${", "has no closing brace"),
        ("${a", "has no closing brace"),
        ("a${b ${c", "has no closing brace"),
        ("${}", "'' between"),
        ("${1}", "'1' between"),
        ("${a b}", "'a b' between"),
        ("${${a}}", r"'${a' between"),
        ("${é}", "'é' between"),
        ("${a\x1b}", r"'a\x1b' between"),
        ("${a:-b}", "'a:-b' between"),
        ("${" + "1" * 60 + "}", "'" + "1" * 40 + "...' between"),
        ("${" + "1" * 40 + "}", "'" + "1" * 40 + "' between"),
        ("x ${1}", "'1' between"),
    ],
)
def test_a_brace_that_is_no_variable_is_refused_in_a_sentence(text: str, problem: str) -> None:
    for parse in (Template.parse, Template.of_text):
        with pytest.raises(ValueError) as caught:  # noqa: PT011  # the sentence is looked at below
            parse(text)
        assert problem in str(caught.value)
        assert r"write \${ if it stands for itself" in str(caught.value)


def test_values_are_not_expanded_again() -> None:
    values = {"a": r"${b} \r é", "b": "\udcff"}
    assert Template.parse("<${a}> ${b}").expand(values.__getitem__) == r"<${b} \r é> ".encode() + b"\xff"


def test_a_value_is_asked_for_once_for_each_place() -> None:
    asked: list[str] = []

    def value(name: str) -> str:
        asked.append(name)
        return name.upper()

    assert Template.parse("${a} ${a} ${b}").expand(value) == b"A A B"
    assert asked == ["a", "a", "b"]


@pytest.mark.parametrize("value", ["hunter2\r", "hunter2\nQUIT", "hunter2\0", "hunter2\ud800"])
def test_a_value_that_would_leave_its_line_is_refused_and_not_shown(value: str) -> None:
    with pytest.raises(NotSendable) as caught:
        Template.parse("a ${word} b").expand(lambda _: value)
    assert "${word}" in str(caught.value)
    shown = f"{caught.value!r} {caught.value.__cause__!r} {caught.value.__context__!r}"
    assert "hunter2" not in shown


def test_an_unknown_variable_is_named_with_the_known_ones() -> None:
    known = "a, b, count, date, hostname, message_id, uuid"
    with pytest.raises(
        UsageError, match=rf"^the variable \$\{{x\}} has no value; known are: {known}; give it with --var n"
    ):
        Template.parse("${x}").expand(variables(b="", a="").value)


# Sources


@pytest.mark.parametrize(
    ("text", "assignment"),
    [("a=b", ("a", "b")), ("a=", ("a", "")), ("a=b=c", ("a", "b=c")), ("A_.-9= b ", ("A_.-9", " b "))],
)
def test_an_assignment_is_a_name_and_all_after_the_first_equals_sign(text: str, assignment: tuple[str, str]) -> None:
    assert parse_assignment(text) == assignment


@pytest.mark.parametrize("text", ["", "a", "=b", " a=b", "a =b", "9=b", "é=b", "a\n=b", "sasl=b"])
def test_a_malformed_assignment_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"form name=value|variable's name|cannot be set"):
        parse_assignment(text)


def test_the_first_source_that_knows_a_name_wins() -> None:
    names = ("given", "captured", "header", "hostname")
    known = Variables({"given": "1"}, dict.fromkeys(names[:3], "3") | {"hostname": "3"}, host_name="laptop.example")
    known.capture(dict.fromkeys(names[:2], "2"))
    assert [known.value(name) for name in names] == ["1", "2", "3", "3"]


def test_a_capture_is_unescaped() -> None:
    known = variables()
    known.capture({"nonce": r"a\\b\xff", "absent": None})
    assert Template.parse("${nonce}").expand(known.value) == b"a\\b\xff"
    assert "absent" not in known.names
    known.capture({"nonce": r"x\x0d\x0aQUIT"})
    with pytest.raises(NotSendable):
        Template.parse("${nonce}").expand(known.value)


def test_the_built_ins() -> None:
    known = variables()
    assert known.value("date") == "Sun, 22 Nov 2026 09:21:05 +0000"
    assert known.value("uuid") == str(SOME_UUID)
    assert known.value("hostname") == "laptop.example"
    assert known.value("message_id") == f"<{SOME_UUID}@laptop.example>"
    assert Template.parse("${count} ${count} ${count}").expand(known.value) == b"1 2 3"


ZONES = st.none() | st.builds(
    timezone, st.timedeltas(timedelta(hours=-23, minutes=-59), timedelta(hours=23, minutes=59))
)


@given(st.datetimes(timezones=ZONES))
def test_a_date_is_what_the_standard_library_writes(moment: datetime) -> None:
    assert rfc5322_date(moment) == format_datetime(moment)


def test_the_built_ins_of_this_machine() -> None:
    known = Variables()
    shown = parsedate_to_datetime(known.value("date"))
    assert shown.tzinfo is not None
    assert abs(datetime.now(UTC) - shown) < timedelta(minutes=1)
    assert known.value("uuid") != known.value("uuid")
    assert known.value("hostname")
    assert known.value("message_id") != known.value("message_id")
    assert known.value("message_id").startswith("<")


def test_a_host_name_that_is_no_domain_is_not_put_into_a_message_id() -> None:
    known = Variables(host_name="my laptop>", new_uuid=lambda: SOME_UUID)
    assert known.value("message_id") == f"<{SOME_UUID}@localhost>"
    assert known.value("hostname") == "my laptop>"


@pytest.mark.parametrize(("node", "name"), [("box.example", "box.example"), ("", "localhost")])
def test_the_host_name_is_the_machine_s(node: str, name: str, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("platform.node", lambda: node)
    assert Variables().value("hostname") == name


def test_runs_that_share_numbers_count_on() -> None:
    numbers = itertools.count(1)
    assert [Variables(numbers=numbers).value("count") for _ in range(3)] == ["1", "2", "3"]
    assert [Variables().value("count") for _ in range(2)] == ["1", "1"]


@pytest.mark.parametrize("source", ["given", "header"])
def test_a_variable_that_no_client_line_could_use_is_refused_at_once(source: str) -> None:
    for name in ("sasl", "a b", "", "é"):
        with pytest.raises(UsageError):
            Variables(**{source: {name: "x"}})  # type: ignore[arg-type]
    with pytest.raises(NotSendable, match=r"\$\{a\}"):
        Variables(**{source: {"a": "x\r\ny"}})  # type: ignore[arg-type]


def test_sasl_is_reserved_for_replay() -> None:
    known = variables()
    assert Template.parse("AUTH PLAIN ${sasl}").names == {"sasl"}
    known.require(["sasl"])
    with pytest.raises(UsageError, match="only inside an AUTH exchange"):
        known.value("sasl")
    with pytest.raises(UsageError, match="cannot capture"):
        known.capture({"sasl": "x"})


def test_unknown_names_are_found_before_anything_is_sent() -> None:
    known = variables(to="bob@example.org")
    known.require(["to", "date", "id"], captured={"id"})
    after = variables()
    after.capture({"id": "x"})
    after.require(["id"])
    with pytest.raises(UsageError) as caught:
        known.require(["to", "id"])
    assert str(caught.value) == (
        "the variable ${id} has no value; known are: count, date, hostname, message_id, to, uuid; give it with --var name=value"
    )
    with pytest.raises(UsageError, match=r"\$\{id\} has no value"):
        known.value("id")


def test_values_never_come_from_the_environment(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("HOME_OF_ANN", "x")
    with pytest.raises(UsageError):
        variables().value("HOME_OF_ANN")


@pytest.mark.parametrize(
    ("text", "parts"),
    [
        ("", ()),
        ("plain \\n \\x41 \\\\", (b"plain \\n \\x41 \\\\",)),
        ("a ${b} c", (b"a ", "b", b" c")),
        ("\\${b} ${c.d}", (b"${b} ", "c.d")),
        ("Grüße ${b}\n${b}", ("Grüße ".encode(), "b", b"\n", "b")),
        ("$5 {b} $", (b"$5 {b} $",)),
        ("\\${b} c", (b"${b} c",)),
        ("\udcff${b}\udcfe", (b"\xff", "b", b"\xfe")),
    ],
)
def test_in_text_a_backslash_is_itself_and_only_variables_are_replaced(
    text: str, parts: tuple[bytes | str, ...]
) -> None:
    assert Template.of_text(text).parts == parts


@pytest.mark.parametrize("text", ["${", "${a b}", "${}", "x ${1}"])
def test_in_text_a_variable_without_a_name_is_refused(text: str) -> None:
    with pytest.raises(ValueError, match=r"\$\{"):
        Template.of_text(text)


@pytest.mark.parametrize("error", [OSError("made to fail"), LookupError("no such zone"), ValueError("no key")])
def test_without_a_time_zone_it_is_that_of_greenwich(error: Exception, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse() -> None:
        raise error

    monkeypatch.setattr("tzlocal.get_localzone", refuse)
    assert abs(local_now() - datetime.now(UTC)) < timedelta(minutes=1)
    assert local_now().tzinfo is UTC


def test_days_and_months_have_the_names_of_the_standard_in_every_locale() -> None:
    days = [rfc5322_date(datetime(2026, 11, day, tzinfo=UTC)).partition(",")[0] for day in range(23, 30)]
    assert days == ["Mon", "Tue", "Wed", "Thu", "Fri", "Sat", "Sun"]
    months = [rfc5322_date(datetime(2026, month, 1, tzinfo=UTC)).split()[2] for month in range(1, 13)]
    assert months == ["Jan", "Feb", "Mar", "Apr", "May", "Jun", "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"]
