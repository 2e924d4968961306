"""The house plan: who may import whom, what may be where, and how large a room may grow."""

import ast
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent
PACKAGE = ROOT / "smtp_shell"
MODULES = sorted(PACKAGE.rglob("*.py"))

# From the bottom up: a package imports only from those above it in this list, or from itself.
LAYERS = (
    {"errors"},
    {"config"},
    {"protocol"},
    {"arguments", "private_files"},
    {"knowledge"},
    {"net"},
    {"client"},
    {"display"},
    {"transcript"},
    {"matching"},
    {"export"},
    {"recording"},
    {"importers"},
    {"lint"},
    {"replay"},
    {"servers"},
    {"study"},
    {"shell"},
    {"integrations"},
    {"cli", "__main__"},
)
RANK = {name: rank for rank, names in enumerate(LAYERS) for name in names}

# Library -> the rooms it may be in.
ROOMS = {
    "prompt_toolkit": {"shell"},
    "rich": {"display", "export.screen"},
    "aiosmtpd": {"servers.practice"},
    "trustme": {"servers"},
    "tzlocal": {"shell", "transcript.variables"},
    "regex": {"matching.pattern"},
    "socket": {"net", "servers"},
    "ssl": {"net", "servers"},
    "select": {"net", "servers"},
    "subprocess": {"net", "client.credentials", "shell"},
    "asyncio": {"servers", "shell"},
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


def name_of(path: Path) -> str:
    """Give `protocol.replies` for `smtp_shell/protocol/replies.py`, and `` for the package itself."""
    return ".".join(path.relative_to(PACKAGE).with_suffix("").parts).removesuffix("__init__").rstrip(".")


def imports(path: Path) -> Iterator[tuple[int, str]]:
    """Give each import in a file, those inside functions too: line and full dotted name."""
    tree = ast.parse(path.read_bytes())
    for_types = {
        node
        for test in ast.walk(tree)
        if isinstance(test, ast.If) and ast.unparse(test.test) == "TYPE_CHECKING"
        for body in test.body
        for node in ast.walk(body)
    }
    for node in ast.walk(tree):
        if node in for_types:
            continue
        if isinstance(node, ast.Import):
            yield from ((node.lineno, alias.name) for alias in node.names)
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}:{node.lineno}: imports are absolute"
            yield from ((node.lineno, f"{node.module}.{alias.name}") for alias in node.names)


def is_in(name: str, room: str) -> bool:
    return name == room or name.startswith(f"{room}.")


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


def test_no_module_imports_itself_by_a_detour() -> None:
    known = {f"smtp_shell.{name_of(path)}".rstrip(".") for path in MODULES}
    arrows: dict[str, set[str]] = {name: set() for name in known}
    for path, _, name in ALL_IMPORTS:
        target = name if name in known else name.rpartition(".")[0]
        importer = f"smtp_shell.{name_of(path)}".rstrip(".")
        if target in known and target != importer:
            arrows[importer].add(target)

    def ends() -> set[str]:
        """Give the modules that import none that is left, and those that none that is left imports."""
        imported = {name for targets in arrows.values() for name in targets}
        return {name for name, targets in arrows.items() if not targets & arrows.keys() or name not in imported}

    while found := ends():
        arrows = {name: targets - found for name, targets in arrows.items() if name not in found}
    assert {name: targets & arrows.keys() for name, targets in arrows.items()} == {}


def test_libraries_are_only_in_their_rooms() -> None:
    wrong = [
        f"{path.relative_to(ROOT)}:{line} imports {name}"
        for path, line, name in ALL_IMPORTS
        for library, rooms in ROOMS.items()
        if is_in(name, library) and not any(is_in(name_of(path), room) for room in rooms)
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
    told: set[int] = set()
    for node in ast.walk(ast.parse(source)):
        if isinstance(node, ast.Module | ast.ClassDef | ast.FunctionDef | ast.AsyncFunctionDef) and ast.get_docstring(
            node
        ):
            told |= set(range(node.body[0].lineno, (node.body[0].end_lineno or 0) + 1))
        if isinstance(node, ast.Import | ast.ImportFrom):
            told |= set(range(node.lineno, (node.end_lineno or 0) + 1))
    lines = enumerate(source.decode().split("\n"), 1)
    return sum(1 for number, line in lines if line.strip() and not line.strip().startswith("#") and number not in told)


@pytest.mark.parametrize("path", MODULES, ids=lambda path: str(path.relative_to(PACKAGE)))
def test_no_room_is_too_large(path: Path) -> None:
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


def test_no_room_for_odds_and_ends() -> None:
    assert not {path.stem for path in MODULES} & {"utils", "util", "helpers", "base", "common", "misc"}


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
