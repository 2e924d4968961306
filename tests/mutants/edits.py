"""The changes: each is one small edit of a module's syntax tree, with the place and the words that describe it.

Mutated: comparisons, boolean and arithmetic operators, conditions, numbers, words and octets, returned values, `break` and `continue`,
statements that can be left out, bounds of slices, keyword arguments, defaults, rows of tables, cases of `match`, decorators with arguments,
and pairs of methods such as `startswith` and `endswith`.

Not mutated: docstrings, annotations, imports, assertions, `TYPE_CHECKING`, `__all__`, and how a class is stored (`frozen=True`).
Nor sentences, strings with two words or more: a test that repeats a sentence shows only that it was copied. What is put into a
sentence is mutated. Octets are mutated with or without spaces, as they go over the wire.
"""

from __future__ import annotations

import ast
import copy
import re
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Iterator

N = TypeVar("N", bound=ast.AST)
T = TypeVar("T")

_SENTENCE = re.compile(r"[^\W\d_]{2}.*\s.*[^\W\d_]{2}", re.DOTALL)

_COMPARISONS: dict[type[ast.cmpop], tuple[type[ast.cmpop], ...]] = {
    ast.Eq: (ast.NotEq,),
    ast.NotEq: (ast.Eq,),
    ast.Lt: (ast.LtE, ast.GtE),
    ast.LtE: (ast.Lt, ast.Gt),
    ast.Gt: (ast.GtE, ast.LtE),
    ast.GtE: (ast.Gt, ast.Lt),
    ast.Is: (ast.IsNot,),
    ast.IsNot: (ast.Is,),
    ast.In: (ast.NotIn,),
    ast.NotIn: (ast.In,),
}
_ARITHMETIC: dict[type[ast.operator], type[ast.operator]] = {
    ast.Add: ast.Sub,
    ast.Sub: ast.Add,
    ast.Mult: ast.FloorDiv,
    ast.FloorDiv: ast.Mult,
    ast.Div: ast.Mult,
    ast.Mod: ast.Mult,
    ast.Pow: ast.Mult,
    ast.BitAnd: ast.BitOr,
    ast.BitOr: ast.BitAnd,
    ast.BitXor: ast.BitOr,
    ast.LShift: ast.RShift,
    ast.RShift: ast.LShift,
}
_PAIRS = (
    ("startswith", "endswith"),
    ("removeprefix", "removesuffix"),
    ("lower", "upper"),
    ("lstrip", "rstrip"),
    ("partition", "rpartition"),
    ("split", "rsplit"),
    ("find", "rfind"),
    ("match", "fullmatch"),
    ("any", "all"),
    ("min", "max"),
)
_TWINS = {a: b for pair in _PAIRS for a, b in (pair, pair[::-1])} | {
    "strip": "lstrip",
    "casefold": "upper",
    "search": "match",
}


def of_expression(node: ast.expr, table: bool) -> Iterator[tuple[str, ast.expr]]:
    """Yield the name of each change and what the expression becomes.

    Args:
        node: The expression. It is not changed: what is yielded shares its parts.
        table: Whether rows may be left out of a display, as is so for tables of a module or a class.
    """
    match node:
        case ast.Compare():
            yield from _comparisons(node)
        case ast.BoolOp():
            yield from _boolean(node)
        case ast.UnaryOp(op=ast.Not() | ast.USub()):
            yield "operator left out", node.operand
        case ast.BinOp() if type(node.op) in _ARITHMETIC:
            yield "arithmetic", ast.BinOp(left=node.left, op=_ARITHMETIC[type(node.op)](), right=node.right)
        case ast.Constant():
            yield from (("constant", ast.Constant(value=value)) for value in _constants(node.value))
        case ast.Subscript(slice=ast.Slice() as bounds):
            for name in ("lower", "upper", "step"):
                if getattr(bounds, name) is not None:
                    yield "bound left out", _with(node, slice=_with(bounds, **{name: None}))
        case ast.Call():
            yield from _calls(node)
        case ast.Dict() if table:
            for i in range(len(node.keys)):
                yield "row left out", _with(node, keys=_without(node.keys, i), values=_without(node.values, i))
        case ast.List() | ast.Tuple() | ast.Set() if table:
            for i in range(len(node.elts)):
                elements = _without(node.elts, i)
                # There is no display of an empty set.
                if elements or not isinstance(node, ast.Set):
                    yield "row left out", _with(node, elts=elements)
        case _:
            pass


def of_condition(test: ast.expr) -> Iterator[tuple[str, ast.expr]]:
    """Yield the negated condition, where no change of the expression itself is the same."""
    match test:
        case ast.Compare(ops=[_]) | ast.UnaryOp(op=ast.Not()) | ast.Constant():
            pass
        case _:
            yield "condition negated", ast.UnaryOp(op=ast.Not(), operand=test)


