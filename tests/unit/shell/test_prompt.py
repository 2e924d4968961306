"""What the prompt and the bottom line show."""

import pytest
from prompt_toolkit.output import ColorDepth
from prompt_toolkit.styles import DEFAULT_ATTRS

from smtp_shell.display.themes import AUTO, THEMES
from smtp_shell.net.target import Target, Way
from smtp_shell.protocol.events import Certificate, TlsStarted
from smtp_shell.shell.prompt import color_depth, prompt_style, prompt_text, toolbar
from smtp_shell.shell.shell import Shell
from tests.unit.shell.fake import make_shell

IN_DATA = ("ehlo", "mail <>", "rcpt bob@example.org", "data")
LONG = Target(Way.TCP, "a" * 60 + ".example.org", 25)


def prompt(shell: Shell, width: int = 80) -> str:
    return "".join(part[1] for part in prompt_text(shell, width))


def bottom(shell: Shell, width: int = 200, *, waits: bool = False) -> str:
    return "".join(part[1] for part in toolbar(shell, width, waits=waits))


@pytest.fixture(autouse=True)
def utf_8(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("smtp_shell.shell.prompt.shows_utf_8", lambda environment, encoding: True)


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
    ("replies", "before", "shown", "awaited"),
    [
        ({b"DATA": b""}, (*IN_DATA[:3], r"/raw DATA\r\n"), "mail.example.org:25 rcpt> ", "the reply to DATA"),
        (
            {b".": b""},
            (*IN_DATA[:3], r"/raw DATA\r\ntext\r\n.\r\n"),
            "mail.example.org:25 end of data> ",
            "the reply to the final dot",
        ),
        ({b"AUTH": b""}, ("ehlo", r"/raw AUTH LOGIN\r\n"), "mail.example.org:25 ready> ", "the reply to AUTH"),
        (
            {b"AUTH": b"334 \r\n", b"*": b""},
            ("ehlo", r"/raw AUTH LOGIN\r\n", r"/raw *\r\n"),
            "mail.example.org:25 auth pending hidden> ",
            "the reply to the response",
        ),
        ({b"AUTH": b"334 \r\n"}, ("ehlo", r"/raw AUTH LOGIN\r\n"), "answer to the 334 (hidden): ", ""),
    ],
)
def test_the_prompt_and_the_bottom_line_while_a_reply_is_owed(
    replies: dict[bytes, bytes], before: tuple[str, ...], shown: str, awaited: str
) -> None:
    shell, _, _ = make_shell(replies, before=before)
    assert prompt(shell) == shown
    assert (f"awaits {awaited}" in bottom(shell)) == bool(awaited)
    assert ("owed" in bottom(shell, 40)) == bool(awaited)
    assert "insecure-auth" in bottom(shell, 40)
    assert "awaits" not in bottom(shell, waits=True)


@pytest.mark.parametrize(("width", "letters"), [(200, 28), (80, 28), (40, 12), (1, 8)])
def test_a_long_name_is_cut_in_the_prompt_and_its_port_is_not(width: int, letters: int) -> None:
    shell, _, _ = make_shell(target=LONG)
    assert prompt(shell, width) == "a" * letters + "…:25 greeted> "


@pytest.mark.parametrize(
    ("before", "phase"),
    [
        ((), "client initiation"),
        (("ehlo",), "no mail transaction"),
        (("ehlo", "mail <>"), "mail transaction"),
        (IN_DATA[:3], "mail transaction | 1 recipient"),
        ((*IN_DATA[:3], "rcpt ann@example.org"), "mail transaction | 2 recipients"),
        (IN_DATA, "mail data | 0 octets of"),
        ((*IN_DATA, "text"), "mail data | 6 octets of"),
        ((*IN_DATA, "text", "."), "no mail transaction"),
    ],
)
def test_the_bottom_line_names_the_phase_as_the_rfc_does(before: tuple[str, ...], phase: str) -> None:
    shell, _, _ = make_shell({b"EHLO": b"250-hi\r\n250 SIZE 1000\r\n"}, before=before)
    assert f" mail.example.org:25 | {phase}" in bottom(shell)


