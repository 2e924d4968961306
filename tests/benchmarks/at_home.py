"""The shell of somebody who has used it for long: a configuration file, and 10,000 lines of history."""

from __future__ import annotations

from typing import TYPE_CHECKING

from tests.benchmarks.in_process import addresses

if TYPE_CHECKING:
    from tests.benchmarks.bench import Bench

_CONFIGURATION = """\
[settings]
theme = "light"
times = true
explain = "on"

[profile.lab]
host = "mail.example.org"
port = 587
starttls = true
user = "ann"

[profile.other]
url = "smtps://mail.example.net"

[alias]
hello = "ehlo; starttls; ehlo; auth"
again = "/reconnect --back"
"""


def at_home(bench: Bench) -> dict[str, str]:
    """Write the files of such a user, and return the variables that name them."""
    state, configuration = bench.folder / "state-at-home", bench.folder / "config.toml"
    state.mkdir(mode=0o700, exist_ok=True)
    history = state / "history"
    history.write_text("".join(f"\n# 2026-11-23 10:00:00\n+rcpt {name}\n" for name in addresses()), encoding="utf-8")
    configuration.write_text(_CONFIGURATION, encoding="utf-8")
    for file in (history, configuration):
        file.chmod(0o600)
    return {"SMTP_SHELL_STATE_DIR": str(state), "SMTP_SHELL_CONFIG": str(configuration)}
