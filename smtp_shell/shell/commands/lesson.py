"""`/lesson`: a transcript with notes, whose client lines the reader types."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TYPE_CHECKING

from smtp_shell.errors import UsageError
from smtp_shell.shell.completion import CompletionContext
from smtp_shell.shell.registry import Args, shell_command

if TYPE_CHECKING:
    from smtp_shell.client.session import Session
    from smtp_shell.protocol.events import Entry
    from smtp_shell.shell.shell import Shell
    from smtp_shell.study.lesson_run import LessonRun, Said
    from smtp_shell.study.lessons import Lesson

_WORDS = {
    "again": "begin the lesson anew",
    "skip": "pass over the step that is due",
    "stop": "end the lesson",
}


class LessonGuide:
    """Follows the session, and says after each typed line what the lesson has to say.

    Args:
        shell: The shell.
        lesson: The lesson.
    """

    def __init__(self, shell: Shell, lesson: Lesson) -> None:
        from smtp_shell.study.lesson_run import LessonRun

        self.run: LessonRun = LessonRun(lesson)
        self._shell = shell
        self._session: Session | None = None
        self._waiting: list[Said] = []

    def begin(self) -> None:
        """Connect to the practice server, and say what to type first."""
        self._shell.run("/connect practice")
        self._session = self._shell.need_session()
        self._session.subscribe(self.take)
        self.say(self.run.begin())

    def end(self) -> None:
        """Follow the session no more."""
        if self._session is not None and self._session.is_open:
            self._session.unsubscribe(self.take)
        self._session = None
        self._shell.after_line.remove(self)

    def take(self, entry: Entry) -> None:
        """Judge an entry; what there is to say about it waits for the end of the typed line."""
        self._waiting += self.run.take(entry)

    def __call__(self) -> None:
        """Show what is to be said after a typed line."""
        waiting, self._waiting = self._waiting, []
        self.say(waiting)

    def say(self, words: Iterable[Said]) -> None:
        """Show what the lesson says."""
        for each in words:
            self._shell.say(each.text, each.style)


def _names(context: CompletionContext, text: str) -> Iterator[tuple[str, str]]:
    from smtp_shell.study.lessons import lesson_files, title_of

    yield from _WORDS.items()
    for name, path in lesson_files().items():
        yield name, title_of(path)


@shell_command("/lesson", "[NAME | again | skip | stop]", complete=_names, group="learn")
def lesson(shell: Shell, args: Args) -> None:
    """Learn SMTP by typing it: a lesson says what to type and why, and explains the reply.

    With no NAME it shows the step that is due, or lists the lessons. NAME may be shortened.
    Another address, another case or other words of a message are as good: what you type is judged by its meaning.
    Any other line is sent as always, and the lesson waits. `skip` passes over a step, `again` begins anew, `stop` ends the lesson.
    It takes place on a connection of its own to the practice server.
    """
    guide = next((each for each in shell.after_line if isinstance(each, LessonGuide)), None)
    word = args.text.lower()
    if word in _WORDS and guide is None:
        raise UsageError(f"/lesson {word}: there is no lesson under way; /lesson lists them.")
    if guide is None or word not in ("", *_WORDS):
        if not word:
            _list(shell)
        else:
            _start(shell, args.one("lesson"), guide)
    elif word == "again":
        _again(shell, guide)
    elif word == "skip":
        guide.say(guide.run.skip())
    elif word == "stop":
        guide.end()
        shell.say("The lesson is over; the connection stays.")
    elif guide.run.is_over:
        guide.end()
        _list(shell)
    else:
        guide.say(guide.run.begin())


def _list(shell: Shell) -> None:
    from smtp_shell.study.lessons import lesson_files, title_of

    files = lesson_files()
    if not files:
        raise UsageError("/lesson: this installation has no lessons; the folder transcripts is missing.")
    for name, path in files.items():
        shell.say(f"  {name:<18} {title_of(path)}")
    shell.say("/lesson NAME begins one.")


def _start(shell: Shell, name: str, guide: LessonGuide | None) -> None:
    from smtp_shell.study.lessons import find_lesson, read_lesson

    if not shell.options.interactive:
        raise UsageError("/lesson needs somebody at a prompt who types; start `smtp-shell practice`.")
    found = read_lesson(find_lesson(name))
    if guide is not None:
        guide.end()
    _begin(shell, found)


def _again(shell: Shell, guide: LessonGuide) -> None:
    found = guide.run.lesson
    guide.end()
    _begin(shell, found)


def _begin(shell: Shell, found: Lesson) -> None:
    guide = LessonGuide(shell, found)
    shell.after_line.append(guide)
    try:
        guide.begin()
    except BaseException:
        guide.end()
        raise
