"""Groups of commands in one write: which lines can be in one, what is said, and what goes out."""

import pytest

from smtp_shell.errors import AuthFailed, NotSendable, UsageError
from smtp_shell.protocol.commands import Command
from smtp_shell.protocol.dialogue import Dialogue
from smtp_shell.protocol.events import CommandSent
from smtp_shell.protocol.replies import Extensions
from smtp_shell.shell.groups import HeldGroup, advice, commands_of, pasted_group, split_lines
from smtp_shell.shell.repl import run_typed
from smtp_shell.shell.scripted_lines import run_lines
from tests.unit.shell.fake import FakeTransport, Screen, make_shell

PIPELINING = {b"EHLO": b"250-mail.example.org\r\n250-PIPELINING\r\n250 AUTH PLAIN LOGIN\r\n"}
ENVELOPE = [b"MAIL FROM:<ann@example.org>", b"RCPT TO:<bob@example.org>", b"DATA"]


class Writes(list[bytes]):
    """The octets of each write."""

    def __init__(self, server: FakeTransport, monkeypatch: pytest.MonkeyPatch) -> None:
        send = server.send

        def note(octets: bytes, seconds: float, until: float = float("inf")) -> None:
            self.append(octets)
            send(octets, seconds, until)

        monkeypatch.setattr(server, "send", note)


def _marks(screen: Screen) -> list[bool]:
    return [entry.event.pipelined for entry in screen.entries if isinstance(entry.event, CommandSent)]


@pytest.mark.parametrize(
    ("text", "lines"),
    [
        ("mail <>; rcpt a@b; data", ["mail <>", "rcpt a@b", "data"]),
        ("rcpt a@b orcpt=rfc822;a@b; data;", ["rcpt a@b orcpt=rfc822;a@b", "data"]),
        ('mail "a; b"@c; rset', ['mail "a; b"@c', "rset"]),
        ('noop "; rset', ['noop "', "rset"]),
        (" ; ;;", [";"]),
        ("", []),
    ],
)
def test_a_semicolon_with_a_blank_after_it_separates_lines(text: str, lines: list[str]) -> None:
    assert split_lines(text) == lines


def test_a_line_of_a_group_is_a_shorthand_or_goes_out_as_typed() -> None:
    shell, _, _ = make_shell()
    typed = ("mail ann@example.org", "rcpt a@b c@d", "data", "MAIL from: <x>", "ehlo", "foo bar", "")
    found = [commands_of(text, shell.registry, shell.hello_command) for text in typed]
    assert [[each.line for each in commands] for commands in found] == [
        [b"MAIL FROM:<ann@example.org>"],
        [b"RCPT TO:<a@b>", b"RCPT TO:<c@d>"],
        [b"DATA"],
        [b"MAIL from: <x>"],
        [b"EHLO client.example.org"],
        [b"foo bar"],
        [],
    ]


@pytest.mark.parametrize("text", ["/status", "auth login", "data < letter.eml", "bdat < letter.eml", "BDAT 5 LAST"])
def test_what_is_more_than_a_line_is_refused(text: str) -> None:
    shell, server, _ = make_shell()
    with pytest.raises(UsageError, match=r"group|chunk"):
        shell.run(f"/pipeline noop; {text}")
    assert server.heard == b""


def test_a_line_break_is_refused() -> None:
    shell, server, _ = make_shell()
    for text in ("noop\r\nrset", "rcpt a@b\0", "vrfy a\nb"):
        with pytest.raises(NotSendable):
            shell.run(f"/pipeline noop; {text}")
    assert server.heard == b""


def test_lines_after_pipeline_go_out_in_one_write(monkeypatch: pytest.MonkeyPatch) -> None:
    shell, server, screen = make_shell(PIPELINING, before=("ehlo",))
    writes = Writes(server, monkeypatch)
    screen.entries.clear()
    screen.said.clear()
    shell.run("/pipeline mail ann@example.org; rcpt bob@example.org; data")
    assert writes == [b"\r\n".join([*ENVELOPE, b""])]
    assert _marks(screen) == [True, True, False]
    assert screen.words == ""
    assert shell.phase is not None
    assert shell.phase.value == "mail data"


def test_a_group_is_held_until_an_empty_line(monkeypatch: pytest.MonkeyPatch) -> None:
    shell, server, screen = make_shell(PIPELINING, before=("ehlo", "/pipeline"))
    writes = Writes(server, monkeypatch)
    for line in ("mail ann@example.org", "rcpt bob@example.org", "/status", "data"):
        shell.run(line)
    assert writes == []
    assert [each.line for each in shell.group.commands] == ENVELOPE if shell.group is not None else False
    shell.run("")
    assert writes == [b"\r\n".join([*ENVELOPE, b""])]
    shell.run("Subject: x")
    assert server.lines[-1] == b"Subject: x"
    assert screen.said[0].startswith("A group begins")


