"""xtext goes there and back, and a parameter that is typed goes out in a form that its row takes."""

from hypothesis import given
from hypothesis import strategies as st

from smtp_shell.errors import SmtpShellError
from smtp_shell.protocol.client_attributes import written_attributes
from smtp_shell.protocol.commands import Command
from smtp_shell.protocol.parameters import PARAMETERS, written_parameter
from smtp_shell.protocol.written_paths import parameters_of
from smtp_shell.protocol.xtext import as_xtext, decode_xtext, encode_xtext
from smtp_shell.shell.envelope_lines import mail_command, rcpt_commands
from smtp_shell.shell.groups import split_lines
from tests.property.hostile import HOSTILE_TEXT

_WORDS = st.sampled_from(
    [
        "a@b",
        "<a@b>",
        "envid=",
        'envid="',
        "orcpt=rfc822;",
        "auth=<>",
        "name=",
        'name="',
        '"',
        "addr=::1",
        "\r\n",
        "\0",
        "+",
        "=",
    ]
)
_XTEXT_NAMES = st.sampled_from([row.name for row in PARAMETERS.values() if row.xtext and row.name != "ORCPT"])


@given(st.binary())
def test_xtext_goes_there_and_back(octets: bytes) -> None:
    text = encode_xtext(octets)
    assert decode_xtext(text) == octets
    assert all(0x21 <= octet <= 0x7E for octet in text)
    assert b"=" not in text


@given(st.binary())
def test_what_decodes_has_one_octet_for_each_sign(text: bytes) -> None:
    decoded = decode_xtext(text)
    if decoded is not None:
        assert len(decoded) == len(text) - 2 * text.count(b"+")


@given(HOSTILE_TEXT)
def test_whatever_is_typed_becomes_xtext_and_stays_so(typed: str) -> None:
    text = as_xtext(typed)
    assert decode_xtext(text.encode()) is not None
    assert as_xtext(text) == text


@given(_XTEXT_NAMES, HOSTILE_TEXT.filter(lambda text: text not in ("", '"', '""')))
def test_a_parameter_in_xtext_is_parsed_as_it_was_printed(name: str, value: str) -> None:
    written = written_parameter(f"{name.lower()}={value}")
    found = parameters_of(b"MAIL FROM:<> " + written.encode("utf-8", "surrogateescape"))
    assert list(found) == [name]
    fault = PARAMETERS[name].fault(found[name].decode("ascii"))
    assert not fault or "more than" in fault


@given(st.lists(_WORDS | HOSTILE_TEXT).map(" ".join))
def test_each_shorthand_is_one_line_or_refused(typed: str) -> None:
    for build in (lambda text: [mail_command(text)], rcpt_commands, _client_command):
        try:
            commands = build(typed)
        except SmtpShellError:
            continue
        for command in commands:
            assert command.octets.count(b"\n") == command.octets.count(b"\r") == 1
            assert b"\0" not in command.octets


def _client_command(text: str) -> list[Command]:
    return [Command.of("XCLIENT", " ".join(written_attributes(text) or ()))]


@given(st.lists(st.sampled_from([";", "; ", '"', "\\", "a", " ", "rset", "\t"]) | HOSTILE_TEXT).map("".join))
def test_no_character_of_a_group_is_lost(typed: str) -> None:
    def bare(text: str) -> str:
        return "".join(char for char in text if char not in "; \t")

    assert bare("".join(split_lines(typed))) == bare(typed)
