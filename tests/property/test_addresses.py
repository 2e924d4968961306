"""Promise 11: whatever is typed, each shorthand is one line or is refused."""

from hypothesis import given
from hypothesis import strategies as st

from smtp_shell.errors import NotSendable
from smtp_shell.protocol.addresses import parse_paths
from smtp_shell.protocol.commands import Command
from tests.property.hostile import HOSTILE_TEXT

_WORDS = st.sampled_from(
    ["<", ">", "<>", '"', "\\", "@", "a@b", "<a@b>", "x=y", "size=1", "from:", " ", "\t", "\r\n", "\0", "[", "]", "[::1]", "\xa0"]
)  # fmt: skip
TYPED = st.lists(_WORDS | HOSTILE_TEXT).map("".join) | st.lists(_WORDS).map(" ".join)


@given(TYPED)
def test_each_path_is_one_line_or_refused(typed: str) -> None:
    for path in parse_paths(typed) or ():
        try:
            octets = Command.of("RCPT", f"TO:{path}").octets
        except NotSendable:
            assert set("\r\n\0") & set(typed)
        else:
            assert octets.count(b"\n") == octets.count(b"\r") == 1
            assert b"\0" not in octets


@given(TYPED)
def test_nothing_typed_is_lost(typed: str) -> None:
    def bare(text: str) -> str:
        return text.translate(dict.fromkeys(map(ord, " \t<>"))).casefold()

    paths = parse_paths(typed)
    if paths is not None:
        assert bare("".join(map(str, paths))) == bare(typed)


@given(st.emails(), st.emails())
def test_ordinary_addresses_are_shorthand(one: str, other: str) -> None:
    found = parse_paths(f"{one} size=1 <{other}>")
    assert found is not None
    assert [str(path) for path in found] == [f"<{one}> SIZE=1", f"<{other}>"]
