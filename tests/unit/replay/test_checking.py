"""What a check says about a transcript: every remark, its place and its words, and what the transcript needs."""

from __future__ import annotations

from pathlib import Path

import pytest
from msgspec.structs import replace

from smtp_shell.errors import NotSendable, UsageError
from smtp_shell.replay.checking import CheckResult, Remark, Severity, check_transcript
from smtp_shell.replay.settings import ReplaySettings

E, W = Severity.ERROR, Severity.WARNING
SERVER = ReplaySettings(server="mx.example:25")
NOBODY = ReplaySettings()


def has_all(needs: frozenset[str], user: str) -> str:
    return ""


def has_nothing(needs: frozenset[str], user: str) -> str:
    return f"{' '.join(sorted(needs))} of {user or 'nobody'}" if needs else ""


def check(tmp_path: Path, text: str, settings: ReplaySettings = SERVER) -> CheckResult:
    path = tmp_path / "a.smtp"
    path.write_text(text)
    return check_transcript(path, settings, has_all)


def test_what_a_transcript_is(tmp_path: Path) -> None:
    text = (
        "Transcript: 1\nVar: to=bob\n\nS: 220\n# a note\nC: RCPT TO:<${to}@${count}.example>\nS~ 250 (?P<z>.)(?P<a>.)\n"
        "C| X\\r\\n\nC& NOOP\nC: NOOP\n*: wait 0\n# another\nC: AUTH PLAIN ${sasl}\nS: 235\n*: auth PLAIN student\n"
    )
    assert check(tmp_path, text) == CheckResult(
        str(tmp_path / "a.smtp"),
        (),
        "mx.example:25",
        8,
        ("count", "sasl", "to"),
        ("a", "z"),
        ("PLAIN",),
        "student",
        "",
    )


@pytest.mark.parametrize(
    ("settings", "head", "server", "remarks"),
    [
        (NOBODY, "", "", []),
        (NOBODY, "*: connect mx.example:587\n", "mx.example:587", []),
        (NOBODY, "*: connect mx.example:465 tls\n", "mx.example:465", []),
        (replace(NOBODY, server="smtps://mx.example"), "", "mx.example:465", []),
        (SERVER, "*: connect other.example:587\n", "mx.example:25", []),
        (replace(NOBODY, server="mx.example:99999"), "", "", [(0, E)]),
        (NOBODY, "*: connect pipe:true\n", "", [(0, E)]),
    ],
)
def test_what_it_would_be_replayed_against(
    tmp_path: Path, settings: ReplaySettings, head: str, server: str, remarks: list[tuple[int, Severity]]
) -> None:
    found = check(tmp_path, f"{head}C: NOOP\n", settings)
    assert (found.server, [(each.line, each.severity) for each in found.remarks]) == (server, remarks)
    assert found.ok is (not remarks)
    for each in found.remarks:
        assert each.message == each.message.strip(" .")
        assert str(tmp_path) not in each.message


HEADER = "Transcript: 1\n{}\n\nC: NOOP\n"
NEAR = "{}: is no field that a replay knows; is {}: meant?"


@pytest.mark.parametrize(
    ("fields", "remarks"),
    [
        ("Title: a\nServer: b\nDate: Sun, 22 Nov 2026 10:21:05 +0100\nClient: c\nTags: d\nSecrets: included", []),
        ("Match: text\nIgnore: x\nLimit: 5\nVar: a=b", []),
        ("tITLE: a\nX-Own: b\nComment: c", []),
        ("Vars: a=b", [(2, NEAR.format("Vars", "Var"))]),
        ("Titel: a", [(2, NEAR.format("Titel", "Title"))]),
        ("X-Own: a\nSERVR: b", [(3, NEAR.format("SERVR", "Server"))]),
        ("Title: a\n b\nLimits: 5", [(4, NEAR.format("Limits", "Limit"))]),
        ("Title: a\n\tb\n c\n d\n e\n f\n g\n h\n i\nLimits: 5", [(11, NEAR.format("Limits", "Limit"))]),
        ("Titel: a\nX: b\nTitel: c", [(2, NEAR.format("Titel", "Title")), (4, NEAR.format("Titel", "Title"))]),
        ("Date: yesterday at 10:30", [(2, "the Date is none as mail headers have them")]),
        ("Date: yesterday", [(2, "the Date is none as mail headers have them")]),
        ("X: 1\ndate: 2026-11-22", [(3, "the Date is none as mail headers have them")]),
        ("Date:", []),
    ],
)
def test_a_slip_in_the_header_is_noticed(tmp_path: Path, fields: str, remarks: list[tuple[int, str]]) -> None:
    found = check(tmp_path, HEADER.format(fields))
    assert found.remarks == tuple(Remark(line, W, message) for line, message in remarks)
    assert found.ok


