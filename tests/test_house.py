"""The layout: who may import whom, what may be where, how large a module may grow, and how a module begins."""

from __future__ import annotations

import ast
import os
import re
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Iterator

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "smtp_shell"
MODULES = sorted(PACKAGE.rglob("*.py"))

# From the bottom up: a package imports only from those above it in this list, or from itself.
LAYERS = (
    {"errors"},
    {"config", "figures"},
    {"protocol"},
    {"arguments", "output_loss", "private_files", "programs", "submodules", "temporary_folders"},
    {"message"},
    {"knowledge"},
    {"net"},
    {"client"},
    {"display"},
    {"transcript", "importers"},  # a reader hands a foreign file to an importer, which makes the steps of a transcript
    {"matching"},
    {"export"},
    {"recording"},
    {"lint"},
    {"configuration"},
    {"replay"},
    {"servers"},
    {"study"},
    {"shell"},
    {"api"},
    {"integrations"},
    {"cli", "__main__"},
)
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}

# Library -> the packages and modules that may import it.
HOMES = {
    "prompt_toolkit": {"shell"},
    "rich": {"display", "export.palette"},
    "pygments": {"display.dialogue_lexer"},
    "aiosmtpd": {"servers.practice"},
    "trustme": {"servers"},
    "tzlocal": {"shell", "transcript.variables"},
    "regex": {"matching.pattern"},
    "idna": {"protocol.hostnames"},
    "dns": {"net.dns"},
    "socket": {"net", "servers"},
    "ssl": {"net", "servers"},
    "select": {"output_loss", "net", "servers", "shell.dumb_prompt"},
    "subprocess": {"net", "client.credentials", "shell"},
    "asyncio": {"servers", "shell"},
    "python_socks": {"net.proxy"},
    "pytest": {"integrations"},
    "locust": {"integrations.locust"},
}
NOWHERE = {"dataclasses", "smtplib", "aiosmtplib", "smtpproto", "pickle", "telnetlib"}
NOT_IN_PROTOCOL = {
    "time",
    "random",
    "os",
    "logging",
    "socket",
    "ssl",
    "secrets",
    "datetime",
    "threading",
    "asyncio",
    "select",
}

TOP_LEVEL = {"CHANGELOG.md", "LICENSE", "README.md", "pyproject.toml", "smtp_shell", "tests", "transcripts"}
LINES_IN_A_MODULE = 400
LINES_IN_A_FUNCTION = 70

# Private names that their libraries document.
DOCUMENTED = {"os._exit", "_thread.allocate_lock"}
UNUSUAL_VERBS = re.compile(r"(Gives?|Says?|Lets?|Tells?|Takes? in|Looks? whether)\b")

# Modules that ask a `Path` what it is inside `except OSError`.
CATCHES_PATH_ERRORS = {"transcript.body"}

# What does not hold a rule yet. A package or module that holds it must leave its list, so the lists only get shorter.
PRIVATE_NAMES_IN: set[str] = set()
NO_DOCSTRING_OF_TWO_LINES: set[str] = set()
NOT_REWORDED: set[str] = set()


def name_of(path: Path) -> str:
    """Return `protocol.replies` for `smtp_shell/protocol/replies.py`, and an empty name for `smtp_shell` itself."""
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix("__init__").rstrip(".")


def imports(path: Path, *, for_types_too: bool = False) -> Iterator[tuple[int, str]]:
    """Yield the line and the full dotted name of each import in a file, those inside functions too.

    Args:
        path: The file.
        for_types_too: Whether to yield the imports under `if TYPE_CHECKING:` too.
    """
    tree = ast.parse(path.read_bytes())
    for_types = {
        node
        for test in ast.walk(tree)
        if isinstance(test, ast.If) and ast.unparse(test.test) == "TYPE_CHECKING"
        for body in test.body
        for node in ast.walk(body)
    }
    for node in ast.walk(tree):
        if node in for_types and not for_types_too:
            continue
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: imports are absolute"
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def is_in(name: str, package: str) -> bool:
    return name == package or name.startswith(f"{package}.")


ALL_IMPORTS = [(path, line, name) for path in MODULES for line, name in imports(path)]


def test_every_module_has_its_place() -> None:
    assert {name_of(path).partition(".")[0] for path in MODULES} - {""} <= set(RANK)


def test_a_package_imports_only_from_those_below_it() -> None:
    wrong = []
    for path, line, name in ALL_IMPORTS:
        package, _, rest = name.partition(".")
        ours, theirs = name_of(path).partition(".")[0], rest.partition(".")[0]
        if package != "smtp_shell" or not ours or theirs not in RANK or theirs == ours:
            continue
        if RANK[theirs] > RANK[ours] or (RANK[theirs] == RANK[ours] and ours not in LAYERS[RANK[theirs]]):
            wrong.append(f"{path.relative_to(ROOT)}:{line} imports {name}")
    assert wrong == []


