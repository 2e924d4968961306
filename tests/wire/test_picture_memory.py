"""Pictures are streams: a transcript with 100 MB of mail data takes no more memory than one with little."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.wire.test_memory import run

if TYPE_CHECKING:
    from pathlib import Path

MOST = 100  # MiB


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A transcript with 100 MB of mail data."""
    path = tmp_path_factory.mktemp("large") / "large.smtp"
    line = b"C: " + b"x" * 9_990 + b"\n"
    with path.open("wb") as file:
        file.write(b"S: 220 mx\nC: DATA\nS: 354 go\n")
        for _ in range(100):
            file.write(line * 100)
        file.write(b"C: .\nS: 250 taken\nC: QUIT\nS: 221 bye\n")
    return path


@pytest.mark.parametrize("name", ["md", "html", "svg"])
def test_an_export_folds_mail_data_and_stays_small(name: str, large: Path, tmp_path: Path) -> None:
    out = tmp_path / f"out.{name}"
    status, memory, _ = run("convert", str(large), str(out))
    assert status == 0
    assert memory < MOST
    assert out.stat().st_size < 300_000
    text = out.read_text("utf-8").replace("\N{NO-BREAK SPACE}", " ")
    assert "9,988 more lines of mail data, 99,920,000 octets in all" in text


@pytest.mark.parametrize("picture", ["--diagram", "--timing"])
def test_a_drawing_stays_small(picture: str, large: Path) -> None:
    status, memory, _ = run("show", picture, str(large))
    assert status == 0
    assert memory < MOST