@pytest.mark.parametrize(
    "name",
    [
        *("Transcript", "Title", "Server", "Date", "Client", "Tags", "Secrets", "Match", "Ignore", "Limit"),
    ],
)
def test_a_slip_in_any_field_that_a_replay_knows_is_noticed(tmp_path: Path, name: str) -> None:
    slip = f"{name[:-2]}{name[-1]}{name[-2]}"
    found = check(tmp_path, HEADER.format(f"{slip}: x"))
    assert found.remarks == (Remark(2, W, NEAR.format(slip, name)),)


UNASKED = "no command is owed this reply: only one that nobody asked for can meet it"
NEVER = "this is never sent: the server has closed the connection before it"
CLOSED = "no reply can come: the server has closed the connection"


@pytest.mark.parametrize(
    ("text", "remarks"),
    [
        ("S: 220\nC: NOOP\nS: 250\n", []),
        ("S: 220\nC: NOOP\nS: 250\nS: 2yz\n", [(4, UNASKED)]),
        ("S: 220\nC: NOOP\nS: 250\nS: 250 more\nC: RSET\nS: 250\nS: 250\n", [(4, UNASKED), (7, UNASKED)]),
        ("S: 220\nC: NOOP\nS: 250\nS: 421 bye\n", []),
        ("S: 220\nS: 220\n", [(2, UNASKED)]),
        ("S: 220\nS: 2yz\n", [(2, UNASKED)]),
        ("S: 220 x\nS: 220 y\n", [(2, UNASKED)]),
        ("S: 2yz\nC: NOOP\n", []),
        ("S: 220\nC| NOOP\\r\\nNOOP\\r\\n\nS: 2yz\nS: 2yz\nS: 2yz\n", []),
        ("S: 220\nC| NOOP\\r\\n\nS: 2yz\nC: NOOP\nS: 2yz\nS: 2yz\n", [(6, UNASKED)]),
        ("S: 220\nC: DATA\nS: 354\nC: x\nC: .\nS: 2yz\nS: 2yz\n", []),
        ("S: 220\nC: AUTH LOGIN\nS: 334\nC: ${sasl}\nS: 3yz\nC: ${sasl}\nS: 2yz\n", []),
        ("S: 220\nC: QUIT\nS: 221\n*: close server\nC: NOOP\nS: 250\n", [(5, NEVER)]),
        ("S: 220\nC: QUIT\nS: 221\n*: close server\nC: NOOP\nC: NOOP\nS: 250\n", [(5, NEVER)]),
        ("S: 220\nC: QUIT\nS: 221\n*: close server\nS: 250\nS: 250\n", [(5, CLOSED), (6, UNASKED)]),
        ("S: 220\n*: close server\nS: 2yz\n", [(3, CLOSED)]),
        ("S: 220\nC: QUIT\nS: 221\n*: close server\n*: connect a.example:25\nS: 220\nC: NOOP\n", []),
        ("S: 220\nC: QUIT\nS: 221\n*: close\n*: connect a.example:25\nS: 220\n", []),
        ("S: 220\nC: QUIT\nS: 221\n*: close server\n*: finally\nC: NOOP\nS: 250\n", []),
        # Mail data in a group, or octets, may be owed replies after the next command.
        ("S: 220\nC: DATA\nS: 354\nC& .\nC: NOOP\nS: 2yz\nS: 2yz\n", []),
        ("S: 220\nC| NOOP\\r\\n\nC: NOOP\nS: 2yz\nS: 2yz\nC: NOOP\nS: 2yz\nS: 2yz\n", [(8, UNASKED)]),
        ("S: 220\nC: \nS: 5yz\n", []),
        ("C: NOOP\nS: 250\nS: 2yz\n", [(3, UNASKED)]),
        ("S: 220\nC: NOOP\nS: 250\n*: odd finally\nS: 2yz\n", [(5, UNASKED)]),
        # A recording has all replies: where the client did not wait for the greeting, that comes first.
        ("Transcript: 1\nClient: smtp-shell 1\n\nC: NOOP\nS: 220\nS= 250 x\n", []),
        # What came before `finally` may be owed a reply after it.
        ("S: 220\nC: NOOP\n*: finally\nC| abc\nS: 250\n", []),
        ("S: 220\n*: finally\n*: authenticate PLAIN\nS: 235\nS: 2yz\n", [(5, UNASKED)]),
        ("S: 220\nC: NOOP\nS: 250\n*: finally\n*: wait 1\nC: NOOP\nS: 2yz\nS: 2yz\n", [(8, UNASKED)]),
    ],
)
def test_what_no_server_can_meet_is_noticed(tmp_path: Path, text: str, remarks: list[tuple[int, str]]) -> None:
    found = check(tmp_path, text)
    assert found.remarks == tuple(Remark(line, W, message) for line, message in remarks)
    assert found.ok