def test_the_bottom_line_says_what_is_weakened() -> None:
    shell, _, _ = make_shell(before=("ehlo",))
    start, rest = " mail.example.org:25 | no mail transaction | no TLS | insecure-auth on", " | no user | not recorded"
    assert bottom(shell) == f"{start}{rest} | last reply 0 s ago"
    for line in ("/set insecure on", "starttls"):
        shell.run(line)
    start = " mail.example.org:25 | client initiation | TLSv1.3 verified | insecure and insecure-auth on"
    assert bottom(shell) == f"{start}{rest} | last reply 0 s ago"
    assert "insecure and insecure-auth" in bottom(shell, 40)


def test_a_certificate_that_was_not_verified_is_the_last_thing_to_go() -> None:
    shell, _, _ = make_shell(before=("/set insecure-auth off", *IN_DATA), target=LONG)
    assert shell.session is not None
    shell.session.tls = TlsStarted("TLSv1.3", "X", False, Certificate(), "mail.example.org")
    for width in range(40, 200):
        assert "NOT VERIFIED" in bottom(shell, width)


@pytest.mark.parametrize(
    ("silence", "shown"),
    [
        (0.2, "last reply 0 s ago"),
        (9.9, "last reply 9 s ago"),
        (59, "last reply 50 s ago"),
        (60, "last reply 1 min ago"),
        (239, "last reply 3 min ago"),
        (240, "last reply 4 min ago: a server may close after 5 min"),
    ],
)
def test_the_clock_goes_in_steps_and_warns_before_a_server_may_close(silence: float, shown: str) -> None:
    shell, _, _ = make_shell()
    now = shell.gauge._clock()
    shell.gauge._clock = lambda: now + silence
    assert bottom(shell).endswith(f" | {shown}")


@pytest.mark.parametrize(
    ("width", "shown"),
    [
        (
            200,
            "mail.example.org:25 | mail data | 0 octets of 1,000 | no TLS | student | not recorded | last reply 0 s ago",
        ),
        (100, "mail.example.org:25 | mail data | 0 octets of 1,000 | no TLS | student | not recorded | 0 s ago"),
        (80, "mail.example.org:25 | mail data | 0 octets of 1,000 | no TLS | student"),
        (60, "mail.exa…:25 | mail data | 0 octets of 1,000 | no TLS"),
        (40, "mail data | 0 octets of 1,000 | no TLS"),
        (20, "0 octets | no TLS"),
        (1, ""),
    ],
)
def test_the_bottom_line_is_shortened_by_importance(width: int, shown: str) -> None:
    shell, _, _ = make_shell({b"EHLO": b"250-hi\r\n250 SIZE 1000\r\n"}, before=("/set insecure-auth off", *IN_DATA))
    assert shell.session is not None
    shell.session.user = "student"
    assert bottom(shell, width).strip() == shown
    assert len(bottom(shell, width)) <= width


def test_without_a_connection_the_bottom_line_says_how_to_get_one() -> None:
    shell, _, _ = make_shell(before=("/disconnect",))
    assert bottom(shell) == " not connected | /connect HOST[:PORT] | /help"
    assert bottom(shell, 40) == " not connected | /connect HOST[:PORT]"


def test_a_screen_reader_gets_no_bottom_line() -> None:
    shell, _, _ = make_shell(before=("/set theme plain",))
    assert bottom(shell) == ""


def test_without_utf_8_the_prompt_is_ascii(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("smtp_shell.shell.prompt.shows_utf_8", lambda environment, encoding: False)
    shell, _, _ = make_shell(target=LONG)
    assert prompt(shell) == "a" * 28 + "...:25 greeted> "
    assert bottom(shell).isascii()


@pytest.mark.parametrize("theme", [AUTO, *THEMES])
@pytest.mark.parametrize("color", [True, False])
def test_the_bottom_line_stands_out_in_each_theme_but_plain(theme: str, color: bool) -> None:
    from msgspec.structs import replace

    shell, _, _ = make_shell(before=(f"/set theme {theme}",))
    shell.options = replace(shell.options, color=color)
    found = prompt_style(shell).get_attrs_for_style_str("class:bottom-toolbar")
    danger = prompt_style(shell).get_attrs_for_style_str("class:bottom-toolbar class:bottom-toolbar.danger")
    if theme != "plain":
        assert found.reverse or found.bgcolor != DEFAULT_ATTRS.bgcolor
        assert danger != found
    if not color:
        assert (found.color, found.bgcolor) == (DEFAULT_ATTRS.color, DEFAULT_ATTRS.bgcolor)
    assert color_depth(shell) == (None if color else ColorDepth.DEPTH_1_BIT)
