"""Hostile scenarios captured live: the capture is whole, and the program keeps its promises."""

from pathlib import Path

import pytest

from tests.hostile.runner import Stage, name_of, run, scenarios_for
from tests.support.hostile.scenario import Scenario
from tests.support.hostile.server import HostileServer
from tests.support.pcapng import read

# Every eighth one. Octets are octets to a capture; that what they say does it no harm is shown by all of them in test_batch.
SCENARIOS = scenarios_for("batch")[::8]


@pytest.mark.parametrize("entry", SCENARIOS, ids=name_of)
def test_a_hostile_server_is_captured(entry: Scenario, tmp_path: Path) -> None:
    capture = tmp_path / "live.pcapng"
    with HostileServer(entry) as server:
        stage = Stage(entry, tmp_path, server)
        ending = run(stage, [*entry.arguments(server.port, stage.ca_file), "--capture", str(capture)])
    found = list(ending.faults(entry, entry.exit))
    assert not found, "\n".join([*found, str(ending)])
    read(capture.read_bytes())
