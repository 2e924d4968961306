"""Tasks side by side: their lines in the order of the tasks, how many are begun, and how they end."""

from __future__ import annotations

import io
import locale
import threading
import time
from collections.abc import Iterator

import pytest

from smtp_shell.errors import UsageError
from smtp_shell.replay import workers
from smtp_shell.replay.workers import Task, Writer, run_in_order

PATIENCE = 20.0


class Job:
    """A task: writes its name, waits until it may go on, and writes it again.

    Args:
        name: What it writes.
        goes_on: Whether more tasks are begun after it.
        waits: Whether it waits for `go_on`.
        error: What it raises at the end.
    """

    def __init__(
        self, name: str, *, goes_on: bool = True, waits: bool = False, error: BaseException | None = None
    ) -> None:
        self.name = name
        self.began = threading.Event()
        self.go_on = threading.Event()
        self.ended = threading.Event()
        self.interrupted = False
        self.thread: threading.Thread | None = None
        self.out: Writer | None = None
        self._goes_on = goes_on
        self._error = error
        if not waits:
            self.go_on.set()

    def run(self, out: Writer) -> bool:
        self.thread, self.out = threading.current_thread(), out
        out.write(f"{self.name} begins\n")
        out.flush()
        self.began.set()
        assert self.go_on.wait(PATIENCE)
        out.write(f"{self.name} ends\n")
        out.flush()
        self.ended.set()
        if self._error is not None:
            raise self._error
        return self._goes_on

    def interrupt(self) -> None:
        self.interrupted = True
        self.go_on.set()


class Deaf(Job):
    """A task that goes on although it is interrupted."""

    def interrupt(self) -> None:
        self.interrupted = True


class Shown(io.StringIO):
    """Lines of which those that were flushed are shown."""

    shown = ""

    def flush(self) -> None:
        self.shown = self.getvalue()


def lines(*names: str) -> str:
    return "".join(f"{name} begins\n{name} ends\n" for name in names)


class Running:
    """Tasks that run in threads of their own while a test looks on."""

    def __init__(self, tasks: list[Job], jobs: int, out: io.StringIO) -> None:
        self.found: bool | None = None
        self._thread = threading.Thread(target=self._run, args=(tasks, jobs, out), daemon=True)
        self._thread.start()

    def _run(self, tasks: list[Job], jobs: int, out: io.StringIO) -> None:
        self.found = run_in_order(tasks, jobs, out)

    def end(self) -> bool | None:
        self._thread.join(PATIENCE)
        assert not self._thread.is_alive()
        return self.found


@pytest.mark.parametrize("jobs", [1, 2, 7])
def test_lines_come_in_the_order_of_the_tasks(jobs: int) -> None:
    out = io.StringIO()
    assert run_in_order([Job(str(number)) for number in range(5)], jobs, out) is False
    assert out.getvalue() == lines(*"01234")


def test_what_is_written_after_the_end_of_a_task_is_dropped() -> None:
    out = io.StringIO()
    task = Job("a")
    run_in_order([task], 1, out)
    assert task.out is not None
    task.out.write("late\n")
    assert out.getvalue() == lines("a")


def test_the_only_one_is_shown_at_once() -> None:
    out = Shown()
    task = Job("a", waits=True)
    running = Running([task], 1, out)
    assert task.began.wait(PATIENCE)
    assert out.shown == "a begins\n"
    task.go_on.set()
    running.end()


def test_the_first_is_shown_at_once_and_those_ahead_of_it_are_kept() -> None:
    out = Shown()
    tasks = [Job("a", waits=True), Job("b"), Job("c", waits=True), Job("d")]
    running = Running(tasks, 2, out)
    assert tasks[0].began.wait(PATIENCE)
    assert tasks[1].ended.wait(PATIENCE)
    assert tasks[2].began.wait(PATIENCE)
    assert out.getvalue() == out.shown == "a begins\n"
    tasks[0].go_on.set()
    assert tasks[3].ended.wait(PATIENCE)
    end = time.monotonic() + PATIENCE
    while out.shown != lines("a", "b") + "c begins\n" and time.monotonic() < end:
        time.sleep(0.01)
    assert out.shown == lines("a", "b") + "c begins\n"
    tasks[2].go_on.set()
    assert running.end() is False
    assert out.getvalue() == lines(*"abcd")


