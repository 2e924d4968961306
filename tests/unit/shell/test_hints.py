"""What is said about a line while it is typed."""

import pytest

from smtp_shell.errors import UsageError
from smtp_shell.knowledge.exchanges import Standing
from smtp_shell.protocol.commands import Command
from smtp_shell.protocol.phases import Phase
from smtp_shell.protocol.replies import Extensions, Reply
from smtp_shell.shell.hints import Hint, Situation, hint
from smtp_shell.shell.registry import Registry
from smtp_shell.shell.shell import Shell

REGISTRY: Registry[Shell] = Registry.load()
MAIL_SYNTAX = "MAIL FROM:<reverse-path> [parameters]"
RCPT_SYNTAX = "RCPT TO:<forward-path> [parameters]"
BRACKET = "The closing angle bracket is missing"


def _hello(verb: str) -> Command:
    return Command.of(verb, "laptop.example")


def situation(phase: Phase | None = Phase.READY, *announced: bytes, in_exchange: bool = False) -> Situation[Shell]:
    extensions = Extensions.parse(Reply(250, (b"mx", *announced), b""))
    standing = None if phase is None else Standing(phase, "EHLO" if phase is not Phase.FRESH else "", extensions)
    return Situation(REGISTRY, _hello, phase, standing, in_exchange)


@pytest.mark.parametrize(
    ("line", "phase", "wire"),
    [
        ("ehlo", Phase.FRESH, "C: EHLO laptop.example"),
        ("mail ann@example.org size=12", Phase.READY, "C: MAIL FROM:<ann@example.org> SIZE=12"),
        ("mail <>", Phase.READY, "C: MAIL FROM:<>"),
        ("mail ann@bücher.example", Phase.READY, "C: MAIL FROM:<ann@xn--bcher-kva.example>"),
        ("mail ann@example.org < a.eml", Phase.READY, "C: MAIL FROM:<ann@example.org>  with the SIZE of the file"),
        ("rcpt bob@example.org", Phase.MAIL, "C: RCPT TO:<bob@example.org>"),
        ("rcpt b@example.org c@example.org d@example.org", Phase.RCPT, "C: RCPT TO:<b@example.org>  and 2 more"),
        ("data", Phase.RCPT, "C: DATA"),
        ("data < a.eml", Phase.RCPT, "C: DATA  and after a 354 the file, with dots doubled"),
        ("quit", Phase.READY, "C: QUIT"),
    ],
)
def test_the_line_that_a_shorthand_becomes(line: str, phase: Phase, wire: str) -> None:
    assert hint(line, situation(phase, b"SIZE 1000")) == Hint(wire)


@pytest.mark.parametrize("line", ["", "  ", "e", "eh", "ma", "/", "/con", "x" * 1001])
def test_nothing_is_said_of_the_start_of_a_word(line: str) -> None:
    assert hint(line, situation()) == Hint()


@pytest.mark.parametrize(
    "line",
    [
        "MAIL FROM:",
        "MAIL FROM:<",
        "MAIL FROM:<a@b.example> S",
        "MAIL  FROM:<a@b.example> SIZE=",
    ],
)
def test_the_start_of_a_line_has_its_syntax_and_no_fault(line: str) -> None:
    assert hint(line, situation(Phase.READY, b"SIZE")) == Hint(MAIL_SYNTAX)


@pytest.mark.parametrize("line", ["mail", "mail ", "mail b", "mail ann@", "mail ann@example", "mail f", "MAIL fro"])
def test_the_start_of_a_shorthand_is_no_fault(line: str) -> None:
    found = hint(line, situation())
    assert found.text in (f"mail ADDRESS [PARAMETER...] [< FILE], or {MAIL_SYNTAX}", "C: MAIL FROM:<ann@example>")
    assert found.doubt == ""
    assert hint(line, situation(Phase.FRESH)).doubt.startswith("MAIL comes after EHLO")


