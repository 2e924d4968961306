"""Ways to connect, at a terminal."""

import tempfile
from pathlib import Path

import pytest

from smtp_shell.servers.practice import PracticeServer
from tests.support import proxies
from tests.support.terminal import running

pytestmark = pytest.mark.terminal


@pytest.mark.proxies
def test_the_password_of_a_proxy_is_asked_for_once_and_never_shown(practice: PracticeServer, state_dir: Path) -> None:
    obstacle = proxies.why_not()
    if obstacle is not None:
        pytest.skip(obstacle)
    question = f"Password of {proxies.USER} for the proxy "
    with (
        tempfile.TemporaryDirectory(prefix="smtp-shell-ways-") as folder,
        proxies.microsocks(Path(folder), password=True) as proxy,
        running("--proxy", f"socks5h://{proxies.USER}@{proxy}", f"localhost:{practice.port}") as terminal,
    ):
        terminal.wait(lambda: terminal.line.startswith(question), "the question")
        terminal.enter(proxies.PASSWORD)
        terminal.wait_for("220 practice.example")
        terminal.wait_prompt()
        for line in ("/reconnect", "/status"):
            terminal.enter(line)
            terminal.wait_prompt()
        terminal.wait_for(f"  through      socks5h://{proxies.USER}@{proxy}; it looks up the name")
        assert sum("220 practice.example" in row for row in terminal.all_rows) == 3  # /status names the greeting too
        assert proxies.PASSWORD.encode() not in terminal.raw
    files = [path.read_bytes() for path in state_dir.rglob("*") if path.is_file()]
    assert any(b"through socks5h://" in each for each in files)
    assert not any(proxies.PASSWORD.encode() in each for each in files)