def test_so_many_tasks_are_ahead_of_the_first_and_no_more() -> None:
    out = io.StringIO()
    tasks = [Job("a", waits=True), *(Job(f"{number}", waits=number in (3, 4)) for number in range(9))]
    running = Running(tasks, 2, out)
    for each in tasks[1:4]:
        assert each.ended.wait(PATIENCE)
    assert not tasks[4].began.wait(0.3)
    tasks[0].go_on.set()
    for each in tasks[4:6]:  # side by side again
        assert each.began.wait(PATIENCE)
    for each in tasks[4:6]:
        each.go_on.set()
    assert running.end() is False
    assert all(each.ended.is_set() for each in tasks)


@pytest.mark.parametrize("name", ["", "C"])
def test_what_has_to_wait_is_whole_however_long_it_is(name: str, request: pytest.FixtureRequest) -> None:
    class Long(Job):
        def run(self, out: Writer) -> bool:
            for number in range(3_000):
                out.write(f"{self.name} {number} \u00e9{'x' * 40}\r\n")
            return super().run(out)

    before = locale.setlocale(locale.LC_CTYPE)
    request.addfinalizer(lambda: locale.setlocale(locale.LC_CTYPE, before))
    locale.setlocale(locale.LC_CTYPE, name)  # it says nothing about what is kept
    out = io.StringIO()
    first, second = Job("a", waits=True), Long("b")
    running = Running([first, second], 2, out)
    assert second.ended.wait(PATIENCE)
    first.go_on.set()
    running.end()
    wanted = "".join(f"b {number} \u00e9{'x' * 40}\r\n" for number in range(3_000))
    assert out.getvalue() == lines("a") + wanted + lines("b")


def test_a_task_that_ends_the_batch_is_the_last_one_begun() -> None:
    out = io.StringIO()
    tasks = [Job("a"), Job("b", goes_on=False), Job("c")]
    assert run_in_order(tasks, 1, out) is False
    assert out.getvalue() == lines("a", "b")
    assert not tasks[2].began.is_set()


def test_tasks_are_taken_when_a_thread_is_free() -> None:
    taken: list[str] = []

    def tasks() -> Iterator[Task]:
        for name in "abc":
            taken.append(name)
            yield Job(name, goes_on=name != "b")

    run_in_order(tasks(), 1, io.StringIO())
    assert taken == ["a", "b"]


@pytest.mark.parametrize("error", [UsageError("no"), OSError("gone")])
def test_what_a_task_raises_ends_the_batch_and_is_raised(error: Exception) -> None:
    tasks = [Job("a"), Job("b", error=error), Job("c")]
    out = io.StringIO()
    with pytest.raises(type(error)) as raised:
        run_in_order(tasks, 1, out)
    assert raised.value is error
    assert not tasks[2].began.is_set()
    assert out.getvalue() == lines("a", "b")


def test_of_several_errors_the_first_is_raised() -> None:
    first, second = UsageError("first"), UsageError("second")
    tasks = [Job("a", waits=True, error=second), Job("b", error=first)]
    out = io.StringIO()
    caught: list[BaseException] = []

    def run() -> None:
        try:
            run_in_order(tasks, 2, out)
        except UsageError as error:
            caught.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert tasks[0].began.wait(PATIENCE)
    assert tasks[1].ended.wait(PATIENCE)
    time.sleep(0.2)
    tasks[0].go_on.set()
    thread.join(PATIENCE)
    assert caught == [first]


class Broken(io.StringIO):
    """A pipe whose reader is gone after some lines."""

    def __init__(self, most: int) -> None:
        super().__init__()
        self._most = most

    def write(self, text: str) -> int:
        if len(self.getvalue()) >= self._most:
            raise BrokenPipeError(32, "Broken pipe")
        return super().write(text)


def test_lines_that_nobody_reads_end_the_batch() -> None:
    first, second, third = Job("a", waits=True), Job("b"), Job("c", waits=True)
    caught: list[BaseException] = []

    def run() -> None:
        try:
            run_in_order([first, second, third, Job("d")], 3, Broken(14))
        except OSError as error:
            caught.append(error)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert second.ended.wait(PATIENCE)
    assert third.began.wait(PATIENCE)
    first.go_on.set()
    thread.join(PATIENCE)
    assert not thread.is_alive()
    assert len(caught) == 1
    assert third.interrupted


