"""The mutants of one module: found by a walk over its syntax tree, each with an address that is made of content, not of line numbers."""

from __future__ import annotations

import ast
import difflib
import hashlib
from collections import Counter
from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

from tests.mutants.edits import is_sentence, of_condition, of_expression, of_statement
from tests.mutants.mutant import Mutant

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.mutants.mutant import Project


# Calls that are for the type checker, or that make a type.
_TYPING = {"TypeVar", "NewType", "ParamSpec", "NamedTuple", "assert_never"}
_GENERIC = {"list", "dict", "tuple", "set", "frozenset", "type"}


# First line and column, last line and column, as of `ast`.
_Span = tuple[int, int, int, int]


@dataclass(frozen=True, slots=True)
class _Place:
    """Where a node hangs in the tree."""

    parent: ast.AST
    field: str
    index: int | None

    def put(self, node: ast.AST) -> None:
        if self.index is None:
            setattr(self.parent, self.field, node)
        else:
            getattr(self.parent, self.field)[self.index] = node


@dataclass(frozen=True, slots=True)
class _Context:
    """What the walk knows of the node it is at.

    Args:
        scope: Names of the enclosing functions and classes.
        statement: Source of the statement, or of its head.
        shown: The nearest node with a true position: Python 3.11 has none for the parts of an f-string.
    """

    scope: tuple[str, ...] = ()
    statement: str = ""
    lines: tuple[int, int] = (0, 0)
    in_function: bool = False
    names: tuple[str, ...] = ()
    shown: ast.AST | None = None
    sentence: bool = False