def circles(all_imports: list[tuple[Path, int, str]]) -> dict[str, set[str]]:
    """Return the modules that import themselves by way of others, each with what it imports of them."""
    known = {f"smtp_shell.{name_of(path)}".rstrip(".") for path in MODULES}
    arrows: dict[str, set[str]] = {name: set() for name in known}
    for path, _, name in all_imports:
        target = name if name in known else name.rpartition(".")[0]
        importer = f"smtp_shell.{name_of(path)}".rstrip(".")
        if target in known and target != importer:
            arrows[importer].add(target)

    def ends() -> set[str]:
        """Return the modules that import no remaining module, and those that no remaining module imports."""
        imported = {name for targets in arrows.values() for name in targets}
        return {name for name, targets in arrows.items() if not targets & arrows.keys() or name not in imported}

    while found := ends():
        arrows = {name: targets - found for name, targets in arrows.items() if name not in found}
    return {name: targets & arrows.keys() for name, targets in arrows.items()}


def test_no_module_imports_itself_by_a_detour() -> None:
    assert circles(ALL_IMPORTS) == {}


def test_no_module_of_the_shell_needs_itself_by_a_detour_for_its_types_either() -> None:
    shell = [path for path in MODULES if is_in(name_of(path), "shell")]
    found = [(path, line, name) for path in shell for line, name in imports(path, for_types_too=True)]
    assert any("TYPE_CHECKING" in path.read_text(encoding="utf-8") for path in shell)
    assert circles(found) == {}


def test_a_library_is_imported_only_where_it_may_be() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path, line, name in ALL_IMPORTS
        for library, homes in HOMES.items()
        if is_in(name, library) and not any(is_in(name_of(path), home) for home in homes)
    ]
    assert wrong == []


def test_no_other_smtp_library_anywhere() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path, line, name in ALL_IMPORTS
        if name.partition(".")[0] in NOWHERE
    ]
    assert wrong == []
    # Its `handlers` module pulls in smtplib.
    assert [path for path, _, name in ALL_IMPORTS if is_in(name, "aiosmtpd.handlers")] == []


def test_the_protocol_knows_no_clock_and_no_machine() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path, line, name in ALL_IMPORTS
        if is_in(name_of(path), "protocol") and name.partition(".")[0] in NOT_IN_PROTOCOL
    ]
    assert wrong == []


def lines_of_code(source: bytes) -> int:
    """Count the lines that do something: no docstring, no comment, no import, no blank line."""
    passed: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and ast.get_docstring(
            node
        ):
            passed |= set(range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1))
        if isinstance(node, ast.Import | ast.ImportFrom):
            passed |= set(range(node.lineno, (node.end_lineno or 0) + 1))
    lines = enumerate(source.decode().split("\n"), 1)
    return sum(
        1 for number, line in lines if line.strip() and not line.strip().startswith("#") and number not in passed
    )


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_module_or_function_is_too_long(path: Path) -> None:
    source = path.read_bytes()
    assert lines_of_code(source) <= LINES_IN_A_MODULE
    long = [
        f"{node.name}: {node.end_lineno - node.lineno + 1} lines"
        for node in ast.walk(ast.parse(source))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)
        and node.end_lineno
        and node.end_lineno - node.lineno >= LINES_IN_A_FUNCTION
    ]
    assert long == []


def test_no_module_is_for_odds_and_ends() -> None:
    assert not {path.stem for path in MODULES} & {"utils", "util", "helpers", "base", "common", "misc"}


@pytest.mark.parametrize("path", MODULES, ids=name_of)
def test_what_a_path_is_asks_os_path(path: Path) -> None:
    """`Path.exists` and its like raise PermissionError where a folder above may not be searched; `os.path` answers False."""
    asked = re.findall(r"\.(?:exists|is_file|is_dir|is_symlink|is_mount)\(\)", path.read_text("utf-8"))
    assert not asked or name_of(path) in CATCHES_PATH_ERRORS


def is_private(name: str) -> bool:
    return name.startswith("_") and not name.startswith("__")


def private_names(path: Path) -> Iterator[tuple[int, str]]:
    """Yield the private names of other modules in a file: `from module import _name`, and `_name` of something imported."""
    tree = ast.parse(path.read_bytes())
    origins: dict[str, str] = {}  # a name in the file -> the full name of what it is
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                root = alias.name.partition(".")[0]
                origins[alias.asname or root] = alias.name if alias.asname else root
                if any(map(is_private, alias.name.split("."))):
                    yield node.lineno, alias.name
        elif isinstance(node, ast.ImportFrom) and node.module:
            for alias in node.names:
                full = f"{node.module}.{alias.name}"
                origins[alias.asname or alias.name] = full
                if any(map(is_private, full.split("."))):
                    yield node.lineno, full
    for node in ast.walk(tree):
        if isinstance(node, ast.Attribute) and is_private(node.attr):
            root, *rest = ast.unparse(node).split(".")
            if root in origins:
                yield node.lineno, ".".join((origins[root], *rest))


