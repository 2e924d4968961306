"""Every hostile scenario against the program without a terminal: `smtp-shell -c ...`."""

from pathlib import Path

import pytest

from tests.hostile.runner import Record, Stage, name_of, run, scenarios_for
from tests.support.hostile.scenario import Scenario
from tests.support.hostile.server import HostileServer


@pytest.mark.parametrize("entry", scenarios_for("batch"), ids=name_of)
def test_the_program_keeps_its_promises_in_batch(entry: Scenario, tmp_path: Path, record_property: Record) -> None:
    with HostileServer(entry) as server:
        stage = Stage(entry, tmp_path, server)
        ending = run(stage, entry.arguments(server.port, stage.ca_file))
    record_property("peak", ending.peak)
    record_property("seconds", round(ending.seconds, 2))
    found = [
        *ending.faults(entry, entry.exit),
        *server.broken_promises(),
        *stage.faults_of_files(),
        *stage.faults_of_recording(),
        *stage.faults_of_explanations(),
        *stage.faults_of_synthetic_capture(),
        *stage.faults_of_mock(),
    ]
    assert not found, "\n".join([*found, str(ending)])
