"""The Python API of a replay: one call.

```python
from smtp_shell import replay

result = replay("lab.smtp", "mail.example.org:587", user="ann", password=password)
assert result.ok, result.failure
```
"""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

from smtp_shell.config import Timeouts, TlsSettings
from smtp_shell.matching.expectation import Strictness
from smtp_shell.replay.replay import Replay
from smtp_shell.replay.settings import ReplaySettings

if TYPE_CHECKING:
    from collections.abc import Mapping
    from os import PathLike

    from smtp_shell.protocol.sasl import Credentials, Mechanism
    from smtp_shell.replay.results import ReplayResult, StepConsumer
    from smtp_shell.replay.settings import CredentialsFor


def replay(
    path: str | PathLike[str],
    server: str | None = None,
    *,
    tls: bool = False,
    starttls: bool = False,
    user: str = "",
    password: str | None = None,
    variables: Mapping[str, str] | None = None,
    match: str = "code",
    keep_going: bool = False,
    ca_file: str | PathLike[str] | None = None,
    insecure: bool = False,
    timeout: float | None = None,
    send_secrets: bool = False,
    on_step: StepConsumer | None = None,
) -> ReplayResult:
    """Replay a transcript once.

    Args:
        path: The transcript.
        server: What to replay it against, as a URL or HOST[:PORT]; None for what the transcript names, to which no credential is sent.
        tls: Begin TLS with the first octet.
        starttls: Send nothing of AUTH or a mail transaction in the clear.
        user: User name for `${sasl}`; empty for the one that the transcript names.
        password: Password for `${sasl}`; None or empty where there is none.
        variables: Values of variables.
        match: How strict `S:` lines are: code, enhanced, keywords, text or exact.
        keep_going: Whether the replay goes on after a difference.
        ca_file: PEM file with the authorities to trust, in place of the system's.
        insecure: Go on although the certificate cannot be verified.
        timeout: Timeout in seconds of every wait but QUIT's; None for the defaults.
        send_secrets: Send credentials that stand in the transcript, though its header does not say `Secrets: included`.
        on_step: Called with the result of each step.

    Returns:
        The result. Whatever the server does is in it, and no exception.

    Raises:
        TranscriptError: It cannot be replayed; nothing was sent.
        UsageError: There is no server, a variable cannot be one, or credentials stand in the transcript; nothing was sent.
        NotSendable: The value of a variable would not stay inside one line; nothing was sent.
        ConfigError: `ca_file` cannot be used; nothing was sent.
        ValueError: `match` is none of the levels.
    """
    settings = ReplaySettings(
        server=server,
        tls=tls,
        starttls=starttls,
        tls_settings=TlsSettings(ca_file=Path(ca_file) if ca_file is not None else None, insecure=insecure),
        timeouts=Timeouts() if timeout is None else Timeouts().all(timeout),
        strictness=Strictness.parse(match),
        variables=variables or {},
        credentials=_credentials(user, password) if password else None,
        keep_going=keep_going,
        send_secrets=send_secrets,
    )
    return Replay(Path(path), settings).run(*([on_step] if on_step is not None else []))


def _credentials(user: str, password: str) -> CredentialsFor:
    def find(mechanism: Mechanism, named: str) -> Credentials:
        from smtp_shell.protocol.sasl import Credentials
        from smtp_shell.protocol.secret import Secret

        return Credentials(user or named, Secret(password))

    return find