def test_an_error_before_that_is_the_one_that_is_raised() -> None:
    error = UsageError("first")
    first, second = Job("a", waits=True), Job("b", error=error)
    caught: list[BaseException] = []

    def run() -> None:
        try:
            run_in_order([first, second], 2, Broken(14))
        except (OSError, UsageError) as raised:
            caught.append(raised)

    thread = threading.Thread(target=run, daemon=True)
    thread.start()
    assert second.ended.wait(PATIENCE)
    assert second.thread is not None
    second.thread.join(PATIENCE)
    first.go_on.set()
    thread.join(PATIENCE)
    assert caught == [error]


def test_ctrl_c_interrupts_what_runs_drops_its_lines_and_begins_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    tasks = [Job("a", waits=True), Job("b", waits=True), Job("c")]
    out = io.StringIO()
    join = threading.Thread.join

    def press(thread: threading.Thread, timeout: float | None = None) -> None:
        if timeout == workers._TICK and tasks[0].began.wait(PATIENCE) and tasks[1].began.wait(PATIENCE):
            raise KeyboardInterrupt
        join(thread, timeout)

    monkeypatch.setattr(threading.Thread, "join", press)
    assert run_in_order(tasks, 2, out) is True
    monkeypatch.undo()
    for each in tasks[:2]:
        assert each.ended.wait(PATIENCE)
        assert each.interrupted
    assert out.getvalue() == "a begins\n"
    assert not tasks[2].began.is_set()


def test_threads_that_do_not_end_are_not_waited_for(monkeypatch: pytest.MonkeyPatch) -> None:
    task, other = Deaf("a", waits=True), Deaf("b", waits=True)
    join = threading.Thread.join

    def press(thread: threading.Thread, timeout: float | None = None) -> None:
        if timeout == workers._TICK and task.began.wait(PATIENCE) and other.began.wait(PATIENCE):
            raise KeyboardInterrupt
        assert timeout is not None
        assert 0 <= timeout <= 0.5
        join(thread, timeout)

    monkeypatch.setattr(threading.Thread, "join", press)
    started = time.monotonic()
    assert run_in_order([task, other], 2, io.StringIO()) is True
    assert 0.4 < time.monotonic() - started < PATIENCE / 2
    for each in (task, other):
        each.go_on.set()
        assert each.ended.wait(PATIENCE)


def test_a_thread_that_waits_for_its_turn_ends_where_another_goes_on(monkeypatch: pytest.MonkeyPatch) -> None:
    first, *others = [Deaf("a", waits=True), *(Job(name) for name in "bcd")]
    join = threading.Thread.join

    def press(thread: threading.Thread, timeout: float | None = None) -> None:
        if timeout == workers._TICK and all(each.ended.wait(PATIENCE) for each in others):
            raise KeyboardInterrupt
        join(thread, timeout)

    monkeypatch.setattr(threading.Thread, "join", press)
    assert run_in_order([first, *others, Job("e")], 2, io.StringIO()) is True
    assert others[-1].thread is not None
    assert not others[-1].thread.is_alive()
    first.go_on.set()
    assert first.ended.wait(PATIENCE)


def test_too_many_threads_for_the_system_are_told_in_a_sentence(monkeypatch: pytest.MonkeyPatch) -> None:
    start = threading.Thread.start
    started: list[threading.Thread] = []

    def start_some(thread: threading.Thread) -> None:
        started.append(thread)
        if len(started) > 3:
            raise RuntimeError("can't start new thread")
        start(thread)

    monkeypatch.setattr(threading.Thread, "start", start_some)
    tasks = [Job(str(number), waits=True) for number in range(5)]
    with pytest.raises(UsageError, match=r"^this system does not start 1,234 threads; give --jobs a smaller number\.$"):
        run_in_order(tasks, 1_234, io.StringIO())
    assert [thread.name for thread in started] == ["job-0", "job-1", "job-2", "job-3"]
    assert all(thread.daemon for thread in started)
    assert not any(thread.is_alive() for thread in started)
    assert all(each.interrupted for each in tasks[:3] if each.began.is_set())
