"""The table of rules. A rule is a function of a view and a moment that yields what is wrong, in words."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Mapping
from importlib import import_module
from types import MappingProxyType
from typing import Any, TypeVar

from msgspec import Struct
from msgspec.structs import replace

from smtp_shell.lint.findings import Place, Severity
from smtp_shell.lint.moments import View

_MODULES = (
    *("line_rules", "order_rules", "tls_rules", "auth_rules", "parameter_rules", "extension_rules"),
    *("message_rules", "server_rules"),
)

MomentT = TypeVar("MomentT")


class At(Struct, frozen=True):
    """A message about another place than that of the moment."""

    place: Place
    message: str


Said = Iterable[str | At]


class Rule(Struct, frozen=True):
    """A rule.

    Args:
        name: Its name, such as `bare-lf`.
        severity: How bad a breach is.
        sources: Where it stands.
        about: What it is about, in one sentence.
        checks: The kinds of moment that it reads, each with the function that yields what is wrong with one.
    """

    name: str
    severity: Severity
    sources: tuple[str, ...]
    about: str
    checks: tuple[tuple[type, Callable[[View, Any], Said]], ...]


_TABLE: dict[str, Rule] = {}


def rule(
    name: str, severity: Severity, *sources: str, on: type[MomentT]
) -> Callable[[Callable[[View, MomentT], Said]], Callable[[View, MomentT], Said]]:
    """Put a function into the table of rules.

    Args:
        name: Name of the rule.
        severity: How bad a breach is.
        sources: Where the rule stands.
        on: The kind of moment that it reads.
    """

    def add(check: Callable[[View, MomentT], Said]) -> Callable[[View, MomentT], Said]:
        assert name not in _TABLE, name
        about = (check.__doc__ or "").partition("\n")[0]
        _TABLE[name] = Rule(name, severity, sources, about, ((on, check),))
        return check

    return add


def also(
    name: str, *, on: type[MomentT]
) -> Callable[[Callable[[View, MomentT], Said]], Callable[[View, MomentT], Said]]:
    """Add a function for another kind of moment to a rule of the table.

    Args:
        name: Name of the rule.
        on: The kind of moment that the function reads.
    """

    def add(check: Callable[[View, MomentT], Said]) -> Callable[[View, MomentT], Said]:
        _TABLE[name] = replace(_TABLE[name], checks=(*_TABLE[name].checks, (on, check)))
        return check

    return add


def all_rules() -> Mapping[str, Rule]:
    """Return every rule by its name, in the order of the modules, whichever of them was imported first."""
    order = {import_module(f"smtp_shell.lint.{name}").__name__: place for place, name in enumerate(_MODULES)}
    in_order = sorted(_TABLE.items(), key=lambda row: order[row[1].checks[0][1].__module__])
    return MappingProxyType(dict(in_order))
