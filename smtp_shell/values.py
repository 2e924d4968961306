"""Classes that hold values: what the standard library's `dataclass` makes, made sooner.

The standard library writes, parses and compiles up to eight methods for each frozen class, and imports `inspect` for it: more than a
third of what a short replay took. Here a class gets one method compiled, its `__init__`, when the first object is made; the others
are the same few functions for all. To the type checker these are the standard library's, and so they are to its `fields`, `asdict`
and `replace`. Of what it can do there is here what is used: fields with defaults, `frozen`, `slots` (always), `repr`; no
inheritance of fields, no `ClassVar`, no `__post_init__`.
"""

from collections.abc import Callable
from operator import attrgetter
from typing import TYPE_CHECKING, Any

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
        fields: Names and what is known about them.
    """

    def __init__(self, types: dict[str, Any], fields: dict[str, _Field]) -> None:
        self._types = types
        self._fields = fields

    def __get__(self, value: object, owner: type) -> dict[str, Any]:
        from dataclasses import field, make_dataclass

        known: dict[str, dict[str, Any]] = {
            name: {key: getattr(each, key) for key in _Field.__slots__ if getattr(each, key) is not _NONE}
            for name, each in self._fields.items()
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
        fields = {name: _field(cls.__dict__.get(name, _NONE)) for name in names}
        kept = {name: value for name, value in cls.__dict__.items() if name not in types}
        for name in ("__dict__", "__weakref__"):
            kept.pop(name, None)
        own = _methods(names, frozen=frozen)
        if repr:
            own["__repr__"] = _repr([name for name in names if fields[name].repr])
        made: type = type(cls)(
            cls.__name__,
            cls.__bases__,
            own | {"__slots__": names, "__dataclass_fields__": _StandardFields(types, fields)} | kept,
        )
        made.__qualname__ = cls.__qualname__
        made.__init__ = _first_init(made, fields)  # type: ignore[misc]
        return made

    return make


def _field(given: Any) -> _Field:
    return given if isinstance(given, _Field) else _Field(default=given)


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
        methods |= {"__reduce__": lambda self: (type(self), get(self))}
    return methods


def _refuse_to_set(self: object, name: str, value: object) -> None:
    from dataclasses import FrozenInstanceError

    raise FrozenInstanceError(f"cannot assign to field {name!r}")


def _refuse_to_delete(self: object, name: str) -> None:
    from dataclasses import FrozenInstanceError

    raise FrozenInstanceError(f"cannot delete field {name!r}")


def _repr(names: list[str]) -> Callable[[object], str]:
    def __repr__(self: object) -> str:
        return f"{type(self).__qualname__}({', '.join(f'{name}={getattr(self, name)!r}' for name in names)})"

    return __repr__


def _first_init(cls: type, fields: dict[str, _Field]) -> Callable[..., None]:
    """Give the `__init__` that makes way, when it is called for the first time, for a compiled one."""

    def __init__(self: object, *values: object, **named: object) -> None:
        init = _compile_init(cls, fields)
        cls.__init__ = init  # type: ignore[misc]
        init(self, *values, **named)

    return __init__


def _compile_init(cls: type, fields: dict[str, _Field]) -> Callable[..., None]:
    scope: dict[str, Any] = {"_NONE": _NONE}
    parameters, lines = ["self"], []
    for name, each in fields.items():
        # The slot's own way in: the only one for a frozen class, and the fastest for any.
        scope[f"_set_{name}"] = cls.__dict__[name].__set__
        value = name
        if each.default_factory is not _NONE:
            scope[f"_make_{name}"] = each.default_factory
            parameters.append(f"{name}=_NONE")
            value = f"_make_{name}() if {name} is _NONE else {name}"
        elif each.default is not _NONE:
            scope[f"_default_{name}"] = each.default
            parameters.append(f"{name}=_default_{name}")
        else:
            parameters.append(name)
        lines.append(f" _set_{name}(self, {value})\n")
    exec(f"def __init__({', '.join(parameters)}):\n{''.join(lines) or ' pass'}", scope)
    init: Callable[..., None] = scope["__init__"]
    init.__qualname__ = f"{cls.__qualname__}.__init__"
    return init


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


if TYPE_CHECKING:
    from dataclasses import dataclass as dataclass
    from dataclasses import field as field
    from dataclasses import replace as replace
else:
    dataclass, field, replace = _dataclass, _Field, _replace
