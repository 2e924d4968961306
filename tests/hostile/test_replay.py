"""Every hostile scenario against `smtp-shell replay`, with a transcript that expects success."""

from pathlib import Path

import pytest

from tests.hostile.runner import TRANSCRIPT, Record, Stage, name_of, run, scenarios_for
from tests.support.hostile.scenario import Scenario
from tests.support.hostile.server import HostileServer


@pytest.mark.parametrize("entry", scenarios_for("replay"), ids=name_of)
def test_the_program_keeps_its_promises_in_a_replay(entry: Scenario, tmp_path: Path, record_property: Record) -> None:
    with HostileServer(entry) as server:
        stage = Stage(entry, tmp_path, server)
        (tmp_path / TRANSCRIPT).write_text(entry.transcript(), "utf-8")
        *options, url = entry.connection_arguments(server.port, stage.ca_file)
        recording = tmp_path / "recording.smtp"
        ending = run(stage, ["replay", TRANSCRIPT, *options, "--server", url, "--record", recording.name])
    record_property("peak", ending.peak)
    record_property("seconds", round(ending.seconds, 2))
    found = [
        *ending.faults(entry, entry.replay_exit),
        *server.broken_promises(),
        *stage.faults_of_files(),
        *stage.faults_of_recording(recording),
        *stage.faults_of_explanations(recording),
    ]
    assert not found, "\n".join([*found, str(ending)])
