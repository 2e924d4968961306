"""Transcripts replayed against a server: checked whole, sent step by step, and compared reply by reply.

Reading order: `plan` (the whole file is checked), `driver` (the loop), `client` with `sasl_steps` and `mail_data` (sending), `incoming`
and `verifier` (reading and comparing), `results` (values for reporters), `runner` (files, repeats, servers, threads), `reporters`.
The file format is in `transcript`, comparison of one reply in `matching`.
"""

from __future__ import annotations

import sys
from types import ModuleType


class _CallablePackage(ModuleType):
    """This package. It has the name of the API's function, and can be called as that.

    `from smtp_shell import replay` finds the package, not the function, as soon as a module of the package has been imported.
    """

    def __call__(self, *arguments: object, **options: object) -> object:
        from smtp_shell.replay import api

        return api.replay(*arguments, **options)  # type: ignore[arg-type]  # typed in smtp_shell/__init__.py


sys.modules[__name__].__class__ = _CallablePackage