def of_statement(node: ast.stmt) -> Iterator[tuple[str, ast.stmt, ast.AST | None]]:
    """Yield the name of each change, what the statement becomes, and the part that is left out, where it is a part."""
    match node:
        case ast.Return(value=ast.expr() as value) if not (isinstance(value, ast.Constant) and value.value is None):
            yield "returned value", ast.Return(value=ast.Constant(value=None)), None
        case ast.Break():
            yield "break", ast.Continue(), None
        case ast.Continue():
            yield "continue", ast.Break(), None
        case ast.AugAssign():
            if type(node.op) in _ARITHMETIC:
                yield "arithmetic", _with(node, op=_ARITHMETIC[type(node.op)]()), None
            yield "statement left out", ast.Pass(), None
        case ast.Expr(value=ast.Call(func=ast.Name(id="assert_never"))):
            pass  # for the type checker
        case ast.Expr() | ast.Raise() | ast.Delete():
            yield "statement left out", ast.Pass(), None
        case ast.Assign() if _can_go(node):
            yield "statement left out", ast.Pass(), None
        case ast.Match() if len(node.cases) > 1:
            for i, case in enumerate(node.cases):
                yield "case left out", _with(node, cases=_without(node.cases, i)), case
        case ast.Try() if len(node.handlers) > 1:
            for i, handler in enumerate(node.handlers):
                yield "handler left out", _with(node, handlers=_without(node.handlers, i)), handler
        case ast.FunctionDef() | ast.ClassDef():
            for i, decorator in enumerate(node.decorator_list):
                if isinstance(decorator, ast.Call):
                    yield "decorator left out", _with(node, decorator_list=_without(node.decorator_list, i)), decorator
        case _:
            pass


def is_sentence(node: ast.Constant | ast.JoinedStr) -> bool:
    """Whether the string is a sentence for people: two words or more."""
    match node:
        case ast.JoinedStr():
            parts = (str(p.value) if isinstance(p, ast.Constant) else " 1 " for p in node.values)
            return _SENTENCE.search("".join(parts)) is not None
        case ast.Constant(value=str() as text):
            return _SENTENCE.search(text) is not None
        case _:
            return False


def _comparisons(node: ast.Compare) -> Iterator[tuple[str, ast.expr]]:
    for i, op in enumerate(node.ops):
        for other in _COMPARISONS[type(op)]:
            yield "comparison", _with(node, ops=[*node.ops[:i], other(), *node.ops[i + 1 :]])


def _boolean(node: ast.BoolOp) -> Iterator[tuple[str, ast.expr]]:
    yield "and, or", _with(node, op=ast.Or() if isinstance(node.op, ast.And) else ast.And())
    for i in range(len(node.values)):
        rest = _without(node.values, i)
        yield "operand left out", rest[0] if len(rest) == 1 else _with(node, values=rest)


def _calls(node: ast.Call) -> Iterator[tuple[str, ast.expr]]:
    for i, keyword in enumerate(node.keywords):
        if keyword.arg is not None:
            yield "keyword left out", _with(node, keywords=_without(node.keywords, i))
    match node.func:
        case ast.Attribute(attr="split" | "rsplit") if len(node.args) + len(node.keywords) < 2:
            pass  # without a bound both are the same
        case ast.Attribute(attr=name) if name in _TWINS:
            yield "method", _with(node, func=_with(node.func, attr=_TWINS[name]))
        case ast.Name(id=name) if name in _TWINS:
            yield "function", _with(node, func=_with(node.func, id=_TWINS[name]))
        case _:
            pass


def _constants(value: object) -> tuple[bool | int | float | str | bytes, ...]:
    match value:
        case bool():
            return (not value,)
        case int():
            return value + 1, value - 1
        case float():
            return value + 1, value / 2 - 1
        case str():
            return () if is_sentence(ast.Constant(value=value)) else (value + "X",)
        case bytes():
            return (value + b"X",)
        case _:
            return ()


def _can_go(node: ast.Assign) -> bool:
    """Whether the program still has all its names without this assignment: to an attribute, an element, or `x = f(x)`."""
    names = {
        n.id
        for target in node.targets
        for n in ast.walk(target)
        if isinstance(n, ast.Name) and isinstance(n.ctx, ast.Store)
    }
    return names <= {n.id for n in ast.walk(node.value) if isinstance(n, ast.Name)}


def _with(node: N, **fields: object) -> N:
    changed = copy.copy(node)
    for name, value in fields.items():
        setattr(changed, name, value)
    return changed


def _without(items: list[T], i: int) -> list[T]:
    return items[:i] + items[i + 1 :]
