"""The Python API: what programs and tests import from `smtp_shell`.

`session` (one dialogue, line by line), `servers` (the practice server, the mock and the relay for a test). `replay` has a home of its own,
`smtp_shell.replay.api`. The docstrings are the reference, and their examples are run by the tests.

A reply of 4yz or 5yz is a result. Exceptions are for wrong usage, broken connections, TLS and AUTH: see `smtp_shell.errors`.
"""

from __future__ import annotations
