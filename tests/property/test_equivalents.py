"""Whatever was done in a dialogue, the script for each tool is printable, quoted, and means the same."""

import ast
import io
import re
import shlex
import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from smtp_shell.export.equivalents import TOOLS, write_equivalent
from smtp_shell.export.equivalents.posix_shell import is_printable, printf_format, word
from smtp_shell.protocol.events import Connected, Entry, Event, Noticed, NoticeKind, OctetsSent
from smtp_shell.protocol.rawlines import PROXY_SIGNATURE
from tests.fuzz.program import session
from tests.property.hostile import OCTETS
from tests.property.test_pictures import PROGRAMS

_OCTAL = re.compile(rb"\\([0-7]{3})|\\([rn\\])|%%")


def written(octets: bytes) -> bytes:
    """Return what `printf` writes, by the rules of POSIX."""
    quoted = printf_format(octets)
    assert quoted.isascii()
    (text,) = shlex.split(quoted)
    named = {b"r": b"\r", b"n": b"\n", b"\\": b"\\"}

    def octet(found: "re.Match[bytes]") -> bytes:
        if found[1]:
            return bytes([int(found[1], 8)])
        return named[found[2]] if found[2] else b"%"

    return _OCTAL.sub(octet, text.encode())


@given(OCTETS)
def test_words_are_read_back(octets: bytes) -> None:
    assert written(octets) == octets
    if is_printable(octets):
        assert shlex.split(f"swaks {word(octets)}") == ["swaks", octets.decode()]


def script(tool: str, happened: list[Entry]) -> str:
    out = io.StringIO()
    write_equivalent(tool, happened, out, "x")
    return out.getvalue()


@given(PROGRAMS)
def test_any_dialogue_becomes_a_script(program: bytes) -> None:
    happened = session(program)
    for tool in TOOLS:
        text = script(tool, happened)
        assert all(line.isprintable() for line in text.split("\n"))
    ast.parse(script("python", happened))


@given(st.lists(PROGRAMS, min_size=10, max_size=10))
@settings(max_examples=20)
def test_a_shell_can_parse_each_script(programs: list[bytes]) -> None:
    for tool in ("swaks", "openssl", "curl"):
        # A here-document that is never ended is a warning of the shell, which fails the test too.
        text = "\n".join(script(tool, session(program)) for program in programs)
        done = subprocess.run(["sh", "-n"], input=text.encode(), capture_output=True, timeout=60)
        assert (done.returncode, done.stderr) == (0, b""), text


@pytest.mark.parametrize("tool", TOOLS)
def test_nothing_in_a_dialogue_is_run(tool: str, tmp_path: Path) -> None:
    mark = tmp_path / "mark"
    evil = f"$(touch {mark})`touch {mark}`'; touch {mark}; '\"; touch {mark}\n".encode()
    lines = (b"< 220 x", b"> EHLO " + evil[:-1], b"< 250 x", b"> MAIL FROM:<a" + evil[:-1] + b"@b>", b"< 250 x")
    text = script(tool, session(b"\n".join(lines)))
    assert "touch" in text
    if tool == "python":
        ast.parse(text)
        return
    # Each program that a script would run is a function that does nothing, and no reply is waited for.
    stubs = "".join(f"{name}() {{ :; }}\n" for name in ("swaks", "curl", "openssl", "mkfifo", "mktemp", "rm", "kill"))
    for waits, harmless in (
        ('exec 3>"$folder/in" 4<"$folder/out"', "exec 3>/dev/null 4</dev/null"),
        ('<"$folder/in" >"$folder/out" &', "&"),
        ("exit 3", "return 0"),
    ):
        text = text.replace(waits, harmless)
    done = subprocess.run(
        ["sh", "-c", stubs + text], capture_output=True, timeout=60, stdin=subprocess.DEVNULL, cwd=tmp_path
    )
    assert done.returncode == 0, done.stderr
    assert b"C: MAIL" in done.stdout or tool != "openssl"
    assert not mark.exists()


@given(st.lists(st.one_of(OCTETS.map(lambda octets: octets.decode("utf-8", "replace")), st.text()), max_size=3), OCTETS)
@settings(max_examples=20)
def test_whatever_a_notice_and_a_header_say_is_quoted(places: list[str], octets: bytes) -> None:
    events: list[Event] = [Connected("192.0.2.1:25", tls=bool(octets[:1]))]
    for place in places:
        for words in (f"from {place}", f"through socks5h://{place}", f"through http://$(id)'{place}@h:1"):
            events.append(Noticed(NoticeKind.CONNECTION, words))
    events += [OctetsSent(header + octets) for header in (b"PROXY TCP4 ", PROXY_SIGNATURE)]
    happened = [Entry(number, 0.0, event) for number, event in enumerate(events, 1)]
    for tool in TOOLS:
        text = script(tool, happened)
        assert all(line.isprintable() for line in text.split("\n"))
        if tool == "python":
            ast.parse(text)
        else:
            done = subprocess.run(["sh", "-n"], input=text.encode(), capture_output=True, timeout=60)
            assert (done.returncode, done.stderr) == (0, b""), text
