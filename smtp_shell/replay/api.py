r"""The Python API of a replay: one call.

```python
from smtp_shell import replay

result = replay("lab.smtp", "mail.example.org:587", user="ann", password=password, match="text")
assert result.ok, result.failure
```

A test of one's own takes the transcript from the repository, and the server from wherever it runs:

>>> from smtp_shell import Transcript, practice_server, replay
>>> script = Transcript.parse("S: 220\nC: NOOP\nS: 250\nC: VRFY bob\nS: 550\nC: QUIT\nS: 221\n")
>>> with practice_server() as server:
...     result = replay(script, server.url, keep_going=True)
>>> result.ok, len(result.steps), result.failure
(False, 4, '<transcript>:4: the reply code differs.')
>>> [(step.line, step.sent, step.code, step.expected) for step in result.mismatches]
[(4, 'VRFY bob', 252, '550')]
"""

from __future__ import annotations

from os import PathLike
from pathlib import Path
from typing import TYPE_CHECKING

from msgspec.structs import replace

from smtp_shell.config import Place, Timeouts, TlsSettings
from smtp_shell.matching.expectation import Strictness
from smtp_shell.protocol.secret import Secret
from smtp_shell.replay.replay import Replay
from smtp_shell.replay.settings import ReplaySettings

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from smtp_shell.protocol.sasl import Credentials, Mechanism
    from smtp_shell.replay.results import ReplayResult, StepConsumer
    from smtp_shell.replay.settings import CredentialsFor
    from smtp_shell.transcript.transcript import Transcript


def replay(
    transcript: str | PathLike[str] | Transcript,
    server: str | None = None,
    *,
    tls: bool = False,
    starttls: bool = False,
    user: str = "",
    password: str | Secret | None = None,
    variables: Mapping[str, str] | None = None,
    match: str | None = None,
    keep_going: bool = False,
    ca_file: str | PathLike[str] | None = None,
    insecure: bool = False,
    timeout: float | None = None,
    overall: float | None = None,
    send_secrets: bool = False,
    insecure_auth: bool = False,
    on_step: StepConsumer | None = None,
) -> ReplayResult:
    """Replay a transcript once.

    Args:
        transcript: The file, or a transcript in memory.
        server: What to replay it against, as a URL or HOST[:PORT]; None for what the transcript names, to which no credential is sent.
        tls: Begin TLS with the first octet.
        starttls: Send nothing of AUTH or a mail transaction in the clear.
        user: User name for `${sasl}`; empty for the one that the transcript names.
        password: Password for `${sasl}`; None or empty where there is none.
        variables: Values of variables.
        match: How strict `S:` lines are: code, enhanced, keywords, text or exact; None for what the transcript's header says, else code.
        keep_going: Whether the replay goes on after a difference.
        ca_file: PEM file with the authorities to trust, in place of the system's.
        insecure: Go on although the certificate cannot be verified.
        timeout: Timeout in seconds of every wait but QUIT's; None for the defaults.
        overall: Seconds that the replay may take in all; None for what the transcript's header says, else 300.
        send_secrets: Send credentials that stand in the transcript, though its header does not say `Secrets: included`.
        insecure_auth: Authenticate even where somebody may listen.
        on_step: Called with the result of each step.

    Returns:
        The result, with `ok`, `failure`, `steps`, `mismatches` and `captures`. Whatever the server does is in it, and no exception.

    Raises:
        TranscriptError: It cannot be replayed; nothing was sent.
        UsageError: There is no server, a variable cannot be one, credentials stand in the transcript, or one in memory names files of
            mail data; nothing was sent.
        NotSendable: The value of a variable would not stay inside one line; nothing was sent.
        ConfigError: `ca_file` cannot be used; nothing was sent.
        ValueError: `match` is none of the levels.
    """
    secret = Secret(password) if isinstance(password, str) else password
    del password  # a traceback with local variables must not show it
    settings = ReplaySettings(
        server=server,
        tls=tls,
        starttls=starttls,
        tls_settings=TlsSettings(Path(ca_file) if ca_file is not None else None, insecure, place=Place.PYTHON),
        timeouts=Timeouts() if timeout is None else Timeouts().all(timeout),
        variables=variables or {},
        credentials=credentials_of(user, secret) if secret else None,
        keep_going=keep_going,
        send_secrets=send_secrets,
        allow_cleartext=insecure_auth,
    )
    if match is not None:
        settings = replace(settings, strictness=Strictness.parse(match))
    if overall is not None:
        settings = replace(settings, overall=overall)
    return _run(transcript, settings, [] if on_step is None else [on_step])


def _run(
    transcript: str | PathLike[str] | Transcript, settings: ReplaySettings, consumers: Sequence[StepConsumer]
) -> ReplayResult:
    if isinstance(transcript, (str, PathLike)):
        return Replay(Path(transcript), settings).run(*consumers)
    from smtp_shell.replay.in_memory import replay_in_memory

    return replay_in_memory(transcript, settings, consumers)


def credentials_of(user: str, password: Secret) -> CredentialsFor:
    """Return a finder of credentials that knows one password.

    Args:
        user: User name; empty for the one that the transcript names.
        password: The password.
    """

    def find(mechanism: Mechanism, named: str) -> Credentials:
        from smtp_shell.protocol.sasl import Credentials

        return Credentials(user or named, password)

    return find
