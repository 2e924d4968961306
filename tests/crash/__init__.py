"""Crash and full disk: every writer of the program, killed or refused at each call that it makes to the files.

`writers_*.py` has the writers: what each promises, and what counts as acknowledged. `layer` counts the calls of one process and makes one
of them fail or be the last, `forking` starts such processes, `driver` runs all points of a writer and judges what is left. `full` runs the
same writers where the kernel refuses: on a small tmpfs that is full, or below a limit of the size of files.

`python -m tests.crash --help`. POSIX only.
"""
