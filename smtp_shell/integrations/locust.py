"""Load with Locust: a user that replays a transcript as its task.

A locustfile:

```python
from locust import constant
from smtp_shell.integrations.locust import TranscriptUser

class Sender(TranscriptUser):
    transcript, wait_time = "lab.smtp", constant(0)
```

`locust -f locustfile.py --host smtp://mail.example.org:25 --headless --users 50 --run-time 60s --csv result` runs it. Masters, workers on
other machines, `--processes`, the web page and ramp-up are Locust's.

Each command is a request: its name is the verb with FILE:LINE, its response time is from the sending to the last octet of the reply, its
length is that of the reply. `connect` and the handshakes of TLS are requests too. A reply that is not the expected one is a failure by its
code, and so is a 4yz or 5yz reply where the transcript expects nothing.
"""

from __future__ import annotations

import logging
import os
import sys
from itertools import count
from pathlib import Path
from typing import TYPE_CHECKING, ClassVar

try:
    from locust import User, task
except ModuleNotFoundError as error:
    if error.name != "locust":
        raise
    raise ModuleNotFoundError(
        'smtp_shell.integrations.locust needs an extra that is not installed: pip install "smtp-shell[locust]".',
        name="locust",
    ) from None
from msgspec.structs import replace

from smtp_shell.config import PASSWORD_VARIABLE, Place, TlsSettings
from smtp_shell.errors import Interrupted, SmtpShellError
from smtp_shell.matching.expectation import Strictness
from smtp_shell.protocol.events import Connected, TlsStarted
from smtp_shell.protocol.octets import escape_str
from smtp_shell.protocol.secret import Secret
from smtp_shell.replay.api import credentials_of
from smtp_shell.replay.replay import Replay
from smtp_shell.replay.results import Outcome
from smtp_shell.replay.settings import ReplaySettings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from os import PathLike

    from smtp_shell.protocol.events import Entry
    from smtp_shell.replay.results import ReplayResult, StepResult

_REQUEST = "SMTP"
_USAGE = 2
_LONGEST_WORD = 40
_log = logging.getLogger(__name__)


class ReplyDiffers(Exception):
    """A reply was not the expected one. Its text has the code and nothing else of the server's, as Locust counts failures by text."""

    def __repr__(self) -> str:
        return str(self)


class DialogueFailed(ReplyDiffers):
    """The dialogue broke: no connection, no reply in time, TLS or AUTH failed."""


class TranscriptUser(User):
    """A user that replays a transcript again and again. Subclass it, and set `transcript` and `wait_time`.

    Attributes:
        transcript: The file; a relative name is looked for beside the locustfile first. Each machine with workers needs it.
        match: How strict `S:` lines are: code, enhanced, keywords, text or exact; None for what the transcript's header says, else code.
        variables: Values of variables. `${count}` counts through all users of the process.
        starttls: Send nothing of AUTH or a mail transaction in the clear.
        ca_file: PEM file with the authorities to trust; None for the system's.
        insecure: Go on although the certificate cannot be verified.
        insecure_auth: Authenticate even where somebody may listen.
        user: User name for `${sasl}`; empty for the one that the transcript names.
        password: Its password; None for that of the variable `SMTP_SHELL_PASSWORD`.
        timeout: Timeout in seconds of every wait but QUIT's; None for the defaults.
        labels: Line of the file -> a name for the request, in place of the verb with FILE:LINE.
        host: What to replay against, as a URL or HOST[:PORT]; `--host` wins. None for what the transcript names.
    """

    abstract = True

    transcript: ClassVar[str | PathLike[str]] = ""
    match: ClassVar[str | None] = None
    variables: ClassVar[Mapping[str, str]] = {}
    starttls: ClassVar[bool] = False
    ca_file: ClassVar[str | PathLike[str] | None] = None
    insecure: ClassVar[bool] = False
    insecure_auth: ClassVar[bool] = False
    user: ClassVar[str] = ""
    password: ClassVar[str | Secret | None] = None
    timeout: ClassVar[float | None] = None
    labels: ClassVar[Mapping[int, str]] = {}

    _numbers: ClassVar[count[int]] = count(1)
    _known: ClassVar[dict[tuple[type, str | None], Replay]] = {}  # checked once for all users of a class and host
    _checked: Replay | None = None

    def on_start(self) -> None:
        """Check the whole transcript. If it cannot be replayed, the test ends with exit status 2 and a sentence."""
        key = type(self), self.host
        if key not in self._known:
            try:
                replay = Replay(self._path(), self._settings())
                replay.check()
            except (SmtpShellError, ValueError) as error:
                _log.error("%s", error)
                self.environment.process_exit_code = _USAGE
                if self.environment.runner is not None:
                    self.environment.runner.quit()
                return
            self._known[key] = replay
        self._checked = self._known[key]

    @task
    def replay(self) -> None:
        """Replay the transcript once, and report each command as a request."""
        if self._checked is None:
            return
        run = self._checked.again()
        requests = _Requests(self)
        run.settings = replace(run.settings, consumers=(requests.take_entry,))
        requests.finish(run.run(requests.take_step))

    def request_name(self, step: StepResult) -> str:
        """Return the name of the request that a step is reported as.

        Args:
            step: The step: a command, mail data, an event or the greeting.
        """
        label = self.labels.get(step.line)
        if label is not None:
            return label
        first = step.sent.partition("\n")[0]
        if not first:
            word = "greeting"
        elif first.startswith("("):
            word = first.strip("()").partition(" and ")[0]
        else:
            word = first.removeprefix("*: ").partition(" ")[0][:_LONGEST_WORD]
        return f"{word} {os.path.basename(step.path)}:{step.line}" if step.line else word

    def _path(self) -> Path:
        locustfile = getattr(sys.modules.get(type(self).__module__), "__file__", None)
        near = Path(locustfile or "").parent / self.transcript
        return near if os.path.exists(near) else Path(self.transcript)

    def _settings(self) -> ReplaySettings:
        secret = self.password if self.password is not None else os.environ.get(PASSWORD_VARIABLE, "")
        if isinstance(secret, str):
            secret = Secret(secret)
        settings = ReplaySettings(
            server=self.host or None,
            starttls=self.starttls,
            tls_settings=TlsSettings(
                ca_file=Path(self.ca_file) if self.ca_file else None, insecure=self.insecure, place=Place.LOCUST
            ),
            allow_cleartext=self.insecure_auth,
            variables=self.variables,
            numbers=self._numbers,
            credentials=credentials_of(self.user, secret) if secret else None,
        )
        if self.timeout is not None:
            settings = replace(settings, timeouts=settings.timeouts.all(self.timeout))
        return settings if self.match is None else replace(settings, strictness=Strictness.parse(self.match))


