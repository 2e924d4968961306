"""A watch, when something fails while it reads what its server's connections have noted."""

import socket
import time

from smtp_shell.recording.recording import Recording
from smtp_shell.servers.practice import PracticeServer, PracticeSettings
from smtp_shell.servers.watched_session import WatchedSession
from smtp_shell.servers.watching import Watch


class _Keeps:
    """Keeps nothing, and cannot even try to for the first dialogue."""

    def __init__(self) -> None:
        self.asked = 0

    def __call__(self, session: WatchedSession) -> Recording | None:
        self.asked += 1
        if self.asked == 1:
            raise MemoryError
        return None


def _visit(server: PracticeServer) -> None:
    with socket.create_connection(("127.0.0.1", server.port), timeout=10) as sock:
        sock.recv(512)
        sock.sendall(b"QUIT\r\n")
        while sock.recv(512):
            pass


def test_a_dialogue_whose_transcript_cannot_begin_does_not_end_the_watch_of_others() -> None:
    keeps = _Keeps()
    watch = Watch(keep=keeps)
    with PracticeServer(PracticeSettings(), watch) as server:
        for _ in range(3):
            _visit(server)
            time.sleep(0.1)
        until = time.monotonic() + 10.0
        while keeps.asked < 3 and time.monotonic() < until:  # nobody has asked for the dialogues meanwhile
            time.sleep(0.05)
        assert keeps.asked >= 3
        endings = [each.ended for each in watch.sessions()]
    assert endings[-2:] == ["QUIT", "QUIT"]
