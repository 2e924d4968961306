"""/capabilities, and the shorthands of XCLIENT, XFORWARD, ATRN and TURN."""

import pytest

from smtp_shell.errors import NotSendable, UsageError
from tests.unit.shell.fake import make_shell

EHLO = b"250-mail.example.org\r\n250-SIZE 10485760\r\n250-STARTTLS\r\n250-AUTH PLAIN\r\n250 X-WHATEVER a b\r\n"
GREETS = {b"XCLIENT": b"220 mail.example.org\r\n"}


def test_each_keyword_is_a_row_with_its_parameters_and_its_meaning() -> None:
    shell, _, screen = make_shell({b"EHLO": EHLO}, before=("ehlo",))
    screen.said.clear()
    shell.run("/capabilities")
    assert screen.said == [
        "   keyword     means, and says here",
        "   SIZE        Size of messages: at most 10,485,760 octets (10 MiB)",
        "   STARTTLS    The connection can be encrypted",
        "   AUTH        Clients can authenticate: PLAIN",
        "   X-WHATEVER  nothing is known about it here: a b",
    ]


@pytest.mark.parametrize("columns", [30, 40, 59, 60, 80, 100, 200])
def test_the_table_has_room_on_any_screen(columns: int, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    mechanisms = b"250-AUTH " + b" ".join(b"MECHANISM-%d" % number for number in range(12)) + b"\r\n"
    shell, _, screen = make_shell({b"EHLO": EHLO.replace(b"250-AUTH PLAIN\r\n", mechanisms)}, before=("ehlo",))
    screen.said.clear()
    shell.run("/capabilities")
    assert all(len(row) < columns for row in screen.said)
    assert any("RFC 1870" in row for row in screen.said) == (columns >= 100)
    together = " ".join(" ".join(screen.said).replace(" : ", " ").split())
    assert "MECHANISM-11" in together
    assert ("keyword" in together) == (columns >= 60), "a narrow screen has each meaning under its keyword"


def test_what_tls_has_changed_is_marked() -> None:
    shell, server, screen = make_shell({b"EHLO": EHLO}, before=("ehlo", "starttls"))
    server._replies[b"EHLO"] = EHLO.replace(b"250-STARTTLS\r\n", b"250-DSN\r\n").replace(
        b"AUTH PLAIN", b"AUTH PLAIN LOGIN"
    )
    shell.run("ehlo")
    screen.said.clear()
    shell.run("/capabilities")
    assert [row[:9].rstrip() for row in screen.said] == [
        "   keywor",
        "   SIZE",
        " + DSN",
        " ~ AUTH",
        "   X-WHAT",
        " - STARTT",
        "  (+ new",
    ]
    assert screen.said[3].endswith("Clients can authenticate: PLAIN, LOGIN (before TLS: PLAIN)")


def test_json_has_one_object_a_keyword() -> None:
    shell, _, screen = make_shell({b"EHLO": EHLO}, before=("ehlo",))
    screen.said.clear()
    shell.run("/capabilities --json")
    size, starttls, auth, other = screen.answers
    assert (size["keyword"], size["parameters"], size["limit"]) == ("SIZE", ["10485760"], 10485760)
    assert str(size["sources"]).startswith("['RFC 1870")
    assert "change" not in size
    assert starttls["title"] == "The connection can be encrypted"
    assert auth["names"] == ["PLAIN"]
    assert other == {"keyword": "X-WHATEVER", "parameters": ["a", "b"]}
    screen.answers.clear()
    shell.run("/capabilities")
    assert screen.said
    assert screen.answers == [size, starttls, auth, other], "a view for other programs shows them unasked"


def test_ten_thousand_keywords_and_a_long_parameter_are_cut_and_printable() -> None:
    lines = [b"250-SIZE " + b"\x1b[2J" * 10_000, *(b"250-K%d x" % number for number in range(9_990)), b"250 LAST"]
    shell, _, screen = make_shell({b"EHLO": b"250-x\r\n" + b"\r\n".join(lines) + b"\r\n"}, before=("ehlo",))
    screen.said.clear()
    shell.run("/capabilities")
    assert len(screen.said) < 220
    assert sum(row.startswith("   K") for row in screen.said) == 199
    assert screen.said[-1] == "  … and 9,792 more; /capabilities --json lists all."
    assert all(len(row) < 500 and row.isprintable() for row in screen.said)


def test_capabilities_needs_an_announcement_and_takes_no_words() -> None:
    shell, _, _ = make_shell()
    with pytest.raises(UsageError, match="say ehlo"):
        shell.run("/capabilities")
    with pytest.raises(UsageError, match="takes nothing but --json"):
        shell.run("/capabilities all")


def test_xclient_begins_the_dialogue_anew() -> None:
    shell, server, screen = make_shell(GREETS, before=("ehlo",))
    shell.run("xclient name=client.example.org addr=2001:db8::1 login=ann+x")
    assert server.lines == [b"XCLIENT NAME=client.example.org ADDR=IPV6:2001:db8::1 LOGIN=ann+2Bx"]
    assert shell.session is not None
    assert shell.session.dialogue.extensions is None
    assert shell.session.dialogue.greeting is not None
    assert shell.session.user == "ann+x"
    assert screen.said[-1].startswith("The dialogue begins anew")
    shell.run("/set auto-ehlo on")
    shell.run("xclient name=[UNAVAILABLE]")
    assert server.lines[-1] == b"EHLO client.example.org"


def test_xclient_that_is_refused_changes_nothing() -> None:
    shell, _, screen = make_shell({b"XCLIENT": b"550 no\r\n"}, before=("ehlo",))
    screen.said.clear()
    shell.run("xclient name=a")
    assert shell.session is not None
    assert shell.session.dialogue.extensions is not None
    assert not any("anew" in line for line in screen.said)


def test_xclient_goes_out_as_typed_where_it_has_no_attributes() -> None:
    shell, server, _ = make_shell()
    shell.run("xclient help me")
    shell.run('xforward ident="a b"')
    assert server.lines == [b"xclient help me", b"XFORWARD IDENT=a+20b"]


@pytest.mark.parametrize("line", ["xclient name=a\r\nb", "xforward name=a\0", "atrn a\nb"])
def test_a_line_break_is_refused(line: str) -> None:
    shell, server, _ = make_shell(before=("ehlo",))
    with pytest.raises(NotSendable):
        shell.run(line)
    assert server.heard == b""


@pytest.mark.parametrize(("line", "sent"), [("atrn example.org", b"ATRN example.org"), ("TURN", b"TURN")])
def test_the_connection_is_closed_where_the_roles_have_turned(line: str, sent: bytes) -> None:
    shell, server, screen = make_shell(before=("ehlo",))
    shell.run(line)
    assert server.lines == [sent]
    assert server.closed
    assert any(said.startswith("The roles have turned") for said in screen.said)
    shell, server, screen = make_shell({b"ATRN": b"450 no mail\r\n", b"TURN": b"502 no\r\n"})
    shell.run(line)
    assert not server.closed


def test_parameters_are_advised_on_as_they_are_sent_and_go_out() -> None:
    shell, server, screen = make_shell(before=("ehlo",))
    screen.said.clear()
    shell.run("mail ann@example.org smtputf8 size=2000 ret=all foo=1")
    shell.run("RCPT TO:<bob@example.org> NOTIFY=NEVER,DELAY")
    assert server.lines[0] == b"MAIL FROM:<ann@example.org> SMTPUTF8 SIZE=2000 RET=all FOO=1"
    assert screen.said == [
        "advice: SMTPUTF8 is a parameter that the server does not announce (RFC 5321 section 4.1.1.11)",
        "advice: there is a parameter that no registered extension has, and that the server does not announce (RFC 5321 section 4.1.1.11)",
        "advice: RET is FULL or HDRS (RFC 3461 section 4.3)",
        "advice: SIZE is more than the 1,000 octets that the server takes (RFC 1870 section 6.1)",
        "advice: NEVER stands alone in NOTIFY (RFC 3461 section 4.1)",
    ]


def test_no_advice_where_all_is_in_order_or_nobody_reads_it() -> None:
    typed = ("mail ann@example.org ret=all", "rcpt bob@example.org")
    for before, interactive in ((("ehlo", "/set lint off"), True), (("ehlo",), False)):
        _, _, screen = make_shell(before=(*before, *typed), interactive=interactive)
        assert "advice" not in screen.words
    _, _, screen = make_shell(before=("ehlo", "mail ann@example.org size=10 ret=hdrs", "rcpt b@c notify=never"))
    assert "advice" not in screen.words
