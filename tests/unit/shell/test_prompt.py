"""What the prompt and the bottom line show."""

import pytest

from smtp_shell.net.target import Target, Way
from smtp_shell.shell.prompt import prompt_text, toolbar
from smtp_shell.shell.shell import Shell
from tests.unit.shell.fake import make_shell

IN_DATA = ("ehlo", "mail <>", "rcpt bob@example.org", "data")


def prompt(shell: Shell) -> str:
    return "".join(part[1] for part in prompt_text(shell))


def bottom(shell: Shell) -> str:
    return "".join(part[1] for part in toolbar(shell))


@pytest.mark.parametrize(
    ("before", "shown"),
    [
        ((), "mail.example.org:25 greeted> "),
        (("ehlo",), "mail.example.org:25 ready> "),
        (("ehlo", "starttls"), "mail.example.org:25 tls greeted> "),
        (IN_DATA, "mail data: "),
        (("/disconnect",), "smtp-shell> "),
    ],
)
def test_the_prompt_says_where_the_dialogue_is(before: tuple[str, ...], shown: str) -> None:
    shell, _, _ = make_shell(before=before)
    assert prompt(shell) == shown


@pytest.mark.parametrize(
    ("replies", "before", "shown"),
    [
        ({b"DATA": b""}, (*IN_DATA[:3], r"/raw DATA\r\n"), "mail.example.org:25 rcpt> "),
        ({b".": b""}, (*IN_DATA[:3], r"/raw DATA\r\ntext\r\n.\r\n"), "mail.example.org:25 end of data> "),
        ({b"AUTH": b""}, ("ehlo", r"/raw AUTH LOGIN\r\n"), "mail.example.org:25 ready> "),
        (
            {b"AUTH": b"334 \r\n", b"*": b""},
            ("ehlo", r"/raw AUTH LOGIN\r\n", r"/raw *\r\n"),
            "mail.example.org:25 auth pending hidden> ",
        ),
        ({b"AUTH": b"334 \r\n"}, ("ehlo", r"/raw AUTH LOGIN\r\n"), "answer to the 334 (hidden): "),
    ],
)
def test_the_prompt_while_a_reply_is_owed(replies: dict[bytes, bytes], before: tuple[str, ...], shown: str) -> None:
    shell, _, _ = make_shell(replies, before=before)
    assert prompt(shell) == shown


def test_a_long_name_is_cut_in_the_prompt() -> None:
    shell, _, _ = make_shell(target=Target(Way.TCP, "a" * 60 + ".example.org", 25))
    assert prompt(shell) == "a" * 31 + "… greeted> "


def test_the_bottom_line_says_what_is_weakened() -> None:
    shell, _, _ = make_shell(before=("ehlo",))
    assert bottom(shell) == " mail.example.org:25 | ready | no TLS insecure-auth on | no user | not recorded"
    for line in ("/set insecure-auth off", "/set insecure on", "starttls"):
        shell.run(line)
    assert bottom(shell) == " mail.example.org:25 | greeted | TLSv1.3 verified insecure on | no user | not recorded"


def test_without_a_connection_the_bottom_line_says_how_to_get_one() -> None:
    shell, _, _ = make_shell(before=("/disconnect",))
    assert bottom(shell) == " not connected | /connect HOST[:PORT] | /help"
