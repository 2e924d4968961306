"""`openssl s_server` on loopback: a server of TLS that sends what the options of OpenSSL make it send."""

from __future__ import annotations

import re
import shutil
import subprocess
import threading
from contextlib import contextmanager
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

OPENSSL = shutil.which("openssl")
_SECONDS = 60


@contextmanager
def s_server(options: Sequence[str], *, clients: int = 1) -> Iterator[str]:
    """Serve TLS from the first octet, greet each client as a server of SMTP does, and yield the address.

    It serves one client after the other.

    Args:
        options: Options of `openssl s_server`.
        clients: How many clients there will be.
    """
    assert OPENSSL is not None
    command = [OPENSSL, "s_server", "-accept", "127.0.0.1:0", "-naccept", str(clients), *options]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as process:
        assert process.stdin is not None
        assert process.stdout is not None
        alarm = threading.Timer(_SECONDS, process.kill)
        alarm.start()
        drain = threading.Thread(target=process.stdout.read, daemon=True)
        try:
            seen = b""
            while not (found := re.search(rb"ACCEPT \S+:(\d+)\s", seen)):
                octets = process.stdout.readline()
                assert octets, seen
                seen += octets
            process.stdin.write(b"220 mail.example.com ESMTP\r\n")
            process.stdin.flush()
            drain.start()
            yield f"127.0.0.1:{int(found[1])}"
        finally:
            alarm.cancel()
            process.kill()
            if drain.is_alive():
                drain.join(_SECONDS)