def test_the_bracket_of_a_shorthand_is_missing_too() -> None:
    assert hint("rcpt <bob@example.org", situation(Phase.MAIL)).doubt == f"{BRACKET}."
    assert hint("rcpt <bob@example.org>", situation(Phase.MAIL)) == Hint("C: RCPT TO:<bob@example.org>")


@pytest.mark.parametrize(
    ("line", "phase", "doubt"),
    [
        ("MAIL FROM:<ann@example.org", Phase.READY, BRACKET),
        ("MAIL FROM:<ann", Phase.READY, BRACKET),
        ("MAIL FROM:ann@example.org", Phase.READY, "The angle brackets around the address are missing"),
        ("RCPT TO:bob@example.org>", Phase.MAIL, "The opening angle bracket is missing"),
        ("MAIL FORM:<a@b.example>", Phase.READY, '"FORM" is written FROM'),
        ("EHLO [192.0.2.1", Phase.READY, "The closing square bracket is missing"),
        ("EHLO 192.0.2.1", Phase.READY, "An address stands in square brackets"),
        ("EHL0 laptop.example", Phase.READY, '"EHL0" has "0" where EHLO has the letter O.'),
        ("foo", Phase.READY, '"foo" is no command of SMTP.'),
    ],
)
def test_what_is_missing_or_wrong_in_a_line(line: str, phase: Phase, doubt: str) -> None:
    found = hint(line, situation(phase))
    assert found.forms()[1][1] == doubt


@pytest.mark.parametrize(
    ("line", "phase", "doubt"),
    [
        ("mail a@b.example", Phase.FRESH, "MAIL comes after EHLO or HELO"),
        ("rcpt a@b.example", Phase.READY, "RCPT comes after MAIL"),
        ("RCPT TO:<a@b.example>", Phase.READY, "RCPT comes after MAIL"),
        ("data", Phase.MAIL, "No recipient was accepted"),
        ("data < a.eml", Phase.READY, "DATA comes after MAIL and RCPT"),
        ("mail a@b.example", Phase.RCPT, "A transaction is open already, since MAIL was accepted"),
        ("starttls", Phase.READY, "The server has not announced STARTTLS."),
        ("mail a@b.example size=5", Phase.READY, "SIZE is not allowed, since the server has not announced SIZE."),
        ("auth", Phase.FRESH, "AUTH comes after EHLO"),
    ],
)
def test_what_is_out_of_order(line: str, phase: Phase, doubt: str) -> None:
    assert hint(line, situation(phase)).forms()[1][1].startswith(doubt)


@pytest.mark.parametrize("line", ["rcpt a@b.example", "data", "RSET", "noop", "VRFY bob", "quit"])
def test_what_is_in_order_is_not_doubted(line: str) -> None:
    assert hint(line, situation(Phase.RCPT)).doubt == ""


def test_the_mechanisms_that_were_announced_are_said() -> None:
    assert hint("auth", situation(Phase.READY, b"AUTH PLAIN LOGIN")) == Hint("C: AUTH  announced: PLAIN LOGIN")


def test_where_the_dialogue_stands_may_be_open() -> None:
    now = Situation(REGISTRY, _hello, Phase.READY, None)
    assert hint("rcpt a@b.example", now) == Hint("C: RCPT TO:<a@b.example>")


def test_without_a_connection_that_is_said() -> None:
    def no_hello(verb: str) -> Command:
        raise UsageError("there is no connection")

    now = Situation(REGISTRY, no_hello)
    for line in ("ehlo", "mail a@b.example", "MAIL FROM:<a@b.example>", "noop"):
        assert hint(line, now).doubt.startswith("no connection")


