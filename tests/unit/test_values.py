"""Classes of values: they do what the standard library's dataclasses do, for all that is used here."""

import copy
import dataclasses
import pickle
import pkgutil
from collections.abc import Callable
from dataclasses import FrozenInstanceError
from importlib import import_module
from typing import Any
from typing import NamedTuple as StandardNamedTuple

import pytest

import smtp_shell
from smtp_shell.values import NamedTuple, dataclass, field, replace


@dataclass(frozen=True, slots=True)
class Point:
    x: int
    y: int = 2
    tags: list[str] = field(default_factory=list)
    hidden: str = field(default="secret", repr=False)


@dataclasses.dataclass(frozen=True, slots=True)
class StandardPoint:
    x: int
    y: int = 2
    tags: list[str] = dataclasses.field(default_factory=list)
    hidden: str = dataclasses.field(default="secret", repr=False)


@dataclass(frozen=True, slots=True)
class One:
    only: bytes


@dataclass(frozen=True, slots=True)
class Nothing:
    pass


@dataclass(slots=True)
class Changing:
    count: int = 0


@dataclass(frozen=True, slots=True, repr=False)
class Silent:
    word: str

    def __repr__(self) -> str:
        return "Silent(...)"


@dataclass(frozen=True, slots=True)
class Other:
    one: int
    two: int = 5
    three: str = "three"
    four: str = "four"


class Pair(NamedTuple):
    """Two things."""

    left: str
    right: int = 2

    @property
    def both(self) -> str:
        return f"{self.left}{self.right}"


class StandardPair(StandardNamedTuple):
    left: str
    right: int = 2


def without_type(value: object) -> Any:
    return value


def same_words(value: object) -> str:
    return repr(value).replace("StandardPoint", "Point")


@pytest.mark.parametrize(
    "make",
    [
        lambda kind: kind(1),
        lambda kind: kind(x=1),
        lambda kind: kind(1, 3),
        lambda kind: kind(1, y=3, tags=["a"]),
        lambda kind: kind(1, 2, ["a"], "b"),
        lambda kind: kind(hidden="b", x="any type"),
    ],
)
def test_the_fields_are_those_of_a_dataclass(make: Callable[[Any], Any]) -> None:
    ours, standard = make(Point), make(StandardPoint)
    assert dataclasses.asdict(ours) == dataclasses.asdict(standard)
    assert same_words(ours) == same_words(standard)
    assert ours == make(Point)


@pytest.mark.parametrize(
    "make",
    [
        lambda kind: kind(),
        lambda kind: kind(y=1),
        lambda kind: kind(1, 2, [], "b", 5),
        lambda kind: kind(1, x=1),
        lambda kind: kind(1, unknown=2),
    ],
)
def test_wrong_arguments_are_refused_in_the_same_words(make: Callable[[Any], Any]) -> None:
    with pytest.raises(TypeError) as standard:
        make(StandardPoint)
    for _ in range(2):  # the first object is made in another way
        with pytest.raises(TypeError) as ours:
            make(Point)
        assert str(ours.value) == str(standard.value).replace("StandardPoint", "Point")


def test_each_object_has_a_default_of_its_own() -> None:
    first, second = Point(1), Point(1)
    first.tags.append("a")
    assert second.tags == []


def test_equal_is_what_has_the_same_class_and_the_same_fields() -> None:
    assert Point(1) == Point(1, 2)
    assert Point(1) != Point(2)
    assert Point(1) != without_type(StandardPoint(1))
    assert One(b"a") == One(b"a")
    assert One(b"a") != One(b"b")
    assert One(b"a") != without_type(b"a")
    assert Nothing() == Nothing()
    assert len({One(b"a"), One(b"a"), One(b"b"), Nothing(), Nothing()}) == 3
    with pytest.raises(TypeError, match="unhashable"):
        hash(Point(1))
    with pytest.raises(TypeError, match="unhashable"):
        hash(Changing())


def test_what_is_frozen_does_not_change() -> None:
    point: Any = Point(1)
    for name in ("x", "new"):
        with pytest.raises(FrozenInstanceError, match=f"cannot assign to field '{name}'"):
            setattr(point, name, 5)
    with pytest.raises(FrozenInstanceError, match="cannot delete field 'x'"):
        del point.x
    assert point == Point(1)


