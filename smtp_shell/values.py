"""Classes that hold values: what the standard library's `dataclass` makes, made sooner.

The standard library writes, parses and compiles up to eight methods for each frozen class, and imports `inspect` for it: more than a
third of what a short replay took. Here a class gets one method of its own, its `__init__`, when the first object is made, compiled
once for all classes that have as many fields; the others are the same few functions for all. To the type checker these are the
standard library's, and so they are to its `fields`, `asdict` and `replace`. Of what it can do there is here what is used: fields with
defaults, `frozen`, `slots` (always), `repr`; no inheritance of fields, no `ClassVar`, no `__post_init__`. `NamedTuple` is here because
`typing` takes long to load, too.
"""

from collections import namedtuple
from collections.abc import Callable
from functools import cache
from operator import attrgetter
from types import CodeType, FunctionType

from smtp_shell.hints import TYPE_CHECKING, Any

_NONE = object()


class _Field:
    """A field that differs from a plain one.

    Args:
        default: Its default, or `_NONE`.
        default_factory: What makes its default, or `_NONE`.
        repr: Whether it is in the representation.
    """

    __slots__ = ("default", "default_factory", "repr")

    def __init__(self, *, default: Any = _NONE, default_factory: Any = _NONE, repr: bool = True) -> None:
        self.default = default
        self.default_factory = default_factory
        self.repr = repr


class _StandardFields:
    """What the standard library's functions ask a class for; made when they ask.

    Args:
        types: Names and types.
        given: Names and what stands behind them: a default, a `_Field`, or `_NONE`.
    """

    def __init__(self, types: dict[str, Any], given: dict[str, Any]) -> None:
        self._types = types
        self._given = given

    def __get__(self, value: object, owner: type) -> dict[str, Any]:
        from dataclasses import field, make_dataclass

        known: dict[str, dict[str, Any]] = {
            name: {key: getattr(each, key) for key in _Field.__slots__ if getattr(each, key) is not _NONE}
            for name, each in _fields(self._given)
        }
        made = make_dataclass(owner.__name__, [(name, self._types[name], field(**known[name])) for name in known])
        fields: dict[str, Any] = made.__dict__["__dataclass_fields__"]
        return fields


def _dataclass(*, frozen: bool = False, slots: bool = True, repr: bool = True) -> Callable[[type], type]:
    """Make a class one of values: it gets `__init__`, `__eq__`, `__repr__`, and when it is frozen `__hash__`.

    Args:
        frozen: Whether its objects cannot be changed.
        slots: Whether its objects have no room for other attributes; they never have.
        repr: Whether it gets a `__repr__`.
    """
    assert slots, "a class of values has slots"

    def make(cls: type) -> type:
        types: dict[str, Any] = cls.__annotations__
        names = tuple(types)
        kept = dict(cls.__dict__)
        for name in ("__dict__", "__weakref__"):
            kept.pop(name, None)
        given = {name: kept.pop(name, _NONE) for name in names}
        own = _methods(names, frozen=frozen)
        if repr:
            own["__repr__"] = _repr(given)
        own["__slots__"] = names
        own["__dataclass_fields__"] = _StandardFields(types, given)
        own["__qualname__"] = cls.__qualname__
        made: type = type(cls)(cls.__name__, cls.__bases__, own | kept)
        made.__init__ = _first_init(made, given)  # type: ignore[misc]
        return made

    return make


def _fields(given: dict[str, Any]) -> list[tuple[str, _Field]]:
    return [(name, each if isinstance(each, _Field) else _Field(default=each)) for name, each in given.items()]


def _methods(names: tuple[str, ...], *, frozen: bool) -> dict[str, Any]:
    def get_few(value: object) -> tuple[object, ...]:
        return tuple(getattr(value, name) for name in names)

    get: Callable[[object], Any] = attrgetter(*names) if len(names) > 1 else get_few

    def __eq__(self: object, other: object) -> bool:
        return get(self) == get(other) if other.__class__ is self.__class__ else NotImplemented

    def __hash__(self: object) -> int:
        return hash(get(self))

    methods: dict[str, Any] = {"__match_args__": names, "__eq__": __eq__, "__hash__": None}
    if frozen:
        methods |= {"__hash__": __hash__, "__setattr__": _refuse_to_set, "__delattr__": _refuse_to_delete}
        methods["__reduce__"] = _reduce
    return methods


