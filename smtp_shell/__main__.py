"""Run smtp-shell with `python -m smtp_shell`."""

import sys

from smtp_shell.cli import main

if __name__ == "__main__":
    sys.exit(main())
