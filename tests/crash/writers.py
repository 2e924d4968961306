"""All writers."""

from __future__ import annotations

from tests.crash import writers_recording

WRITERS = (*writers_recording.WRITERS,)
