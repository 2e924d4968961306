"""All writers."""

from __future__ import annotations

from tests.crash import writers_files, writers_growing, writers_recording, writers_state

WRITERS = (
    *writers_recording.WRITERS,
    *writers_files.WRITERS,
    *writers_growing.WRITERS,
    *writers_state.WRITERS,
)