def test_private_names_are_found_however_they_are_imported(tmp_path: Path) -> None:
    path = tmp_path / "module.py"
    path.write_text(
        "import os, a.b as c, d._e\nfrom rich._x import Y\nfrom f import _g, h\n"
        "os._exit(0)\nc._i\nh._j.k\nself._l\nos.path._m\nos.__n__\n",
        encoding="utf-8",
    )
    found = {name for _, name in private_names(path)}
    assert found == {"d._e", "rich._x.Y", "f._g", "os._exit", "a.b._i", "f.h._j", "os.path._m"}


def test_no_private_name_of_another_module() -> None:
    found = {
        (name_of(path), f"{path.relative_to(ROOT)}:{line} uses {name}")
        for path in MODULES
        for line, name in private_names(path)
        if name not in DOCUMENTED
    }
    assert [where for module, where in sorted(found) if module not in PRIVATE_NAMES_IN] == []
    assert {module for module, _ in found} == PRIVATE_NAMES_IN, "a module that holds the rule leaves the list"


def test_each_package_describes_itself_in_two_lines_or_more() -> None:
    packages = [path for path in MODULES if path.name == "__init__.py"]
    terse = {name_of(path) for path in packages if "\n" not in (ast.get_docstring(ast.parse(path.read_bytes())) or "")}
    assert terse - NO_DOCSTRING_OF_TWO_LINES == set()
    assert terse == NO_DOCSTRING_OF_TWO_LINES, "a package that holds the rule leaves the list"


def test_each_module_begins_with_the_import_of_annotations() -> None:
    without = []
    for path in MODULES:
        docstring, *code = ast.parse(path.read_bytes()).body
        assert isinstance(docstring, ast.Expr), path
        if code and ast.unparse(code[0]) != "from __future__ import annotations":
            without.append(name_of(path))
    assert without == []


def test_docstrings_use_the_usual_verbs() -> None:
    found = {
        (name_of(path).partition(".")[0], f"{path.relative_to(ROOT)}: {docstring.partition(chr(10))[0]}")
        for path in MODULES
        for node in ast.walk(ast.parse(path.read_bytes()))
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef)
        and (docstring := ast.get_docstring(node))
        and UNUSUAL_VERBS.match(docstring)
    }
    assert [where for package, where in sorted(found) if package not in NOT_REWORDED] == []
    assert {package for package, _ in found} == NOT_REWORDED, "a package that holds the rule leaves the list"


def test_the_files_that_contributing_names_are_there() -> None:
    text = (ROOT / ".github" / "CONTRIBUTING.md").read_text(encoding="utf-8")
    files = re.findall(r"`([\w/]+\.(?:py|md))`", text) + re.findall(r"\]\(\.\./([^)#]+)\)", text)
    assert len(files) > 20
    assert [name for name in files if not any((folder / name).is_file() for folder in (ROOT, PACKAGE))] == []


@pytest.mark.parametrize("arguments", [["--version"], ["--help"]], ids=" ".join)
def test_a_quick_answer_loads_no_libraries(arguments: list[str]) -> None:
    code = (
        "import sys\n"
        "from smtp_shell.cli.main import main\n"
        "try:\n"
        f"    main({arguments!r})\n"
        "except SystemExit as end:\n"
        "    assert not end.code, end.code\n"
        "print('loaded:', *sorted({name.partition('.')[0] for name in sys.modules}))\n"
    )
    run = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False, cwd=ROOT
    )
    assert run.returncode == 0, run.stderr
    loaded = set(run.stdout.rpartition("loaded: ")[2].split())
    assert "smtp_shell" in loaded
    assert not loaded & {"rich", "prompt_toolkit", "ssl", "aiosmtpd", "asyncio", "trustme", "cryptography"}


def test_the_top_level_holds_only_what_was_ordered() -> None:
    listing = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, timeout=60, check=False)
    if listing.returncode:
        pytest.skip("this is no git checkout")
    top = {os.fsdecode(name).partition("/")[0] for name in listing.stdout.split(b"\0") if name}
    assert {name for name in top if not name.startswith(".")} <= TOP_LEVEL


def test_ci_installs_the_packages_that_the_tests_name() -> None:
    listed = " ".join(
        re.findall(r"packages\+?=\(([^)]*)\)", (ROOT / ".ci" / "run").read_text(encoding="utf-8"))
    ).split()
    unpacked = {"exim4-daemon-light"}
    for path in sorted((ROOT / "tests").rglob("*.py")):
        for names in re.findall(r"apt-get install ([a-z0-9.+ -]+)", path.read_text(encoding="utf-8")):
            missing = set(names.split()) - set(listed) - unpacked
            assert not missing, f"{path.relative_to(ROOT)}: {' '.join(missing)} is not in .ci/run"