def test_a_group_can_be_forgotten() -> None:
    shell, server, screen = make_shell(PIPELINING, before=("ehlo", "/pipeline", "noop"))
    shell.run("/pipeline cancel")
    assert server.heard == b""
    assert screen.said[-1] == "The group is forgotten: 1 command; nothing was sent."
    with pytest.raises(UsageError, match="no group"):
        shell.run("/pipeline cancel")


def test_lines_that_end_inside_a_group_are_an_error() -> None:
    shell, server, screen = make_shell(PIPELINING, before=("ehlo",), interactive=False)
    assert run_lines(shell, [("-c", "/pipeline"), ("-c", "noop")], keep_going=False) == 2
    assert server.heard == b""
    assert "inside a group" in screen.words


def test_what_must_end_a_group_is_advised_on_and_goes_out() -> None:
    shell, server, screen = make_shell(before=("ehlo",))
    shell.run("/pipeline ehlo; vrfy x; mail <>; rset")
    assert "has not announced PIPELINING" in screen.said[0]
    assert screen.said[1].startswith("EHLO, VRFY should be the last of a group")
    assert server.lines[0] == b"EHLO client.example.org"


def test_advice_is_given_for_the_commands_before_the_last_only() -> None:
    announced = Extensions({"PIPELINING": ()})
    group = [Command(line) for line in (b"RSET", b"MAIL FROM:<>", b"RCPT TO:<a@b>", b"BDAT 0", b"QUIT")]
    assert list(advice(group, announced)) == []
    assert len(list(advice([*group, group[0]], announced))) == 1


def test_a_credential_in_a_group_needs_consent_in_the_clear() -> None:
    shell, server, screen = make_shell(PIPELINING, before=("ehlo", "/set insecure-auth off"))
    with pytest.raises(AuthFailed, match="without TLS"):
        shell.run("/pipeline rset; AUTH PLAIN AGFubgBwYXNzd29yZA==")
    assert server.heard == b""
    assert "AGFubgBwYXNzd29yZA" not in screen.words


def test_nothing_follows_a_starttls_that_was_accepted() -> None:
    shell, server, _ = make_shell(PIPELINING, before=("ehlo",))
    shell.run("/pipeline rset; starttls")
    assert server.secured
    assert server.lines == [b"rset", b"STARTTLS"]


def test_quit_at_the_end_of_a_group_closes_the_connection() -> None:
    shell, server, _ = make_shell(PIPELINING, before=("ehlo",))
    shell.run("/pipeline rset; quit")
    assert server.lines == [b"rset", b"QUIT"]
    assert server.closed


def test_a_large_group_goes_out_in_several_writes(monkeypatch: pytest.MonkeyPatch) -> None:
    shell, server, _ = make_shell(PIPELINING, before=("ehlo", "mail <>"))
    writes = Writes(server, monkeypatch)
    shell.run("/pipeline rcpt " + " ".join(f"a{number}@example.org" for number in range(250)))
    assert [write.count(b"\r\n") for write in writes] == [100, 100, 50]


# Pastes


def test_a_paste_goes_out_in_one_write_up_to_what_ends_a_group(monkeypatch: pytest.MonkeyPatch) -> None:
    shell, server, _ = make_shell(PIPELINING, before=("ehlo",))
    writes = Writes(server, monkeypatch)
    run_typed(shell, "mail ann@example.org\nrcpt bob@example.org\ndata\nSubject: x\n\ntext\n.\nrset\nnoop\nnoop\nquit")
    assert writes[0] == b"\r\n".join([*ENVELOPE, b""])
    assert writes[1:3] == [b"Subject: x\r\n\r\ntext\r\n", b".\r\n"]
    assert writes[3:] == [b"rset\r\nnoop\r\n", b"noop\r\n", b"QUIT\r\n"]


def test_a_paste_goes_out_line_by_line_where_pipelining_is_not_announced(monkeypatch: pytest.MonkeyPatch) -> None:
    shell, server, screen = make_shell(before=("ehlo",))
    writes = Writes(server, monkeypatch)
    run_typed(shell, "mail ann@example.org\nrcpt bob@example.org\nrset\nrset")
    assert len(writes) == 4
    assert [line for line in screen.said if "PIPELINING" in line] == [
        "The server has not announced PIPELINING, so these lines go out one by one."
    ]


