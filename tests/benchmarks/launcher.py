"""Start programs one after the other, and report wall time, processor time and peak memory.

Linux counts the memory of the starting process in the peak memory of what it starts, so this process imports next to nothing. Requests and
answers are marshalled over standard input and output.
"""

import marshal
import os
import sys
import time


def launch(
    argv: list[str], env: dict[str, str], cores: tuple[int, ...], files: tuple[str, str, str]
) -> tuple[int, float]:
    """Start a program; return its process id and the time of its start."""
    if sys.platform == "linux" and cores:
        os.sched_setaffinity(0, cores)
    source, out, err = files
    write = os.O_WRONLY | os.O_CREAT | os.O_TRUNC
    actions = (
        (os.POSIX_SPAWN_OPEN, 0, source, os.O_RDONLY, 0),
        (os.POSIX_SPAWN_OPEN, 1, out, write, 0o600),
        (os.POSIX_SPAWN_OPEN, 2, err, write, 0o600),
    )
    start = time.perf_counter()
    return os.posix_spawn(argv[0], argv, env, file_actions=actions), start


def main() -> None:
    """Serve requests until standard input ends."""
    requests, answers = sys.stdin.buffer, sys.stdout.buffer
    while True:
        try:
            argv, env, cores, files = marshal.load(requests)
        except EOFError:
            return
        pid, start = launch(argv, env, cores, files)
        answers.write(marshal.dumps(pid))
        answers.flush()
        _, status, usage = os.wait4(pid, 0)
        wall = time.perf_counter() - start
        peak = usage.ru_maxrss * (1 if sys.platform == "darwin" else 1024)
        answers.write(marshal.dumps((os.waitstatus_to_exitcode(status), wall, usage.ru_utime + usage.ru_stime, peak)))
        answers.flush()


if __name__ == "__main__":
    main()
