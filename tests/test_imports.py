"""Who may import whom: the table of the design, walked; and what importing costs."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

PACKAGE = Path(__file__).parents[1] / "zerosum"

# room: rooms it may import. `errors`, `config` and the version are open to all.
ROOMS = {
    "losses": set(),
    "updates": set(),
    "runtime": set(),
    "networks": {"runtime"},
    "sources": {"runtime"},
    "attacks": {"losses"},
    "game": {"updates", "runtime", "sources"},
    "data": {"runtime", "sources"},
    "metrics": {"losses", "networks", "updates", "runtime", "game", "data"},
    "latent": {"sources", "networks", "data"},
}
ROOMS["training"] = set(ROOMS)
ROOMS |= {room: set(ROOMS) for room in ("adversarial", "watch", "report", "profiling")}
ROOMS["recipes"] = set(ROOMS)
ROOMS["lab"] = set(ROOMS)
ROOMS["api"] = set(ROOMS) - {"lab"}
ROOMS["studio"] = {"api"}
ROOMS["cli"] = {"api", "lab", "recipes"}  # recipes are listed without torch, which api cannot
OPEN = {"errors", "config", "_version"}
OUTSIDE = {"__init__", "__main__"}


def imports(path):
    """Every import of ours in a file, wherever it stands: (module, names)."""
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            yield from ((alias.name, ()) for alias in node.names if alias.name.split(".")[0] == "zerosum")
        elif isinstance(node, ast.ImportFrom):
            assert not node.level, f"{path}: relative import"
            if node.module.split(".")[0] == "zerosum":
                yield node.module, tuple(alias.name for alias in node.names)


def rooms(module, names):
    parts = module.split(".")
    return {parts[1]} if len(parts) > 1 else {n for n in names if n != "__version__"}


def files():
    for path in sorted(PACKAGE.rglob("*.py")):
        relative = path.relative_to(PACKAGE)
        yield path, relative.parts[0].removesuffix(".py")


def test_every_file_is_in_a_room_of_the_table():
    assert {room for _, room in files()} - OPEN - OUTSIDE <= set(ROOMS)


@pytest.mark.parametrize(
    ("path", "room"), [(p, r) for p, r in files() if r not in OPEN | OUTSIDE], ids=lambda v: str(v)[-40:]
)
def test_rooms_import_downwards_only(path, room):
    for module, names in imports(path):
        for imported in rooms(module, names):
            assert imported in ROOMS[room] | OPEN | {room}, f"{path} imports {module}"


@pytest.mark.parametrize("file", ["errors.py", "config.py", "_version.py"])
def test_what_is_open_to_all_imports_nothing_of_ours(file):
    assert list(imports(PACKAGE / file)) == []


def modules(path):
    """Modules of ours that a file imports, by the files they are: of a room its `__init__`, or the submodule."""
    for module, names in imports(path):
        base = PACKAGE.parent / module.replace(".", "/")
        if base.with_suffix(".py").exists():
            yield base.with_suffix(".py")
            continue
        for name in names or ("__init__",):
            yield base / f"{name}.py" if (base / f"{name}.py").exists() else base / "__init__.py"


def circle_of(graph):
    """Nodes of a circle in a graph of sets, the first one again at the end; None where there is none."""
    done, trail = set(), []

    def visit(node):
        if node in trail:
            return [*trail[trail.index(node) :], node]
        if node in done:
            return None
        trail.append(node)
        found = next((circle for after in sorted(graph[node]) if (circle := visit(after))), None)
        trail.pop()
        done.add(node)
        return found

    return next((circle for node in sorted(graph) if (circle := visit(node))), None)


def test_there_is_no_circle_between_files():
    """Imports inside functions and under TYPE_CHECKING count. An `__init__` re-exports its room and is left out."""
    graph = {path: {m for m in modules(path) if m.name != "__init__.py"} for path, _ in files()}
    assert circle_of(graph) is None


def test_a_circle_is_found():
    assert circle_of({"a": {"b"}, "b": {"c"}, "c": {"b"}}) == ["b", "c", "b"]
    assert circle_of({"a": {"b", "c"}, "b": {"c"}, "c": set()}) is None


def test_no_recipe_imports_another():
    for path in (PACKAGE / "recipes").glob("*/*.py"):
        for module, _ in imports(path):
            assert not module.startswith("zerosum.recipes"), path


def python(code):
    return subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout.split()


@pytest.mark.parametrize(
    "words",
    [["--help"], ["--version"], ["list", "recipes"], ["train"], ["train", "--help"], ["nonsense"]],
    ids=" ".join,
)
def test_the_light_commands_import_no_torch(words):
    code = f"import sys; from zerosum.cli import main; main({words!r}); print('torch' in sys.modules, file=sys.stderr)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert done.stderr.split()[-1] == "False", done.stderr


def test_importing_the_package_imports_no_torch():
    assert python("import sys, zerosum; dir(zerosum); print('torch' in sys.modules)") == ["False"]
    assert python("import zerosum as zs; print(zs.train.__name__, zs.Model.__name__)") == ["train", "Model"]


def test_an_unknown_name_of_the_package():
    import zerosum

    with pytest.raises(AttributeError, match="module 'zerosum' has no attribute 'fit'"):
        _ = zerosum.fit


def test_help_costs_little():
    """CPU seconds of the process, the budget of the design; not a timing, a guard against a heavy import."""
    code = (
        "import os, sys; from zerosum.cli import main; main(['--help']);"
        "t = os.times(); print(t.user + t.system, file=sys.stderr)"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True, env={**os.environ})
    assert float(done.stderr) <= 0.5


def test_training_does_not_import_the_compiler():
    """Constructing torch.optim.Adam alone would."""
    code = (
        "import sys, tempfile, zerosum as zs;"
        "zs.train('vanilla', rounds=2, out=tempfile.mkdtemp(), progress=False);"
        "print('torch._dynamo' in sys.modules, 'torchvision' in sys.modules)"
    )
    assert python(code) == ["False", "False"]


def test_a_training_begins_without_what_it_needs_later():
    """Where the output is no terminal; what the first picture needs is there, as it comes before the first round."""
    code = (
        "import os, sys, tempfile, zerosum.cli, zerosum.game;"
        "[os.environ.pop(name, None) for name in ('FORCE_COLOR', 'TTY_COMPATIBLE')];"
        "zerosum.game.Game.play = lambda *_: os._exit(print(*sys.modules, flush=True) or 0);"
        "zerosum.cli.main(['train', 'vanilla', '--rounds', '1', '--out', tempfile.mkdtemp()])"
    )
    done = set(python(code))
    assert "zerosum.training.loop" in done
    later = {"rich", "typeguard", "tomllib", "html", "PIL.ImageDraw", "torch.utils.tensorboard", "torch._dynamo"}
    ours = ("report.report", "api.catalogue", "api.contract", "api.evaluation", "api.explore")
    assert not done & (later | {f"zerosum.{name}" for name in ours})


def test_every_name_of_the_api_is_found_where_it_is_said_to_be():
    from zerosum import api

    for names in api._LATER.values():
        for name in names:
            assert getattr(api, name).__name__ == name
    with pytest.raises(AttributeError, match=r"module 'zerosum.api' has no attribute 'fit'"):
        _ = api.fit


def test_only_the_command_line_prints():
    for path, room in files():
        calls = [n for n in ast.walk(ast.parse(path.read_text())) if isinstance(n, ast.Call)]
        if room != "cli" and path.name != "fetch.py":  # a download shows its progress on a terminal
            assert "print" not in [ast.unparse(call.func) for call in calls], path