def test_a_paste_that_begins_with_ehlo_goes_by_what_it_announces(monkeypatch: pytest.MonkeyPatch) -> None:
    shell, server, screen = make_shell(PIPELINING)
    writes = Writes(server, monkeypatch)
    run_typed(shell, "ehlo\nmail ann@example.org\nrcpt bob@example.org\nrset")
    assert [write.count(b"\r\n") for write in writes] == [1, 3]
    assert screen.words == ""


def test_nothing_of_an_exchange_is_part_of_a_pasted_group() -> None:
    shell, _, _ = make_shell(PIPELINING)
    for line in (
        "auth login",
        "AUTH PLAIN AGFubgBwYXNzd29yZA==",
        "/status",
        "starttls",
        "quit",
        "",
        "data < x",
        "a\0b",
    ):
        number, commands = pasted_group(["rset", line, "rset"], shell.registry, shell.hello_command)
        assert (number, commands) == (0, [])
    number, commands = pasted_group(["rset", "rcpt a@b c@d", "noop", "rset"], shell.registry, shell.hello_command)
    assert (number, [each.verb for each in commands]) == (3, ["RSET", "RCPT", "RCPT", "NOOP"])


def test_of_a_paste_nothing_follows_a_data_that_was_refused_in_a_group() -> None:
    shell, server, screen = make_shell({**PIPELINING, b"DATA": b"554 no\r\n"}, before=("ehlo",))
    run_typed(shell, "mail <>\nrcpt a@example.org\ndata\nSubject: x\nrset\n.")
    assert server.lines[-1] == b"DATA"
    assert "The rest of what was pasted was not sent: 3 lines." in screen.said


def test_a_response_in_a_group_with_its_auth_is_secret() -> None:
    for typed in (
        ["/pipeline", "AUTH LOGIN c3R1ZGVudA==", "cGFzc3dvcmQ=", "noop", "/pipeline"],
        ["/pipeline AUTH LOGIN c3R1ZGVudA==; cGFzc3dvcmQ=; noop"],
    ):
        shell, server, screen = make_shell({**PIPELINING, b"AUTH": b"334 UGFzc3dvcmQ6\r\n"}, before=["ehlo"])
        for line in typed:
            shell.run(line)
        assert server.lines == [b"AUTH LOGIN c3R1ZGVudA==", b"cGFzc3dvcmQ=", b"noop"]
        sent = [entry.event.command for entry in screen.entries if isinstance(entry.event, CommandSent)]
        assert [each.public for each in sent[-3:]] == [11, 0, None]
        assert "cGFzc3dvcmQ" not in screen.words


@pytest.mark.parametrize(
    ("before", "lines", "public"),
    [
        ([], [b"AUTH LOGIN", b"c3R1ZGVudA==", b"c2VjcmV0", b"NOOP"], [None, 0, 0, None]),
        ([b"AUTH LOGIN"], [b"c3R1ZGVudA==", b"MAIL FROM:<>", b"c3R1ZGVudA=="], [0, None, None]),
        ([b"AUTH LOGIN"], [b"*", b"c3R1ZGVudA=="], [None, None]),
        ([], [b"c3R1ZGVudA=="], [None]),
    ],
)
def test_what_was_to_answer_a_challenge_when_it_was_typed_is_secret_whatever_comes_before_it_goes_out(
    before: list[bytes], lines: list[bytes], public: list[int | None]
) -> None:
    dialogue = Dialogue()
    for line in before:
        dialogue.exchange.send(line)
    group = HeldGroup(dialogue)
    for line in lines:
        group.add([Command.parse(line)])
        dialogue.exchange.receive(250)
    assert [command.public for command in group.commands] == public


@pytest.mark.parametrize(
    "text", ["auth PPLAIN AHN0dWRlbnQAc3BhcnJvdw==", "auth AHN0dWRlbnQAc3BhcnJvdw==", "auth plain student"]
)
def test_a_line_that_cannot_be_in_a_group_is_named_by_its_first_word(text: str) -> None:
    shell, _, _ = make_shell()
    with pytest.raises(UsageError) as caught:
        commands_of(text, shell.registry, shell.hello_command)
    assert str(caught.value) == "auth is more than one line, and cannot be in a group."


def test_a_group_that_begins_in_an_exchange_holds_what_is_typed_after_its_end() -> None:
    shell, server, _ = make_shell({b"AUTH": b"334 VXNlcm5hbWU6\r\n", b"DATA": b"535 no\r\n"}, before=("ehlo",))
    for line in ("AUTH LOGIN c3R1ZGVudA==", "/pipeline", "data", "NOOP"):
        shell.run(line)
    assert shell.group is not None
    assert [(command.line, command.public) for command in shell.group.commands] == [(b"NOOP", None)]
    assert server.heard.endswith(b"AUTH LOGIN c3R1ZGVudA==\r\ndata\r\n")