class _Requests:
    """Reports one run to Locust.

    Args:
        user: The user whose run it is.
    """

    def __init__(self, user: TranscriptUser) -> None:
        self._user = user
        self._last = 0.0  # when the last entry came, in seconds since the connection was opened
        self._handshake = 0.0  # seconds of a handshake that the step which led to it is not to have
        self._failed = False

    def take_entry(self, entry: Entry) -> None:
        """Report a connection or a handshake."""
        if isinstance(entry.event, Connected):
            self._fire("connect", entry.at, 0)
        elif isinstance(entry.event, TlsStarted):
            self._handshake = entry.at - self._last
            self._fire("tls", self._handshake, 0)
        self._last = entry.at

    def take_step(self, step: StepResult) -> None:
        """Report a step that was sent."""
        if step.outcome is Outcome.SKIPPED:
            return
        length = sum(len(each) for each in step.replies)
        seconds = step.seconds
        if self._handshake and step.sent.upper() == "STARTTLS":
            seconds -= self._handshake
        self._handshake = 0.0
        self._fire(self._user.request_name(step), seconds, length, _failure(step))

    def finish(self, result: ReplayResult) -> None:
        """Report what ended the run, if no step has said so.

        Raises:
            KeyboardInterrupt: Ctrl-C ended it.
        """
        if result.exit_status == Interrupted.exit_status:
            raise KeyboardInterrupt
        if not result.ok and not self._failed:
            self._fire("replay", result.seconds, 0, DialogueFailed(result.failure or "the replay failed"))

    def _fire(self, name: str, seconds: float, length: int, failure: Exception | None = None) -> None:
        self._failed = self._failed or failure is not None
        self._user.environment.events.request.fire(
            request_type=_REQUEST,
            name=escape_str(name),
            response_time=seconds * 1000,
            response_length=length,
            exception=failure,
            context=self._user.context(),
        )


def _failure(step: StepResult) -> ReplyDiffers | None:
    """Return the failure that a step is counted as; None if it is none."""
    if step.outcome is Outcome.SENT and step.code // 100 in (4, 5):
        return ReplyDiffers(f"reply {step.code}")
    if step.outcome is not Outcome.MISMATCHED:
        return None
    if not step.code:
        return DialogueFailed(step.why)
    expected = step.expected.partition("\n")[0][:3]
    is_other = expected and expected != str(step.code)
    return ReplyDiffers(f"reply {step.code}, expected {expected}" if is_other else f"reply {step.code}: {step.why}")
