"""`/diagram` and `/timing`."""

from pathlib import Path

import pytest

from smtp_shell.errors import UsageError
from smtp_shell.protocol.octets import escape_str
from smtp_shell.servers.practice import PracticeServer
from tests.unit.cli.program import at, commands, run
from tests.unit.shell.fake import make_shell


@pytest.mark.parametrize("command", ["/diagram", "/timing"])
def test_without_a_recording_a_file_is_asked_for(command: str) -> None:
    shell, _, _ = make_shell()
    with pytest.raises(UsageError, match=f"{command}: there is no recorded session yet; name a file"):
        shell.run(command)


def test_a_file_is_drawn_and_its_credentials_are_masked(tmp_path: Path) -> None:
    path = tmp_path / "a.smtp"
    path.write_text("S: 220 mx\nC: AUTH PLAIN AGFubgBzM2NyZXQ=\nS: 235 ok\n")
    shell, server, screen = make_shell()
    shell.run(f"/diagram {path}")
    assert "AUTH PLAIN ••••••" in screen.words
    assert "AGFubg" not in screen.words
    assert f"{escape_str(str(path))}: line 2 holds a credential" in screen.words
    shell.run(f"/timing {path}")
    assert "There are no times in this dialogue" in screen.words
    assert server.heard == b""


def test_the_session_so_far_is_drawn_with_the_times_of_look_up_and_tcp(
    practice: PracticeServer, state_dir: Path
) -> None:
    done = run(at(practice), *commands("ehlo", "/timing", "/diagram", "quit"))
    assert done.returncode == 0
    said = done.stderr.decode()
    assert "look-up (DNS)" in said
    assert "TCP" in said
    assert "+ greeting" in said
    assert "│── EHLO" in said