def test_what_is_not_frozen_changes_but_gets_no_new_attributes() -> None:
    changing: Any = Changing()
    changing.count += 1
    assert changing == Changing(1)
    with pytest.raises(AttributeError):
        changing.new = 1


def test_a_repr_of_its_own_stays() -> None:
    assert repr(Silent("word")) == "Silent(...)"


@pytest.mark.parametrize("change", [replace, dataclasses.replace])
def test_a_changed_copy(change: Callable[..., Point]) -> None:
    point = Point(1, tags=["a"])
    assert change(point, y=5) == Point(1, 5, ["a"])
    assert point == Point(1, 2, ["a"])
    assert change(point).tags is point.tags
    with pytest.raises(TypeError, match="unknown"):
        change(point, unknown=1)


@pytest.mark.parametrize("copied", [copy.copy, copy.deepcopy, lambda value: pickle.loads(pickle.dumps(value))])
def test_copies(copied: Callable[[Any], Any]) -> None:
    for value in (Point(1, tags=["a"]), One(b"a"), Nothing(), Changing(3)):
        assert copied(value) == value


def test_patterns() -> None:
    match Point(1, 5):
        case Point(1, y):
            assert y == 5
        case _:
            pytest.fail("no match")


def test_names_are_those_that_were_written() -> None:
    assert (Point.__name__, Point.__qualname__, Point.__module__) == ("Point", "Point", __name__)
    Point(1)
    assert Point.__init__.__qualname__ == "Point.__init__"


def all_classes() -> list[Any]:
    modules = [
        import_module(found.name)
        for found in pkgutil.walk_packages(smtp_shell.__path__, "smtp_shell.")
        if not found.name.endswith("__main__")
    ]
    return [
        value
        for module in modules
        for value in vars(module).values()
        if isinstance(value, type) and value.__module__ == module.__name__ and dataclasses.is_dataclass(value)
    ]


def test_every_class_of_values_in_the_package_is_one_that_the_standard_library_would_make() -> None:
    classes = all_classes()
    assert len(classes) > 50
    for cls in classes:
        fields = dataclasses.fields(cls)  # refuses a field without a default behind one that has one
        assert tuple(each.name for each in fields) == cls.__match_args__
        assert not set(vars(cls)) & {"__post_init__"}
        assert all("ClassVar" not in str(each.type) and "InitVar" not in str(each.type) for each in fields)
        assert not any(dataclasses.is_dataclass(base) for base in cls.__mro__[1:])


def test_classes_with_as_many_fields_have_their_own_names_and_defaults() -> None:
    assert (Point(1), Other(1)) == (Point(1, 2, [], "secret"), Other(1, 5, "three", "four"))
    assert Other(one=1, four="4").four == "4"
    with pytest.raises(TypeError, match=r"Other\.__init__\(\) missing 1 required positional argument: 'one'"):
        without_type(Other)()
    with pytest.raises(TypeError, match=r"Other\.__init__\(\) got an unexpected keyword argument 'x'"):
        without_type(Other)(x=1)


def test_a_named_tuple_is_the_standard_one() -> None:
    pair = Pair("a")
    left, right = pair
    assert (left, right, pair.both) == ("a", 2, "a2")
    assert tuple(pair) == tuple(StandardPair("a")) == ("a", 2)
    assert repr(pair) == "Pair(left='a', right=2)"
    assert (Pair._fields, Pair._field_defaults) == (StandardPair._fields, StandardPair._field_defaults)
    assert (Pair.__doc__, Pair.__module__, Pair.__mro__[-2:]) == ("Two things.", __name__, (tuple, object))
    assert pair._replace(right=3) == Pair("a", 3)
    assert all(
        type(each) is Pair for each in (pickle.loads(pickle.dumps(pair)), copy.copy(pair), pair._replace(left="b"))
    )
    with pytest.raises(AttributeError):
        without_type(pair).left = "b"
    with pytest.raises(AttributeError):
        without_type(pair).other = "b"
    with pytest.raises(TypeError):
        without_type(Pair)()
