"""`practice --watch` on a terminal: the dialogues of other clients above the prompt, and the question of `--listen`."""

from __future__ import annotations

import re

import pytest

from tests.support import faulty_clients
from tests.support.terminal import ENTER, Terminal, running

pytestmark = pytest.mark.terminal


def port_of(terminal: Terminal) -> int:
    terminal.wait_prompt("greeted")
    found = re.search(r"practice server +127\.0\.0\.1:([0-9]+)", terminal.text)
    assert found is not None
    return int(found[1])


def test_another_client_is_shown_above_the_prompt_and_what_is_typed_stays() -> None:
    with running("practice", "--watch") as terminal:
        port = port_of(terminal)
        terminal.type("noo")
        client = faulty_clients.Client("127.0.0.1", port)
        client.reply()
        client.say("EHLO other.example", "\n")
        terminal.wait_for("[2]    C| EHLO other.example")
        terminal.wait_for("error bare-lf")
        client.send("NOOP")
        terminal.wait_for("your line has no end: the server waits for CRLF")
        client.close()
        terminal.wait_for("[2]    *: close")
        terminal.wait(lambda: terminal.line.endswith("> noo"), "what was typed")
        terminal.type("p" + ENTER)
        terminal.wait_for("C: noop")
        assert not [row for row in terminal.all_rows if row.startswith("[1]")]
        terminal.enter("/sessions")
        terminal.wait_for("other.example")
        assert max(map(len, terminal.all_rows)) <= 80
        terminal.enter("/exit")
        assert terminal.wait_end() == 0


@pytest.mark.parametrize("answer", ["", "n", "yess"])
def test_it_does_not_listen_elsewhere_without_a_yes(answer: str) -> None:
    with running("practice", "--listen", "0.0.0.0") as terminal:
        terminal.wait_for("Listen there? [y/N]")
        assert "only in a network that you trust" in terminal.text
        terminal.type(answer + ENTER)
        terminal.wait_for("nothing was started")
        assert terminal.wait_end() == 2


def test_it_listens_elsewhere_when_that_is_confirmed() -> None:
    with running("practice", "--listen", "0.0.0.0") as terminal:
        terminal.wait_for("Listen there? [y/N]")
        terminal.type("y" + ENTER)
        terminal.wait_for("another machine")
        terminal.wait_prompt("greeted")
        terminal.enter("/exit")
        assert terminal.wait_end() == 0
