"""Files that hold no SMTP: other protocols in the same windows, mails, tables, prose."""

from __future__ import annotations

from pathlib import Path

import pytest

from smtp_shell.errors import TranscriptError
from tests.support.imported import imported

FILES = sorted(path for path in (Path(__file__).parent / "refused").iterdir())


@pytest.mark.parametrize("path", FILES, ids=[path.stem for path in FILES])
def test_a_file_without_smtp_is_refused_in_one_sentence(path: Path) -> None:
    with pytest.raises(TranscriptError) as refused:
        imported(path)
    assert "\n" not in str(refused.value)