def test_so_many_remarks_and_no_more(tmp_path: Path) -> None:
    found = check(tmp_path, "S: 220\nC: NOOP\nS: 250\n" + "S: 2yz\n" * 200)
    assert [each.line for each in found.remarks] == list(range(4, 104))


def test_faults_are_errors_each_with_its_line(tmp_path: Path) -> None:
    found = check(tmp_path, "C: NOOP ${x}\nhello\nS~ (\n")
    assert [(each.line, each.severity, each.file) for each in found.remarks] == [(1, E, ""), (2, E, ""), (3, E, "")]
    assert found == CheckResult(str(tmp_path / "a.smtp"), found.remarks, "", 0, (), (), (), "", "")
    assert [str(each) for each in Severity] == ["error", "warning"]
    assert not found.ok


def test_warnings_of_the_plan_stand_among_the_remarks_in_the_order_of_the_file(tmp_path: Path) -> None:
    found = check(
        tmp_path,
        "Transcript: 1\nTitel: x\n\nS: 220\nC: NOOP\nS: 250\nS: 2yz\n*: authentication\nC: NOOP\nS: 2yz\nS: 2yz\n",
    )
    assert [each.line for each in found.remarks] == [2, 7, 8, 11]
    assert {each.severity for each in found.remarks} == {W}


def test_remarks_about_an_included_file_come_last_and_name_it(tmp_path: Path) -> None:
    part = tmp_path / "part.smtp"
    part.write_text("C: HELP\nS: 214\nS: 2yz\n")
    found = check(tmp_path, "S: 220\n*: include part.smtp\nC: NOOP\nS: 2yz\nS: 2yz\n")
    assert found.remarks == (Remark(5, W, UNASKED), Remark(3, W, UNASKED, str(part)))
    part.write_text("hello\n")
    found = check(tmp_path, "S: 220\n*: include part.smtp\nC: NOOP\n")
    assert [(each.line, each.severity, each.file) for each in found.remarks] == [(1, E, str(part))]


LITERAL = "C: AUTH PLAIN AGFubgBzM2NyZXQ=\n"


def test_files_outside_the_folder_are_looked_at_where_the_user_allows_it(tmp_path: Path) -> None:
    (tmp_path / "letter.eml").write_bytes(b"Subject: x\n")
    (tmp_path / "part.smtp").write_text("S: 220\nS: 2yz\n")
    (tmp_path / "inner").mkdir()
    text = "*: include ../part.smtp\nC: DATA\nS: 354\nC< ../letter.eml\nS: 250\n"
    assert not check(tmp_path / "inner", text).ok
    found = check(tmp_path / "inner", text, replace(SERVER, outside=True))
    assert [(each.line, each.message) for each in found.remarks] == [(2, UNASKED)]


def test_credentials_that_stand_in_it_are_an_error_until_they_are_asked_for(tmp_path: Path) -> None:
    found = check(tmp_path, f"C: NOOP\n{LITERAL}")
    assert [(each.line, each.severity) for each in found.remarks] == [(2, E)]
    assert found.remarks[0].message.startswith("line 2 holds a credential, and the header does not say")
    assert not found.remarks[0].message.endswith(".")
    assert [each.line for each in check(tmp_path, f"{LITERAL}C: NOOP\n{LITERAL}").remarks] == [1]
    assert check(tmp_path, f"C: NOOP\n{LITERAL}", replace(SERVER, send_secrets=True)).remarks == ()
    assert check(tmp_path, f"Transcript: 1\nSecrets: included\n\n{LITERAL}").remarks == ()


# What is missing


