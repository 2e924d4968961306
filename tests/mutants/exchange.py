"""Put a mutant into this process: by exchanging the code of a function, or by a loader for a module not yet imported."""

from __future__ import annotations

import gc
import sys
from importlib.abc import Loader, MetaPathFinder
from importlib.machinery import ModuleSpec
from importlib.util import spec_from_file_location
from types import CodeType, FunctionType
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from types import ModuleType

    from tests.mutants.modules import Module
    from tests.mutants.mutant import Mutant


class LiveFunctions:
    """The functions that exist in this process, by file and place. Made once, after all modules have been imported."""

    def __init__(self) -> None:
        self._by_place: dict[tuple[str, str, int], list[FunctionType]] = {}
        for thing in gc.get_objects():
            if isinstance(thing, FunctionType):
                self._by_place.setdefault(_place(thing.__code__), []).append(thing)

    def exchange(self, module: Module, mutant: Mutant) -> bool:
        """Give the functions the mutant's code.

        Returns:
            False where that cannot be done: there is no such function, or it would need other variables of its enclosing one.
        """
        name = str(module.path)
        before = compile(module.source, name, "exec", dont_inherit=True)
        after = compile(module.changed(mutant), name, "exec", dont_inherit=True)
        done = False
        for old, new in _differing(before, after):
            for function in self._by_place.get(_place(old), ()):
                if function.__code__ == old:
                    try:
                        function.__code__ = new
                    except ValueError:
                        return False
                    done = True
        return done


class MutantFinder(MetaPathFinder, Loader):
    """Finds the mutant where its module is imported."""

    def __init__(self, module: Module, mutant: Mutant, package: str = "smtp_shell") -> None:
        parts = [package, *module.file.removesuffix(".py").split("/")]
        self._is_package = parts[-1] == "__init__"
        self._name = ".".join(parts[:-1] if self._is_package else parts)
        self._path = module.path
        self._code = compile(module.changed(mutant), str(module.path), "exec", dont_inherit=True)

    def install(self) -> None:
        assert self._name not in sys.modules
        sys.meta_path.insert(0, self)

    def find_spec(
        self, fullname: str, path: Sequence[str] | None, target: ModuleType | None = None
    ) -> ModuleSpec | None:
        if fullname != self._name:
            return None
        places = [str(self._path.parent)] if self._is_package else None
        return spec_from_file_location(fullname, self._path, loader=self, submodule_search_locations=places)

    def exec_module(self, module: ModuleType) -> None:
        exec(self._code, module.__dict__)


def _place(code: CodeType) -> tuple[str, str, int]:
    return code.co_filename, code.co_qualname, code.co_firstlineno


def _differing(before: CodeType, after: CodeType) -> Iterator[tuple[CodeType, CodeType]]:
    """Yield the pairs of code that differ, from the outside in."""
    inner: dict[tuple[str, str, int], list[CodeType]] = {}
    for code in _inner(after):
        inner.setdefault(_place(code), []).append(code)
    for old in _inner(before):
        twins = inner.get(_place(old))
        if twins and (new := twins.pop(0)) != old:
            yield old, new
            yield from _differing(old, new)


def _inner(code: CodeType) -> Iterator[CodeType]:
    return (c for c in code.co_consts if isinstance(c, CodeType))