@pytest.mark.parametrize(
    ("line", "in_exchange"),
    [
        ("auth plain AHN0dWRlbnQAb3BlbiBzZXNhbWU=", False),
        ("AUTH PLAIN AHN0dWRlbnQAb3BlbiBzZXNhbWU=", False),
        ("AUTH AHN0dWRlbnQAb3BlbiBzZXNhbWU=", False),
        ("b3BlbiBzZXNhbWU=", True),
        ("hunter2", True),
    ],
)
def test_a_credential_is_never_repeated(line: str, in_exchange: bool) -> None:
    found = hint(line, situation(Phase.READY, in_exchange=in_exchange))
    assert found in (Hint("AUTH mechanism [initial-response]"), Hint())


@pytest.mark.parametrize("phase", [Phase.MAILDATA, Phase.AUTH, Phase.TLS])
def test_nothing_is_said_of_mail_data_and_of_answers(phase: Phase) -> None:
    assert hint("MAIL FROM:<a@b", situation(phase)) == Hint()
    assert hint("/explain 550", situation(phase)).text.startswith("/explain ")


def test_a_slash_command_has_its_syntax_and_what_it_does() -> None:
    assert hint("/note", situation()) == Hint("/note TEXT", summary=REGISTRY["/note"].summary)
    assert hint('/note "a', situation()).doubt == "a quotation mark is not closed"
    assert hint(r'/raw NOOP "\r\n', situation()).doubt == ""
    assert hint("/conect", situation()) == Hint(doubt="did you mean /connect?")
    assert hint("/con ", situation()).doubt.startswith("did you mean ")
    assert hint("/zzzzqqqq", situation()) == Hint(doubt="no command of the shell: /help lists them")


@pytest.mark.parametrize(
    "line",
    [
        "mail \x1b[2J@example.org",
        "\x1b[2J",
        "mail a@\u202eb.example",
        "MAIL FROM:<\x07@b",
        "/\x1b",
        "noop \r\n quit",
        "noop \ud83d",
        "\ud83d",
        'mail "a\x00"@b.example',
    ],
)
def test_a_hint_is_printable_whatever_was_pasted(line: str) -> None:
    found = hint(line, situation())
    assert (found.text + found.doubt).isprintable()


def test_the_forms_get_shorter() -> None:
    assert Hint("C: X", 'a "b: c": d').forms() == (
        ("C: X", 'a "b: c": d'),
        ("C: X", 'a "b: c"'),
        ("", 'a "b: c": d'),
        ("", 'a "b: c"'),
    )
    assert Hint("C: X", 'a "b: c"').forms()[1] == ("C: X", 'a "b: c"')
    assert Hint("C: X").forms() == (("C: X", ""),)
    assert Hint("/a B", "", "Do it.").forms() == (("/a B   Do it.", ""), ("/a B", ""))


@pytest.mark.parametrize(
    ("line", "said"),
    [
        ("exit", "/exit leaves the shell"),
        (" \\q ", "/exit leaves the shell"),
        ("EXIT()", "/exit leaves the shell"),
        ("?", "/help lists what there is"),
        ("clear", "Ctrl-L clears the screen"),
        ("history", "/history lists what was typed"),
    ],
)
def test_what_other_shells_call_it_is_known(line: str, said: str) -> None:
    assert hint(line, situation(None)) == Hint(doubt=said)
    assert hint(line, situation()) == Hint(doubt=f"{said}: this line goes to the server")
    assert hint(line, situation(Phase.AUTH)) == Hint()
    assert said in hint(line, situation()).forms()[1]


def test_a_slash_command_of_other_shells_is_known() -> None:
    assert hint("/quit", situation()) == Hint(doubt="did you mean /exit?")


@pytest.mark.parametrize(
    ("line", "phase", "doubt"),
    [
        ("help", None, "did you mean /help?"),
        ("quit", None, "did you mean /exit?"),
        ("telnet 192.0.2.1 25", None, "did you mean /connect?"),
        ("help", Phase.READY, ""),
        ("open", Phase.READY, "open is no command of SMTP: did you mean /connect?"),
    ],
)
def test_a_word_that_means_a_slash_command_names_it(line: str, phase: Phase | None, doubt: str) -> None:
    assert hint(line, situation(phase)).doubt == doubt
