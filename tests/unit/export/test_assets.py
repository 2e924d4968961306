"""The README's picture of a dialogue is what `smtp-shell convert` makes of the recording beside it, octet by octet."""

import shlex
from pathlib import Path

from tests.unit.cli.program import run

ROOT = Path(__file__).parents[3]
COMMAND = "convert .assets/session.smtp .assets/session.svg --force"
"""What makes the picture: `smtp-shell` and this, in the folder of the checkout."""


def test_the_picture_in_the_readme_is_made_by_the_program(tmp_path: Path) -> None:
    program, source, target, force = shlex.split(COMMAND)
    made = tmp_path / "session.svg"
    done = run(program, str(ROOT / source), str(made), force)
    assert done.returncode == 0
    assert made.read_bytes() == (ROOT / target).read_bytes(), f"make it anew: smtp-shell {COMMAND}"
    assert f"]({target})" in (ROOT / "README.md").read_text("utf-8")