class Module:
    """A module, its tree and its mutants."""

    def __init__(self, path: Path, project: Project) -> None:
        self.path = path
        self.file = project.below(str(path))
        self.source = path.read_text(encoding="utf-8")
        self.tree = ast.parse(self.source)
        self.mutants: list[Mutant] = []
        self._edits: list[tuple[_Place, ast.AST, _Span]] = []
        self._seen: Counter[tuple[str, ...]] = Counter()
        self._body(self.tree, "body", _Context())

    def changed(self, mutant: Mutant) -> ast.Module:
        """Return the tree of the mutant. This object is of no use after that: a mutant has a process of its own."""
        place, node, _ = self._edits[mutant.number]
        place.put(node)
        return ast.fix_missing_locations(self.tree)

    def changed_source(self, mutant: Mutant) -> str:
        """Return the module's source with the change in it."""
        _, _, (line, start, end_line, end) = self._edits[mutant.number]
        lines = self.source.encode().splitlines(keepends=True)
        head = b"".join(lines[: line - 1]) + lines[line - 1][:start]
        tail = lines[end_line - 1][end:] + b"".join(lines[end_line:])
        return (head + mutant.becomes.encode() + tail).decode()

    def diff(self, mutant: Mutant) -> str:
        """Return the change as a unified diff."""
        name = f"smtp_shell/{self.file}"
        before, after = self.source.splitlines(), self.changed_source(mutant).splitlines()
        return "\n".join(difflib.unified_diff(before, after, name, f"{name} (mutant {mutant.id})", n=1, lineterm=""))

    def _body(self, parent: ast.AST, field: str, context: _Context) -> None:
        for i, statement in enumerate(getattr(parent, field)):
            self._statement(statement, _Place(parent, field, i), context)

    def _statement(self, node: ast.stmt, place: _Place, context: _Context) -> None:
        if _is_skipped(node):
            return
        head = (node.lineno, _end_of_head(node))
        context = replace(context, statement=_head_text(node), lines=head, shown=node, sentence=False)
        if not context.in_function:
            context = replace(context, names=_bound_names(node) or context.names)
        for operator, new, cut in of_statement(node):
            self._add(operator, node, new, place, context, cut)
        match node:
            case ast.FunctionDef() | ast.AsyncFunctionDef():
                self._function(node, context)
            case ast.ClassDef():
                inner = replace(context, scope=(*context.scope, node.name))
                self._children(node, "decorator_list", inner)
                self._body(node, "body", inner)
            case ast.AnnAssign(value=ast.expr()):
                self._child(node, "value", context)
            case ast.AnnAssign():
                pass
            case ast.Match():
                self._child(node, "subject", context)
                for case in node.cases:
                    self._case(case, context)
            case ast.Try():
                for handler in node.handlers:
                    self._handler(handler, context)
                for field in ("body", "orelse", "finalbody"):
                    self._body(node, field, context)
            case _:
                self._other(node, context)

    def _other(self, node: ast.stmt, context: _Context) -> None:
        for field, value in ast.iter_fields(node):
            if isinstance(value, list) and value and isinstance(value[0], ast.stmt):
                self._body(node, field, context)
            elif isinstance(value, list):
                self._children(node, field, context)
            elif isinstance(value, ast.expr):
                self._child(node, field, context)

    def _function(self, node: ast.FunctionDef | ast.AsyncFunctionDef, context: _Context) -> None:
        inner = replace(context, scope=(*context.scope, node.name))
        self._children(node, "decorator_list", inner)
        self._children(node.args, "defaults", inner)
        self._children(node.args, "kw_defaults", inner)
        self._body(node, "body", replace(inner, in_function=True, names=()))

    def _case(self, case: ast.match_case, context: _Context) -> None:
        text = "case " + ast.unparse(case.pattern) + (f" if {ast.unparse(case.guard)}" if case.guard else "")
        inner = replace(context, statement=text, lines=(case.pattern.lineno, case.body[0].lineno - 1))
        if inner.lines[1] < inner.lines[0]:
            inner = replace(inner, lines=(case.pattern.lineno, case.pattern.lineno))
        for node in ast.walk(case.pattern):
            if isinstance(node, ast.MatchValue):
                self._child(node, "value", inner)
        if case.guard is not None:
            place = _Place(case, "guard", None)
            self._add("condition left out", case.guard, ast.Constant(value=True), place, inner)
            self._child(case, "guard", inner)
        self._body(case, "body", context)

    def _handler(self, handler: ast.ExceptHandler, context: _Context) -> None:
        text = "except " + (ast.unparse(handler.type) if handler.type else "")
        inner = replace(context, statement=text, lines=(handler.lineno, handler.lineno))
        match handler.type:
            case ast.Tuple() as kinds:
                for operator, new in of_expression(kinds, table=True):
                    self._add(operator, kinds, new, _Place(handler, "type", None), inner)
            case _:
                pass
        self._body(handler, "body", context)

    def _children(self, parent: ast.AST, field: str, context: _Context) -> None:
        for i, node in enumerate(getattr(parent, field)):
            if isinstance(node, ast.AST):
                self._expression(node, _Place(parent, field, i), context)

    def _child(self, parent: ast.AST, field: str, context: _Context) -> None:
        self._expression(getattr(parent, field), _Place(parent, field, None), context)

    def _expression(self, node: ast.AST, place: _Place, context: _Context) -> None:
        if isinstance(node, ast.expr):
            if _is_type(node, context) or _is_type_of_cast(place):
                return
            if not _in_f_string(context.shown):
                context = replace(context, shown=node)
            if isinstance(node, ast.JoinedStr):
                context = replace(context, sentence=context.sentence or is_sentence(node))
            if not (context.sentence and isinstance(node, ast.Constant) and isinstance(place.parent, ast.JoinedStr)):
                for operator, new in of_expression(
                    node, table=not context.in_function and isinstance(getattr(node, "ctx", None), ast.Load | None)
                ):
                    self._add(operator, node, new, place, context)
            if _is_condition(place):
                for operator, new in of_condition(node):
                    self._add(operator, node, new, place, context)
        for field, value in ast.iter_fields(node):
            if field in {"format_spec", "annotation", "args"} and isinstance(value, ast.AST):
                continue  # the format of a value, and the arguments of a lambda
            if isinstance(value, list):
                self._children(node, field, context)
            elif isinstance(value, ast.AST):
                self._child(node, field, context)

    def _add(
        self, operator: str, old: ast.AST, new: ast.AST, place: _Place, context: _Context, cut: ast.AST | None = None
    ) -> None:
        """Add a mutant.

        Args:
            old: The node that is replaced, `new` by which, `place` where it hangs.
            cut: The part of `old` that is left out, where the whole of it is too much to show.
        """
        ast.copy_location(new, old)
        if cut is not None:
            was, becomes, span, line = _first_line(cut), "", _lines_of(cut), _lines_of(cut)[0]
        else:
            shown = context.shown if _in_f_string(context.shown) and context.shown is not None else old
            was = ast.unparse(shown)
            place.put(new)
            becomes = ast.unparse(new if shown is old else shown)
            place.put(old)
            assert isinstance(shown, ast.expr | ast.stmt)
            span = (shown.lineno, shown.col_offset, shown.end_lineno or 0, shown.end_col_offset or 0)
            line = shown.lineno
        if becomes == was:
            return
        scope = ".".join(context.scope) or ",".join(context.names) or "module"
        # Twins in one statement, such as the two zeros of `a[0] == b[0]`, are told apart by their order.
        key = (scope, context.statement, was, becomes)
        self._seen[key] += 1
        words = "\0".join((self.file, *key, operator, str(self._seen[key])))
        self._edits.append((place, new, span))
        self.mutants.append(
            Mutant(
                id=hashlib.sha256(words.encode()).hexdigest()[:10],
                file=self.file,
                scope=scope,
                operator=operator,
                line=line,
                lines=context.lines,
                in_function=context.in_function,
                names=context.names or context.scope[-1:],
                was=was,
                becomes=becomes,
                number=len(self._edits) - 1,
            )
        )