def _reduce(self: Any) -> tuple[type, tuple[object, ...]]:
    return type(self), tuple(getattr(self, name) for name in self.__match_args__)


def _refuse_to_set(self: object, name: str, value: object) -> None:
    from dataclasses import FrozenInstanceError

    raise FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_to_delete(self: object, name: str) -> None:
    from dataclasses import FrozenInstanceError

    raise FrozenInstanceError(f"cannot delete field {name!r}")


def _repr(given: dict[str, Any]) -> Callable[[object], str]:
    def __repr__(self: object) -> str:
        shown = (f"{name}={getattr(self, name)!r}" for name, each in _fields(given) if each.repr)
        return f"{type(self).__qualname__}({', '.join(shown)})"

    return __repr__


def _first_init(cls: type, given: dict[str, Any]) -> Callable[..., None]:
    """Give the `__init__` that makes way, when it is called for the first time, for a compiled one."""

    def __init__(self: object, *values: object, **named: object) -> None:
        init = _compile_init(cls, given)
        cls.__init__ = init  # type: ignore[misc]
        init(self, *values, **named)

    return __init__


def _compile_init(cls: type, given: dict[str, Any]) -> Callable[..., None]:
    scope: dict[str, Any] = {}
    defaults = []
    for number, (name, each) in enumerate(_fields(given)):
        # The slot's own way in: the only one for a frozen class, and the fastest for any.
        store = cls.__dict__[name].__set__
        scope[f"_set_{number}"] = store if each.default_factory is _NONE else _maker(store, each.default_factory)
        if each.default is not _NONE or each.default_factory is not _NONE:
            defaults.append(each.default)
    code = _init_code(len(given)).replace(co_varnames=("self", *given), co_qualname=f"{cls.__qualname__}.__init__")
    return FunctionType(code, scope, "__init__", tuple(defaults))


def _maker(store: Callable[[object, object], None], make: Callable[[], object]) -> Callable[[object, object], None]:
    return lambda self, value: store(self, make() if value is _NONE else value)


@cache
def _init_code(count: int) -> CodeType:
    """Compile an `__init__` for so many fields, whose parameters are still to be named."""
    numbers = range(count)
    lines = [f" _set_{number}(self, _{number})\n" for number in numbers]
    scope: dict[str, Any] = {}
    exec(f"def __init__(self{''.join(f', _{number}' for number in numbers)}):\n{''.join(lines) or ' pass'}", scope)
    code: CodeType = scope["__init__"].__code__
    return code


def _replace(value: Any, /, **changes: object) -> Any:
    """Give the same value with some fields changed.

    Args:
        value: The value.
        changes: Names of fields and what they are to hold.
    """
    for name in value.__match_args__:
        if name not in changes:
            changes[name] = getattr(value, name)
    return type(value)(**changes)


class _TupleOfFields(type):
    """Makes what `typing.NamedTuple` makes of a class."""

    def __new__(cls, name: str, bases: tuple[type, ...], namespace: dict[str, Any]) -> type:
        if not bases:
            return super().__new__(cls, name, bases, namespace)
        types = super().__new__(cls, name, (), namespace).__annotations__
        defaults = [namespace.pop(each) for each in types if each in namespace]
        return type(name, (namedtuple(name, types, defaults=defaults),), {"__slots__": (), **namespace})


if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
    from dataclasses import field as field
    from dataclasses import replace as replace
    from typing import NamedTuple as NamedTuple
else:
    dataclass, field, replace = _dataclass, _Field, _replace

    class NamedTuple(metaclass=_TupleOfFields):
        """The base of a class of named tuples."""
