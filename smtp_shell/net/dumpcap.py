"""dumpcap, Wireshark's program that reads packets from the wire: started, stopped, and what it writes passed on."""

from __future__ import annotations

import os
import signal
import subprocess
import sys
import threading
import time
from contextlib import suppress
from queue import Empty, SimpleQueue
from typing import TYPE_CHECKING, Final

from smtp_shell.config import child_environment
from smtp_shell.errors import UsageError
from smtp_shell.net.literals import family_of
from smtp_shell.net.target import Target, Way
from smtp_shell.programs import program_file
from smtp_shell.protocol.octets import escape_str

if TYPE_CHECKING:
    from typing import BinaryIO

_START_SECONDS: Final = 10.0
_STOP_SECONDS: Final = 5.0
_LINGER_SECONDS: Final = 0.3
_SMTP_PORTS: Final = (25, 465, 587)
_PIECE: Final = 64 * 1024
_BEGUN: Final = b"File: "  # "Capturing on" comes before the interface is open
_MISSING: Final = (
    "/capture --live needs dumpcap, which comes with Wireshark, and it is not installed here; "
    "/capture FILE without --live needs neither it nor any rights."
)


def capture_filter(target: Target | None) -> str:
    """Return the capture filter for a server: its port, and ARP and DNS, which come before a connection.

    Args:
        target: The server; None for any mail server.
    """
    ports = (target.port,) if target is not None and target.way is Way.TCP else _SMTP_PORTS
    wanted = " or ".join(f"tcp port {port}" for port in ports)
    if target is not None and target.way is Way.TCP and family_of(target.host) is not None:
        wanted = f"(host {target.host.partition('%')[0]} and {wanted})"
    return f"{wanted} or port 53 or arp"


class Dumpcap:
    """A running dumpcap.

    Args:
        filter_text: The capture filter.
        out: Where its pcapng file goes, as it comes.

    Raises:
        UsageError: It is not installed, or may not capture.
    """

    def __init__(self, filter_text: str, out: BinaryIO) -> None:
        program = program_file("dumpcap")
        if program is None:
            raise UsageError(_MISSING)
        interface = ("-i", "any") if sys.platform == "linux" else ()
        self._child = subprocess.Popen(
            [program, "-q", *interface, "-f", filter_text, "-w", "-"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=child_environment(),
            start_new_session=True,  # else Ctrl-C at the prompt would end it too
        )
        try:
            self._wait_for_start()
        except BaseException:
            self._kill()
            raise
        self._out = out
        self.failed = False
        self._pump = threading.Thread(target=self._copy, name="dumpcap", daemon=True)
        self._pump.start()

    def stop(self) -> None:
        """Stop it, and return when all that it captured has been passed on."""
        time.sleep(_LINGER_SECONDS)  # the kernel hands packets over in batches
        with suppress(OSError):
            if (
                sys.platform == "win32"
            ):  # has no signal for one process; what dumpcap has written is passed on all the same
                self._child.terminate()
            else:
                self._child.send_signal(signal.SIGINT)
        try:
            self._child.wait(_STOP_SECONDS)
        except subprocess.TimeoutExpired:
            self._child.kill()
        self._pump.join(_STOP_SECONDS)
        self._kill()

    def _copy(self) -> None:
        assert self._child.stdout is not None
        with suppress(ValueError):  # the file was closed
            while octets := os.read(self._child.stdout.fileno(), _PIECE):
                if self.failed:
                    continue  # dumpcap must not block
                try:
                    self._out.write(octets)
                    self._out.flush()
                except OSError:
                    self.failed = True

    def _wait_for_start(self) -> None:
        """Wait until it captures.

        Raises:
            UsageError: It has ended, or does not begin.
        """
        said: SimpleQueue[bytes] = SimpleQueue()
        threading.Thread(target=self._read_lines, args=(said,), name="dumpcap's words", daemon=True).start()
        heard: list[bytes] = []
        deadline = time.monotonic() + _START_SECONDS
        with suppress(Empty):
            while line := said.get(timeout=max(0.0, deadline - time.monotonic())):
                if line.startswith(_BEGUN):
                    return
                heard.append(line)
        raise UsageError(
            f"/capture --live: dumpcap cannot capture here{_reason(heard)}; /capture FILE without --live needs no rights."
        )

    def _read_lines(self, said: SimpleQueue[bytes]) -> None:
        """Pass on what it says, line by line, and an empty line at the end. A thread, as Windows cannot wait for a pipe with a limit."""
        assert self._child.stderr is not None
        with suppress(ValueError):  # the pipe was closed
            for line in self._child.stderr:
                said.put(line)
        said.put(b"")

    def _kill(self) -> None:
        with suppress(OSError):
            self._child.kill()
        self._child.wait()
        for stream in (self._child.stdout, self._child.stderr):
            if stream is not None:
                stream.close()


def _reason(said: list[bytes]) -> str:
    """Return the line in which dumpcap says why, as the middle of a sentence."""
    lines = [line.decode("utf-8", "replace").strip() for line in said]
    found = next((line for line in lines if "permission" in line.lower()), "") or next(
        (line for line in lines if line and not line.startswith(("Running as user", "Capturing on"))), ""
    )
    return f": {escape_str(found[:200]).rstrip('.')}" if found else ""
