"""The history file: private, without what is to be left out, and never in the way."""

import asyncio
import errno
import os
import stat
from pathlib import Path

import pytest

from smtp_shell.shell.history import ServerHistory, TypedLine, open_history, parse_history


@pytest.fixture
def said() -> list[str]:
    return []


@pytest.fixture(autouse=True)
def state_dir(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    monkeypatch.setenv("SMTP_SHELL_STATE_DIR", str(tmp_path / "state"))
    return tmp_path / "state"


def test_lines_are_kept_for_the_owner_only(state_dir: Path, said: list[str]) -> None:
    history = open_history(lambda line: True, said.append)
    history.append_string("ehlo")
    history.append_string("mail <>")
    again = open_history(lambda line: True, said.append)
    assert list(again.load_history_strings()) == ["mail <>", "ehlo"]
    assert stat.S_IMODE((state_dir / "history").stat().st_mode) == 0o600
    assert stat.S_IMODE(state_dir.stat().st_mode) == 0o700
    assert said == []


def test_a_line_that_is_left_out_is_not_even_kept_in_memory(state_dir: Path, said: list[str]) -> None:
    history = open_history(lambda line: "secret" not in line, said.append)
    history.append_string("a secret")
    history.append_string("noop")
    assert list(history.get_strings()) == ["noop"]
    assert "secret" not in (state_dir / "history").read_text()


def test_where_no_file_can_be_had_the_history_lasts_as_long_as_the_process(state_dir: Path, said: list[str]) -> None:
    elsewhere = state_dir.with_name("elsewhere")
    elsewhere.write_text("untouched")
    state_dir.mkdir()
    (state_dir / "history").symlink_to(elsewhere)
    history = open_history(lambda line: True, said.append)
    history.append_string("noop")
    assert list(history.get_strings()) == ["noop"]
    assert list(open_history(lambda line: True, said.append).load_history_strings()) == []
    assert elsewhere.read_text() == "untouched"
    assert [each.partition(":")[0] for each in said] == ["the history is not kept"] * 2


class Place:
    """Where the user is: a history asks it."""

    server = ""

    def __call__(self) -> str:
        return self.server


def typed(history: ServerHistory, place: Place, *lines: tuple[str, str]) -> None:
    for place.server, text in lines:
        history.append_string(text)


def test_lines_of_this_process_come_first_then_those_of_the_same_server(said: list[str]) -> None:
    place = Place()
    typed(
        open_history(bool, said.append, place),
        place,
        ("", "/connect a"),
        ("a:25", "mail ann@a"),
        ("b:25", "mail ann@b"),
        ("a:25", "noop"),
        ("b:25", "vrfy bob"),
        ("b:25", "noop"),
    )
    again = open_history(bool, said.append, place)
    place.server = "a:25"
    assert list(again.recalled()) == ["noop", "mail ann@a", "vrfy bob", "mail ann@b", "/connect a"]
    assert again.typed_here() == ["mail ann@a", "noop"]
    place.server = "b:25"
    assert list(again.recalled())[:3] == ["noop", "vrfy bob", "mail ann@b"]
    typed(again, place, ("a:25", "mail zoe@a"), ("", "/help"))
    place.server = "b:25"
    assert list(again.recalled())[:3] == ["/help", "mail zoe@a", "noop"]
    assert again.get_strings()[-3:] == ["noop", "mail zoe@a", "/help"]


def test_the_prompt_loads_it_in_the_order_in_which_it_is_recalled(said: list[str]) -> None:
    history = open_history(bool, said.append)
    for text in ("ehlo", "noop", "ehlo"):
        history.append_string(text)

    async def load() -> list[str]:
        return [text async for text in history.load()]

    assert asyncio.run(load()) == ["ehlo", "noop"]


def test_a_history_of_before_is_read_too(state_dir: Path, said: list[str]) -> None:
    state_dir.mkdir()
    (state_dir / "history").write_text("\n# 2026-11-01 09:00:00.000001\n+ehlo\n\n# 2026-11-01 09:00:01.000001\n+noop\n")
    history = open_history(bool, said.append)
    assert list(history.recalled()) == ["noop", "ehlo"]
    assert history.typed_at("") == ["ehlo", "noop"]


@pytest.mark.parametrize(
    "entry",
    [
        b"\n# d t\n+first\n+second\n",
        b"\n# d t\n+esc\x1b]0;evil\x07ape\n",
        b"\n# d t\n+bi\xe2\x80\xaedi\n",
        b"\n# d t\n+not \xff utf-8\n",
        b"\n# d t\n+AUTH PLAIN AHN0dWRlbnQAb3BlbiBzZXNhbWU=\n",
        b"\n# d t\n+/raw AUTH PLAIN AHN0dWRlbnQAb3BlbiBzZXNhbWU=\\r\\n\n",
        b"\n# d t\n+/connect socks5h://ann:hush@proxy.example.org\n",
        b"\n# d t\n+" + b"x" * 10_000 + b"\n",
        b"\n+no head\n",
        b"\n# d\n+half a head\n",
        b"\0" * 1000,
        b"\n# d t",
    ],
)
def test_what_the_prompt_would_not_have_written_is_passed_over(entry: bytes) -> None:
    around = b"\n# d t\n+ehlo\n", b"\n# d t a.example.org:25\n+noop\n"
    assert parse_history(around[0] + entry + around[1]) == [
        TypedLine("ehlo", ""),
        TypedLine("noop", "a.example.org:25"),
    ]


def test_a_half_written_last_line_is_a_line() -> None:
    assert parse_history(b"\n# d t\n+noop\n\n# d t\n+vrfy an") == [TypedLine("noop", ""), TypedLine("vrfy an", "")]


def test_of_a_long_session_the_latest_lines_are_kept(said: list[str]) -> None:
    history = ServerHistory(None, lambda line: True, lambda: "mx.example:25", said.append)
    for number in range(19_999):
        history.append_string(f"noop {number}")
    assert len(history.get_strings()) == 19_999
    assert next(history.recalled()) == "noop 19998"
    history.append_string("noop 19999")
    assert history.get_strings() == history.typed_here() == [f"noop {number}" for number in range(10_000, 20_000)]
    assert [*history.recalled()] == [f"noop {number}" for number in range(19_999, 9_999, -1)]


def test_of_a_long_session_lines_of_earlier_ones_are_forgotten_first(state_dir: Path, said: list[str]) -> None:
    earlier = open_history(lambda line: True, said.append, lambda: "mx.example:25")
    earlier.append_string("noop of before")
    history = ServerHistory(state_dir / "history", lambda line: True, lambda: "mx.example:25", said.append)
    for number in range(19_998):
        history.append_string(f"noop {number}")
    assert history.get_strings()[0] == "noop of before"
    history.append_string("noop 19998")
    assert (history.get_strings()[0], len(history.get_strings())) == ("noop 9999", 10_000)
    assert next(history.recalled()) == "noop 19998"


def test_of_a_huge_file_the_end_is_read_and_kept(state_dir: Path, said: list[str]) -> None:
    state_dir.mkdir()
    entry = b"\n# 2026-11-01 09:00:00.000001 a.example.org:25\n+vrfy user%07d@example.org\n"
    (state_dir / "history").write_bytes(b"".join(entry % number for number in range(60_000)))
    history = open_history(bool, said.append)
    found = list(history.recalled())
    assert len(found) == 10_000
    assert found[0] == "vrfy user0059999@example.org"
    history.append_string("noop")
    size = (state_dir / "history").stat().st_size
    assert size < 2 * 1024 * 1024
    assert (state_dir / "history").read_bytes().startswith(b"\n# 2026")
    assert next(iter(open_history(bool, said.append).recalled())) == "noop"
    assert said == []


def test_a_line_that_does_not_fit_on_the_disk_is_not_kept_in_part(
    state_dir: Path, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    history = open_history(bool, said.append)
    history.append_string("ehlo")
    real, room = os.write, [50]

    def write(descriptor: int, octets: bytes) -> int:
        if not room[0]:
            raise OSError(28, "No space left on device")
        octets, room[0] = octets[: room[0]], 0
        return real(descriptor, octets)

    monkeypatch.setattr(os, "write", write)
    history.append_string("rcpt somebody@example.org")
    history.append_string("noop")
    monkeypatch.undo()
    assert said == ["the history is not kept any more: no space left on device."]
    assert list(history.get_strings()) == ["ehlo", "rcpt somebody@example.org", "noop"]
    monkeypatch.setenv("SMTP_SHELL_STATE_DIR", str(state_dir))
    assert list(open_history(bool, said.append).recalled()) == ["ehlo"]


@pytest.mark.parametrize("kind", ["fifo", "folder"])
def test_what_is_no_file_is_not_waited_for(state_dir: Path, said: list[str], kind: str) -> None:
    state_dir.mkdir()
    path = state_dir / "history"
    os.mkfifo(path) if kind == "fifo" else path.mkdir()
    history = open_history(bool, said.append)
    history.append_string("noop")
    assert list(history.recalled()) == ["noop"]
    assert [each.partition(":")[0] for each in said] == ["the history is not kept"]


def test_a_file_that_cannot_be_written_any_more_is_said_once(state_dir: Path, said: list[str]) -> None:
    history = open_history(bool, said.append)
    history.append_string("ehlo")
    path = state_dir / "history"
    path.unlink()
    path.mkdir()
    history.append_string("noop")
    history.append_string("quit")
    assert history.get_strings() == ["ehlo", "noop", "quit"]
    assert [each.partition(":")[0] for each in said] == ["the history is not kept any more"]


@pytest.mark.parametrize(
    ("error", "reason"),
    [
        (OSError(errno.EMFILE, os.strerror(errno.EMFILE)), "too many open files"),
        (MemoryError(), "there is no memory left"),
    ],
)
def test_a_file_that_cannot_be_read_for_now_is_said(
    error: Exception, reason: str, state_dir: Path, said: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    def refuse(path: Path, flags: int) -> int:
        raise error

    history = open_history(lambda line: True, said.append)
    with monkeypatch.context() as patched:
        patched.setattr(os, "open", refuse)
        assert list(history.load_history_strings()) == []
    assert said == [f"the history of earlier sessions cannot be read: {reason}."]
