"""`/alias`, and what runs an alias."""

from __future__ import annotations

from pathlib import Path

import pytest

from smtp_shell.errors import UsageError
from smtp_shell.shell.commands.aliases import with_aliases
from smtp_shell.shell.shell import Shell
from smtp_shell.shell.typed_secrets import is_kept
from tests.unit.shell.fake import Screen, make_shell


def test_an_alias_runs_its_lines_and_is_a_command_like_the_others() -> None:
    shell, server, screen = make_shell(before=("/alias to = mail <>; rcpt $1",))
    shell.run("/to bob@example.org")
    assert server.lines == [b"MAIL FROM:<>", b"RCPT TO:<bob@example.org>"]
    shell.run("/alias")
    assert screen.said[-1] == "  /to $1         = mail <>; rcpt $1"
    shell.run("/alias /to")
    assert screen.said[-1] == "  /to $1         = mail <>; rcpt $1"
    assert shell.registry["/to"].summary == "Run mail <>; rcpt $1."
    assert shell.registry["/to"].usage == "$1"
    shell.run("/alias to = noop")
    shell.run("/to")
    assert server.lines[-1] == b"NOOP" or server.lines[-1] == b"noop"
    shell.run("/alias --delete to")
    with pytest.raises(UsageError, match="/to is no command"):
        shell.run("/to")
    shell.run("/alias")
    assert "No aliases" in screen.said[-1]


def test_it_stops_at_the_first_line_that_the_server_refuses() -> None:
    shell, server, _ = make_shell({b"MAIL": b"550 no\r\n"}, before=("/alias to = mail <>; rcpt $1",))
    with pytest.raises(UsageError, match=r"^/to, line 1: .*550 no.* The lines after it were not run\.$"):
        shell.run("/to bob@example.org")
    assert server.lines == [b"MAIL FROM:<>"]


def test_mail_data_can_be_among_its_lines() -> None:
    shell, server, _ = make_shell(before=("mail <>", "rcpt a@b", "/alias letter = data; Subject: $1; .; noop"))
    shell.run("/letter hello")
    assert server.lines == [b"DATA", b"Subject: hello", b".", b"noop"]


@pytest.mark.parametrize(
    ("lines", "typed"),
    [
        (("/alias a = /a",), "/a"),
        (("/alias a = /b", "/alias b = noop; /a"), "/a"),
        (tuple(f"/alias a{n} = /a{n + 1}" for n in range(30)), "/a0"),
    ],
)
def test_an_alias_that_runs_itself_ends_in_a_sentence(lines: tuple[str, ...], typed: str) -> None:
    shell, _, _ = make_shell(before=lines)
    with pytest.raises(UsageError, match=r"runs itself|is no command"):
        shell.run(typed)
    assert shell.aliases.running == []


@pytest.mark.parametrize(
    ("line", "problem"),
    [
        ("/alias help = ehlo", "/help is a command of the shell; choose another name"),
        ("/alias x =", "stands for 0 lines"),
        ("/alias x", "x is no alias; /alias lists them"),
        ("/alias helo", r"helo is no alias; did you mean hello\?"),
        ("/alias --delete x", "x is no alias"),
        ("/alias --delete", "takes the name of an alias"),
        ("/alias --save", "takes the name of an alias"),
        ("/alias --nonsense x", "has no option --nonsense"),
        ("/alias x = ehlo; auth plain AHN0dWRlbnQAb3BlbiBzZXNhbWU=", "holds a credential"),
        ("/alias x = AUTH PLAIN AHN0dWRlbnQAb3BlbiBzZXNhbWU=", "holds a credential"),
        ("/alias x = /connect smtp://ann:secret@example.org", "holds a credential"),
    ],
)
def test_what_cannot_be_done_is_said(line: str, problem: str) -> None:
    shell, _, _ = make_shell(before=("/alias hello = ehlo",))
    with pytest.raises(UsageError, match=problem) as caught:
        shell.run(line)
    assert "AHN0" not in str(caught.value)
    assert "ann:secret" not in str(caught.value)


def test_the_history_keeps_no_credential_of_an_alias() -> None:
    assert is_kept("/alias hello = ehlo; auth", None)
    assert not is_kept("/alias x = ehlo; auth plain AHN0dWRlbnQAb3BlbiBzZXNhbWU=", None)
    assert not is_kept(" /alias --save x = AUTH PLAIN AHN0dWRlbnQAb3BlbiBzZXNhbWU=", None)


def test_save_keeps_it_in_the_configuration(tmp_path: Path) -> None:
    file = tmp_path / "config" / "config.toml"
    shell, _, screen = make_shell(before=("/alias --save to = rcpt $1", "/alias a = noop", "/alias --save a"))
    assert file.read_text("utf-8") == '[alias]\nto = "rcpt $1"\na = "noop"\n'
    assert "Kept in" in screen.words
    shell.run("/alias --delete --save to")
    assert file.read_text("utf-8") == '[alias]\na = "noop"\n'


def test_the_aliases_of_a_configuration_are_taken_over_all_or_none() -> None:
    shell = Shell(Screen())
    assert {"/a", "/b"} < {each.name for each in with_aliases(shell, {"a": "noop", "b": "/a"}, str)}
    assert set(shell.aliases.named) == {"a", "b"}
    other = Shell(Screen())
    with pytest.raises(UsageError):
        with_aliases(other, {"a": "noop", "help": "/a"}, str)
    assert other.aliases.named == {}


@pytest.mark.parametrize(
    ("alias", "reason"),
    [
        ("ehlo; auth", "AUTH is not repeated"),
        ("/b", "AUTH is not repeated"),
        ("/exit", "/exit cannot be repeated"),
        ("noop; /watch 1 noop", "/watch cannot be repeated"),
    ],
)
def test_what_is_not_repeated_is_not_through_an_alias(alias: str, reason: str) -> None:
    shell, server, _ = make_shell(before=(f"/alias a = {alias}", "/alias b = auth"))
    with pytest.raises(UsageError, match=reason):
        shell.run("/watch --count 2 0.1 /a")
    assert not server.lines


def test_an_exchange_in_an_alias_is_refused_with_its_answers() -> None:
    shell, _, _ = make_shell()
    for text in ("auth plain; AGJvYgBodW50ZXIy", "auth login; Ym9i; aHVudGVyMg=="):
        with pytest.raises(UsageError, match="holds a credential") as caught:
            shell.run(f"/alias in = {text}")
        assert text.rpartition(" ")[2] not in str(caught.value)
    assert not shell.aliases.named
