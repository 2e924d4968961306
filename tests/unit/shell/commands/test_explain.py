"""`/explain`, `/help` of a fact, and `/set explain`."""

import pytest

from smtp_shell.errors import UsageError
from smtp_shell.protocol.phases import Phase
from smtp_shell.shell.completion import suggest
from smtp_shell.shell.settings import ShellSettings
from smtp_shell.shell.shell import Shell
from tests.unit.shell.fake import Screen, make_shell

ON = ShellSettings(ehlo="client.example.org", insecure_auth=True, explain="on")
REFUSING = {b"RCPT": b"503 5.5.1 Send MAIL first\r\n", b"FOO": b"500 5.5.2 what\r\n"}


def rows(screen: Screen) -> dict[str, str]:
    """Return the labelled rows of the last explanation."""
    found: dict[str, str] = {}
    for line in screen.said:
        label, gap, text = line.strip().partition("  ")
        if gap and line.startswith("  "):
            found.setdefault(label, text.strip())
    return found


def test_the_last_exchange_is_explained_from_the_state() -> None:
    shell, server, screen = make_shell(REFUSING, before=["ehlo", "rcpt bob@example.org"])
    screen.said.clear()
    shell.run("/explain")
    assert screen.said[0] == "  C: RCPT TO:<bob@example.org>"
    assert "  S: 503 5.5.1 Send MAIL first" in screen.said
    found = rows(screen)
    assert found["Why"] == "RCPT comes after MAIL: the dialogue is in phase ready."
    assert found["Phase"].startswith("ready: ")
    assert "MAIL" in found["In order"]
    assert "MAIL FROM" in found["Next"]
    assert "503 5.5.1" in screen.words
    assert server.heard == b""


def test_a_near_miss_is_named() -> None:
    shell, _, screen = make_shell({b"EHL0": b"500 5.5.2 what\r\n"}, before=["EHL0 x"])
    shell.run("/explain")
    assert "the letter O" in rows(screen)["Why"]


def test_a_good_reply_is_explained_too() -> None:
    shell, _, screen = make_shell(before=["ehlo"])
    shell.run("/explain")
    assert "Why" not in rows(screen)
    assert rows(screen)["Phase"].startswith("ready")


def test_the_greeting_and_the_final_dot_are_exchanges() -> None:
    shell, _, screen = make_shell()
    shell.run("/explain")
    assert "  S: 220 mail.example.org" in screen.said
    shell, _, screen = make_shell(before=["ehlo", "mail <>", "rcpt bob@example.org", "data", "x", "."])
    screen.said.clear()
    shell.run("/explain")
    assert screen.said[0] == "  C: ."


def test_a_credential_is_masked() -> None:
    shell, _, screen = make_shell({b"AUTH": b"535 5.7.8 no\r\n"}, before=["ehlo", "AUTH PLAIN AGFubgBzM2NyZXQ="])
    shell.run("/explain")
    assert "AGFubgBzM2NyZXQ=" not in screen.words
    assert "  C: AUTH PLAIN \N{BULLET}" in screen.words


def test_an_answer_of_an_exchange_is_not_shown() -> None:
    shell, _, screen = make_shell({b"AUTH": b"334 UGFzc3dvcmQ6\r\n", b"CZNJCMV0": b"535 5.7.8 no\r\n"})
    shell.run("ehlo")
    shell.run("/raw AUTH LOGIN\\r\\n")
    shell.look()
    assert shell.phase is Phase.AUTH
    shell.run("czNjcmV0")
    screen.said.clear()
    shell.run("/explain")
    assert "czNjcmV0" not in screen.words
    assert "an answer in the AUTH exchange" in screen.words


def test_without_a_dialogue_there_is_nothing_to_explain() -> None:
    with pytest.raises(UsageError, match="nothing has been said yet"):
        Shell(Screen()).run("/explain")


@pytest.mark.parametrize(
    "line", ["/explain 550", "/explain PIPELINING", "/help 354", "/help PIPELINING", "/help 550 5.7.1"]
)
def test_facts_need_no_connection(line: str) -> None:
    screen = Screen()
    Shell(screen).run(line)
    assert screen.said[0].startswith(f"  {line.partition(' ')[2]}  ")
    assert any(said.startswith("  Source") for said in screen.said)


def test_what_is_not_known_is_an_error_with_near_names() -> None:
    with pytest.raises(UsageError, match="/explain: nothing is known about piplining; did you mean"):
        Shell(Screen()).run("/explain piplining")
    with pytest.raises(UsageError, match="is no command of the shell"):
        Shell(Screen()).run("/help xyzzy")


def test_help_of_a_command_comes_before_a_fact_of_its_name() -> None:
    screen = Screen()
    Shell(screen).run("/help data")
    assert screen.said[0] == "  data [< FILE]"


def test_a_line_stands_under_each_refusal() -> None:
    shell, _, screen = make_shell(REFUSING, settings=ON)
    shell.run("ehlo")
    assert screen.said == []
    shell.run("rcpt bob@example.org")
    assert screen.said == [
        "        503 5.5.1: RCPT comes after MAIL: the dialogue is in phase ready. Mend it, then send again."
    ]


def test_a_line_stands_under_every_reply_if_asked_for() -> None:
    shell, _, screen = make_shell(REFUSING)
    for line in ("/set explain all", "ehlo", "mail <>", "/set explain off", "rset"):
        shell.run(line)
    assert len(screen.said) == 2
    assert screen.said[0].startswith("        250: ")


def test_set_explain_takes_three_values() -> None:
    with pytest.raises(UsageError, match="takes one of off, on, all"):
        Shell(Screen()).run("/set explain loudly")


def test_names_of_facts_are_completed() -> None:
    shell, _, _ = make_shell()
    found = {each.text: each.description for each in suggest(shell.completion_context(), "/explain PIPE")}
    assert "PIPELINING" in found
    assert found["PIPELINING"]
    assert "550" in {each.text for each in suggest(shell.completion_context(), "/explain 55")}
