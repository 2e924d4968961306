"""http-prompt, which needs a prompt_toolkit of long ago: it gets a folder of its own, filled by pip when it is first wanted."""

import os
import shutil
import subprocess
import sys
import tempfile
from pathlib import Path

from tests.benchmarks.processes import Missing

VERSION = "2.1.0"
ARGV = (sys.executable, "-c", "from http_prompt.cli import cli; cli()")
_WHERE = Path(sys.prefix) / "peers" / f"http-prompt-{VERSION}"


def folder() -> Path:
    """Give the folder that holds http-prompt and what it needs, for `PYTHONPATH`.

    Raises:
        Missing: It is not there, and could not be fetched.
    """
    if _WHERE.is_dir():
        return _WHERE
    if sys.prefix == sys.base_prefix:
        raise Missing("http-prompt is fetched into a virtual environment only; run the benchmark in one")
    _WHERE.parent.mkdir(exist_ok=True)
    making = Path(tempfile.mkdtemp(prefix="making-", dir=_WHERE.parent))
    try:
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(making)]
        done = subprocess.run(
            [*command, f"http-prompt=={VERSION}"], capture_output=True, text=True, timeout=300, check=False
        )
        if done.returncode:
            raise Missing(f"http-prompt cannot be fetched: {done.stderr.strip()[-300:]}")
        if not _WHERE.is_dir():  # somebody else may have been quicker
            os.rename(making, _WHERE)
    except (OSError, subprocess.TimeoutExpired) as error:
        if not _WHERE.is_dir():
            raise Missing(f"http-prompt cannot be fetched: {error}") from None
    finally:
        shutil.rmtree(making, ignore_errors=True)
    return _WHERE
