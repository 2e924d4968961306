"""`smtp-shell practice`."""

import socket
import subprocess
import sys

from tests.unit.cli.program import PROGRAM


def test_serve_only_runs_until_sigterm() -> None:
    program = subprocess.Popen(
        [*PROGRAM, "practice", "--serve-only"], stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    )
    assert program.stdout is not None
    where = program.stdout.readline().split()[2]
    host, _, port = where.partition(":")
    with socket.create_connection((host, int(port)), timeout=10) as connection:
        assert connection.recv(4) == b"220 "
    program.terminate()
    _, words = program.communicate(timeout=10)
    assert program.returncode == (0 if sys.platform != "win32" else 1)
    assert words == ""
