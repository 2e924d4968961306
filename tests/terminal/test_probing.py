"""`/connect --probe` at a terminal of 80 columns, and Ctrl-C while a port stays silent."""

import pytest

from smtp_shell.servers.practice import PracticeServer
from tests.support.peer import Peer, ScriptedServer
from tests.support.terminal import CTRL_C, running

pytestmark = pytest.mark.terminal


def silent(peer: Peer) -> None:
    peer.hear_end()


def test_a_silent_port_is_waited_for_and_ctrl_c_ends_it(practice: PracticeServer) -> None:
    with ScriptedServer(silent) as server, running() as terminal:
        port = server.address.rpartition(":")[2]
        terminal.enter(f"/connect --probe 127.0.0.1 --ports {port},{practice.port}")
        terminal.wait(lambda: f"s for port {port} of 127.0.0.1; Ctrl-C" in terminal.text, "what is awaited")
        terminal.type(CTRL_C)
        terminal.wait_prompt()
        terminal.enter(f"/connect --probe 127.0.0.1 --ports {practice.port}")
        terminal.wait_for("To submit mail with a password")
        terminal.wait_prompt()
        assert "STARTTLS" in terminal.text
