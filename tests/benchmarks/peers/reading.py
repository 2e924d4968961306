"""Read a transcript to its end, in a process of its own, so that its memory can be seen."""

import sys
from pathlib import Path

from smtp_shell.replay.plan import plan
from smtp_shell.transcript.reader import open_transcript


def main() -> None:
    what, path = sys.argv[1:]
    if what == "check_steps":
        plan(Path(path), {})
    else:
        with open_transcript(Path(path)) as reader:
            for _ in reader:
                pass
    sys.stdout.write("read\n")


main()
