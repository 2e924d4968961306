"""What a rule reads."""

from smtp_shell.lint.findings import Place
from smtp_shell.lint.linter import Linter
from smtp_shell.lint.moments import (
    Answer,
    CommandLine,
    DataBegun,
    DataFault,
    DataFaultSent,
    HeaderEnd,
    HeaderField,
    HeaderSent,
    LineSent,
    MessageSent,
    ResponseLine,
    View,
    Wait,
)
from smtp_shell.protocol.commands import Command
from smtp_shell.protocol.events import TimedOut
from smtp_shell.protocol.phases import Asked, Owed
from tests.unit.lint.cases import announcing, owed, reply


def test_a_view_that_says_nothing_is_that_of_a_dialogue_which_begins() -> None:
    view = Linter().view()
    for name in View.__struct_fields__:
        if name != "owed":
            assert getattr(View(), name) == getattr(view, name), name
    assert view.owed == (Owed(Asked.GREETING),)
    assert View().owed == ()


def test_what_is_owed_and_what_is_lacking() -> None:
    view = View(owed=owed("NOOP", "MAIL FROM:<a>"), announced=announcing("SIZE"))
    assert view.is_owed("MAIL")
    assert view.is_owed("RSET", "NOOP")
    assert not view.is_owed("RSET", "RCPT")
    assert (view.lacks("SIZE"), view.lacks("DSN"), View().lacks("DSN")) == (False, True, False)


def test_fields_are_found_by_name_whatever_their_case() -> None:
    fields = tuple(
        HeaderField(name, b"x", Place(number)) for number, name in enumerate([b"To", b"CC", b"to", b"T\xc3"])
    )
    header = HeaderSent(fields, HeaderEnd.TEXT)
    assert [field.place.line for field in header.all("to")] == [0, 2]
    assert [field.place.line for field in header.all("to", "cc")] == [0, 1, 2]
    assert (fields[3].key, fields[0].has_blank, header.has_eight_bit) == ("t\ufffd", False, False)


def test_what_is_not_said_of_a_moment_is_the_usual() -> None:
    header = HeaderSent((), HeaderEnd.END)
    message = MessageSent(header, 1, 0)
    assert (message.has_eight_bit, message.is_ended_by_lf, message.chunked) == (False, False, False)
    fault = DataFaultSent(DataFault.NUL)
    assert (fault.octets, fault.header) == (0, None)
    assert Answer(reply(250, "ok"), None).is_whole
    line = CommandLine(Command(b"NOOP"), "NOOP", b"")
    assert (line.pipelined, line.is_text, line.answers_nothing) == (False, False, False)
    assert LineSent("command", 6) == LineSent("command", 6, b"\r\n", frozenset())
    assert not ResponseLine(False, False, None, b"", 1).after_lf
    assert not DataBegun(True).is_early
    assert Wait(TimedOut(1.0, "the reply")).waits_for == ""
