"""How far a file has been read."""

import os
from pathlib import Path

from smtp_shell.display.file_position import FilePosition


def test_the_place_in_a_file_is_known_until_it_is_closed(tmp_path: Path) -> None:
    path = tmp_path / "file"
    path.write_bytes(b"x" * 100)
    with path.open("rb", buffering=0) as stream:
        position = FilePosition.of(stream)
        assert position is not None
        assert (position.total, position.octets()) == (100, 0)
        stream.read(30)
        assert position.octets() == 30
        path.write_bytes(b"x" * 200)
        stream.seek(150)
        assert position.octets() == 100, "it has grown meanwhile"
    assert position.octets() is None
    assert FilePosition.of(stream) is None


def test_nobody_knows_the_end_of_a_pipe() -> None:
    reading, writing = os.pipe()
    with open(reading, "rb") as stream, open(writing, "wb"):
        assert FilePosition.of(stream) is None
