"""Run smtp-shell with `python -m smtp_shell`."""

from __future__ import annotations

import sys

from smtp_shell.cli.main import main

if __name__ == "__main__":
    sys.exit(main())
