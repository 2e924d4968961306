"""Torture: each fallible call of the package fails in turn, and each run is judged. POSIX only.

`python -m tests.torture --help` runs it. The parts, for other harnesses that make calls fail:

- `faults.py`: the table of calls (`recv`, `open-write`, `rename`, …), their kinds, and how each can fail.
- `plan.py`: a `Plan` says which call fails, when, and how. `Plan.parse("recv:3:ECONNRESET")` reads an address: the third `recv` of
  the package fails with ECONNRESET. A `+` at the end (`write:2:ENOSPC+`) makes all calls from that one on fail. `kill-before` and
  `kill-after` end the process by SIGKILL at that call, `short` makes a partial read or write.
- `shim.py`: `install()` replaces the calls. It must run before `smtp_shell` is imported. `arm(plan)` begins to count. Only calls of the
  package count: those with a frame of `smtp_shell` in their stack that is nearer than any import.
- `launch.py`: `python -m tests.torture.launch PLAN.json WORD…` runs smtp-shell with these words in a process of its own. This is what a
  terminal (pexpect) or a daemon test starts in place of smtp-shell: `launch.command(plan_file, words)` returns the command line.
- `forking.py`: forks children from a process that has imported the package with the shim installed: some 40 ms a run, for runs without
  a terminal.
- `report.py`: what a child says at its end, in the file that the plan names: the calls that were counted and where, whether the fault
  happened, descriptors and threads that were left.
- `judge.py`: what must hold after a run.
"""