def _is_skipped(node: ast.stmt) -> bool:
    match node:
        case ast.Import() | ast.ImportFrom() | ast.Assert() | ast.Global() | ast.Nonlocal():
            return True
        case ast.If(test=ast.Name(id="TYPE_CHECKING")):
            return True
        case ast.Assign(targets=[ast.Name(id="__all__" | "__slots__")]):
            return True
        case ast.Expr(value=ast.Constant()):
            return True
        case ast.FunctionDef():
            return any(isinstance(d, ast.Name) and d.id == "overload" for d in node.decorator_list)
        case ast.AnnAssign(annotation=ast.Name(id="TypeAlias")):
            return True
        case _:
            return False


def _is_type(node: ast.expr, context: _Context) -> bool:
    match node:
        case ast.Call(func=ast.Name(id=name)) if name in _TYPING:
            return True
        case ast.Subscript(value=ast.Name(id=name)) if not context.in_function:
            return name in _GENERIC or (name[0].isupper() and not name.isupper())
        case ast.BinOp(op=ast.BitOr(), left=left, right=right) if not context.in_function:
            # A union of types.
            return any(isinstance(n, ast.Name) and (n.id[0].isupper() and not n.id.isupper()) for n in (left, right))
        case _:
            return False


def _is_type_of_cast(place: _Place) -> bool:
    match place:
        case _Place(ast.Call(func=ast.Name(id="cast")), "args", 0):
            return True
        case _:
            return False


def _in_f_string(shown: ast.AST | None) -> bool:
    return isinstance(shown, ast.JoinedStr)


def _is_condition(place: _Place) -> bool:
    match place.parent:
        case ast.If() | ast.IfExp() | ast.While():
            return place.field == "test"
        case ast.comprehension():
            return place.field == "ifs"
        case _:
            return False


def _end_of_head(node: ast.stmt) -> int:
    match node:
        case (
            ast.FunctionDef()
            | ast.AsyncFunctionDef()
            | ast.ClassDef()
            | ast.If()
            | ast.While()
            | ast.For()
            | ast.With()
            | ast.Try()
        ):
            return max(node.lineno, node.body[0].lineno - 1)
        case ast.Match():
            return max(node.lineno, node.cases[0].pattern.lineno - 1)
        case _:
            return node.end_lineno or node.lineno


def _head_text(node: ast.stmt) -> str:
    text = ast.unparse(node)
    return text.partition(":\n")[0] if hasattr(node, "body") or isinstance(node, ast.Match) else text


def _bound_names(node: ast.stmt) -> tuple[str, ...]:
    """Return the names that a statement of a module or a class binds."""
    match node:
        case ast.FunctionDef() | ast.AsyncFunctionDef() | ast.ClassDef():
            return (node.name,)
        case _:
            return tuple(_stored(node))


def _stored(node: ast.AST) -> Iterator[str]:
    for inner in ast.walk(node):
        if isinstance(inner, ast.Name) and isinstance(inner.ctx, ast.Store):
            yield inner.id


def _lines_of(part: ast.AST) -> _Span:
    """Return the place of a case, a handler or a decorator: whole lines."""
    match part:
        case ast.match_case():
            return part.pattern.lineno, 0, part.body[-1].end_lineno or 0, part.body[-1].end_col_offset or 0
        case ast.ExceptHandler() | ast.expr():
            return part.lineno, 0, part.end_lineno or 0, part.end_col_offset or 0
        case _:
            raise TypeError(type(part))


def _first_line(part: ast.AST) -> str:
    return ("@" + ast.unparse(part) if isinstance(part, ast.expr) else ast.unparse(part)).strip().partition("\n")[0]
