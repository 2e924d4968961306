"""tshark as the judge of what a capture holds."""

from __future__ import annotations

import os
import shutil
import subprocess
import tempfile
from pathlib import Path

import pytest

CHECKING = ("-o", "ip.check_checksum:TRUE", "-o", "tcp.check_checksum:TRUE")
_WRONG = (
    "_ws.malformed || _ws.expert.severity >= 8388608 || ip.checksum.status == 0 || tcp.checksum.status == 0"
    " || tcp.analysis.retransmission || tcp.analysis.lost_segment || tcp.analysis.ack_lost_segment || tcp.analysis.out_of_order"
    " || tcp.analysis.duplicate_ack || tcp.analysis.window_full"
)

needs_tshark = pytest.mark.skipif(shutil.which("tshark") is None, reason="tshark is not installed")


def tshark(capture: Path, *arguments: str) -> list[str]:
    """Return the lines that tshark prints, with its settings as they are after it was installed."""
    with tempfile.TemporaryDirectory() as empty:
        environment = {**os.environ, "XDG_CONFIG_HOME": empty, "HOME": empty}
        environment.pop("SSLKEYLOGFILE", None)
        run = subprocess.run(
            ["tshark", "-r", str(capture), *arguments], capture_output=True, timeout=120, check=False, env=environment
        )
    assert run.returncode == 0, run.stderr.decode()
    return run.stdout.decode().splitlines()


def fields(capture: Path, shown: str, name: str, *options: str) -> list[str]:
    """Return the values of one field in the packets that a display filter shows."""
    lines = tshark(capture, *options, "-Y", shown, "-T", "fields", "-e", name, "-E", "aggregator=\x1f")
    return [value for line in lines if line for value in line.split("\x1f")]


def dialogue(capture: Path, *options: str) -> list[str]:
    """Return commands, as far as Wireshark reads them (four letters), and reply codes, in the order of the packets."""
    lines = tshark(
        capture, *options, "-Y", "smtp", "-T", "fields", "-e", "smtp.req.command", "-e", "smtp.response.code"
    )
    return [word for line in lines for column in line.split("\t") for word in column.split(",") if word]


def wrong_packets(capture: Path, *options: str) -> list[str]:
    """Return the packets that are malformed, or have a false checksum, or do not fit into their TCP connection."""
    return tshark(capture, *CHECKING, *options, "-Y", _WRONG)