@pytest.mark.parametrize(
    ("text", "mechanisms", "user", "missing", "line"),
    [
        ("C: NOOP\n", (), "", "", 0),
        (
            "C: AUTH PLAIN ${sasl}\nS: 235\n",
            ("PLAIN",),
            "",
            "credentials are needed for PLAIN: password user of nobody",
            1,
        ),
        (
            "C: NOOP\nC: auth login\nS: 334\nC: ${sasl}\n*: auth LOGIN ann\nC: AUTH XOAUTH2 ${sasl}\n*: auth XOAUTH2 bob\n",
            ("LOGIN", "XOAUTH2"),
            "ann",
            "credentials are needed for LOGIN, XOAUTH2: password token user of ann",
            4,
        ),
        ("C: AUTH LOGIN\nS: 334\nC: *\nC: NOOP\n", (), "", "", 0),
        (
            "C:  AUTH PLAIN ${sasl}\n",
            ("PLAIN",),
            "",
            "credentials are needed for PLAIN: password user of nobody",
            1,
        ),
        (
            "C| NOOP\\r\\nAUTH PLAIN ${sasl}\\r\\n\n",
            ("PLAIN",),
            "",
            "credentials are needed for PLAIN: password user of nobody",
            1,
        ),
        (
            "C: EHLO me\n*: authenticate PLAIN carl\n*: authenticate LOGIN dora\n",
            ("PLAIN", "LOGIN"),
            "carl",
            "credentials are needed for PLAIN, LOGIN: password user of carl",
            2,
        ),
        ("C: AUTH X-ODD ${sasl}\n*: auth X-ODD\n", ("X-ODD",), "", "", 0),
        ("C| AU\nC| TH PLAIN ${sasl}\\r\\n\n", (), "", "", 0),  # a command in pieces has no name here
        (
            "C: EHLO me\n*: authenticate\n",
            ("any mechanism",),
            "",
            "credentials are needed for any mechanism: password user of nobody",
            2,
        ),
        (
            "C: EHLO me\n*: authenticate xoauth2 PLAIN carl\nS: 235\n*: auth PLAIN dora\n",
            ("XOAUTH2", "PLAIN"),
            "carl",
            "credentials are needed for XOAUTH2, PLAIN: token user of carl",
            2,
        ),
        (
            "C: EHLO me\nC: AUTH PLAIN ${sasl}\n*: authenticate XOAUTH2\n*: auth\n",
            ("PLAIN", "XOAUTH2"),
            "",
            "credentials are needed for PLAIN, XOAUTH2: password token user of nobody",
            2,
        ),
    ],
)
def test_credentials_that_nobody_named_are_missing(
    tmp_path: Path, text: str, mechanisms: tuple[str, ...], user: str, missing: str, line: int
) -> None:
    path = tmp_path / "a.smtp"
    path.write_text(text)
    found = check_transcript(path, SERVER, has_nothing)
    assert (found.mechanisms, found.user, found.missing) == (mechanisms, user, missing)
    assert found.remarks == ((Remark(line, W, missing),) if missing else ())
    assert found.ok


def test_of_the_mechanisms_of_an_authenticate_one_that_can_be_done_is_enough(tmp_path: Path) -> None:
    def has_token(needs: frozenset[str], user: str) -> str:
        return "a password" if "password" in needs else ""

    path = tmp_path / "a.smtp"
    path.write_text("C: EHLO me\n*: authenticate PLAIN XOAUTH2\n*: authenticate\n")
    assert check_transcript(path, SERVER, has_token).missing == ""
    path.write_text("C: EHLO me\n*: authenticate PLAIN LOGIN\n")
    assert check_transcript(path, SERVER, has_token).missing == "credentials are needed for PLAIN, LOGIN: a password"


def test_where_any_mechanism_will_do_a_password_or_a_token_is_needed(tmp_path: Path) -> None:
    path = tmp_path / "a.smtp"
    path.write_text("C: EHLO me\n*: authenticate\n")
    for there in ({"user", "password"}, {"user", "token"}):
        assert check_transcript(path, SERVER, lambda needs, _, there=there: "" if needs == there else "x").missing == ""  # type: ignore[misc]
    path.write_text("C| AU\nC| TH PLAIN ${sasl}\\r\\n\n")
    assert check_transcript(path, SERVER, lambda *_: "a user").missing == "credentials are needed: a user"


@pytest.mark.parametrize(("word", "name"), [("X\\xff", "X\ufffd"), ("X" * 300, "X" * 195)])
def test_what_is_no_name_of_a_mechanism_is_named_as_far_as_it_can_be(tmp_path: Path, word: str, name: str) -> None:
    assert check(tmp_path, f"C: AUTH {word} ${{sasl}}\n", replace(SERVER, send_secrets=True)).mechanisms == (name,)


def test_so_many_mechanisms_are_named_and_no_more(tmp_path: Path) -> None:
    path = tmp_path / "a.smtp"
    path.write_text("".join(f"C: AUTH X{number} ${{sasl}}\n" for number in range(30)) + "*: authenticate PLAIN\n")
    found = check_transcript(path, SERVER, has_nothing)
    assert found.mechanisms == tuple(f"X{number}" for number in range(20))


@pytest.mark.parametrize(("name", "value", "error"), [("a b", "x", UsageError), ("x", "a\nb", NotSendable)])
def test_a_variable_of_the_caller_that_cannot_be_one_is_the_callers_fault(
    tmp_path: Path, name: str, value: str, error: type[Exception]
) -> None:
    with pytest.raises(error):
        check(tmp_path, "C: NOOP ${x}\n", replace(SERVER, variables={name: value}))


def test_after_the_server_has_closed_a_new_connection_begins_with_a_greeting(tmp_path: Path) -> None:
    text = "S: 220\nC: QUIT\nS: 221\n*: close\nS: 220\nC: NOOP\nS: 250\n"
    assert check(tmp_path, text).remarks == ()
    assert check(tmp_path, text.replace("S: 250", "S: 250\nS: 2yz")).remarks == (Remark(8, W, UNASKED),)
