"""Recipes, one published system per file in a folder per group: ``Config`` and ``build(config, spec) -> Experiment``.

A recipe never imports another; what two need moves up a room. Listing recipes reads their files without importing
them. A user's own recipe is a file of the same shape, named by its path.
"""

from __future__ import annotations

import ast
import dataclasses
import functools
import hashlib
import importlib
import sys
import traceback
from dataclasses import dataclass
from pathlib import Path
from types import ModuleType

from zerosum.errors import ConfigError, unknown

_FOLDER = Path(__file__).parent

AUTO = "auto"
"""In the place of a recipe's name: one is chosen."""


def names() -> list[str]:
    """The recipes there are."""
    return sorted(_files())


def groups() -> dict[str, list[str]]:
    """Recipes by group, in the order of :data:`GROUPS`; a group without recipes is left out."""
    found: dict[str, list[str]] = {group: [] for group in GROUPS}
    for name, path in sorted(_files().items()):
        found[path.parent.name].append(name)
    return {group: names for group, names in found.items() if names}


def group_of(name: str) -> str:
    """The group that a recipe is in: the name of its folder."""
    return path_of(name).parent.name


GROUPS = {
    "gan": "generator against discriminator",
    "objectives": "other objectives of the two players",
    "conditional": "labels",
    "inference": "inference networks and few labels",
    "translation": "from picture to picture",
    "variational": "a bound on the density",
    "likelihood": "an exact density",
    "energy": "a density up to a constant, samples by a Markov chain",
    "sequence": "words and sounds",
    "play": "actions, agents and environments",
}
"""Groups of recipes, with a line each."""


@functools.cache
def _files() -> dict[str, Path]:
    return {path.stem: path for path in _FOLDER.glob("*/*.py") if not path.stem.startswith("_")}


def summary(name: str) -> str:
    """The first line of a recipe's docstring, without importing it.

    Raises:
        ConfigError: The path of a file that cannot be read or is no Python.
    """
    tree = _parsed(_own(name).text, Path(name)) if is_own(name) else ast.parse(path_of(name).read_text())
    return (ast.get_docstring(tree) or "").partition("\n")[0]


BRANCHES = {
    "adversarial": "adversarial nets: no density, samples in one step",
    "variational": "variational: a bound on the density",
    "flow": "flows: an exact density, samples in one step",
    "autoregressive": "autoregressive: an exact density, samples piece by piece",
    "energy": "Boltzmann machines: a density up to a constant, samples by a Markov chain",
    "markov": "stochastic networks: no density, samples by a Markov chain",
}
"""The taxonomy of generative models (NIPS 2016 Tutorial: Generative Adversarial Networks, Goodfellow, 2016, figure 9,
https://arxiv.org/abs/1701.00160), with what each branch gives."""


def branch(name: str) -> str:
    """The branch of the taxonomy that a recipe is in: its constant ``BRANCH``, without importing it."""
    return _constant(name, "BRANCH", "adversarial")


def needs(name: str) -> str:
    """The data that a recipe takes: its constant ``NEEDS``, without importing it.

    ``examples`` are any; ``images`` are square and of a side that convolutions halve, ``images with labels`` have
    labels too.
    """
    return _constant(name, "NEEDS", "examples")


def _constant(name: str, constant: str, default: str) -> str:
    for node in ast.parse(path_of(name).read_text()).body:
        if isinstance(node, ast.Assign) and [ast.unparse(target) for target in node.targets] == [constant]:
            return str(ast.literal_eval(node.value))
    return default


def path_of(name: str) -> Path:
    """The file of a recipe.

    Raises:
        ConfigError: There is none of that name; the message gives the nearest.
    """
    if name not in names():
        hint = "" if not Path(f"{name}.py").is_file() else f" Your own recipe is named by its file: {name}.py."
        raise ConfigError(unknown("recipe", name, names()) + hint)
    return _files()[name]


def find(name: str) -> ModuleType:
    """The module of a recipe.

    Arguments:
        name: A name, or the path of a user's own recipe, which ends with ``.py`` and is run.

    Raises:
        ConfigError: There is none of that name (the message gives the nearest), or the file is no recipe.
    """
    if is_own(name):
        return run(_own(name))
    return importlib.import_module(f"{__name__}.{group_of(name)}.{name}")


# -- a user's own --------------------------------------------------------------------------------------------------


@dataclass(frozen=True)
class Code:
    """The code of a user's own recipe.

    Attributes:
        path: Its file, absolute.
        text: The file's content.
    """

    path: Path
    text: bytes

    @property
    def sha256(self) -> str:
        """Of the content."""
        return hashlib.sha256(self.text).hexdigest()


_RUN: dict[str, Code] = {}
"""Code that has been run, by the name of its module."""


def is_own(name: str) -> bool:
    """Whether a recipe is named by its file."""
    return name.endswith(".py")


def code(module: ModuleType) -> Code | None:
    """The code a module was made of, where it is a user's own recipe."""
    return _RUN.get(module.__name__)


def run(code: Code) -> ModuleType:
    """The module of a user's recipe. It is run, so only for code the user named or trusts.

    Raises:
        ConfigError: It fails, with the line it fails in, or it is no recipe.
    """
    module = ModuleType(f"zerosum_recipe_{code.sha256[:16]}")
    module.__file__ = str(code.path)
    # Dataclasses look up their module by name when their types are asked for.
    sys.modules[module.__name__] = module
    _RUN[module.__name__] = code
    compiled = compile(_parsed(code.text, code.path), str(code.path), "exec")
    try:
        exec(compiled, module.__dict__)
    except Exception as error:
        raise ConfigError(f"{place(error)}: {reason(error)}") from error
    config = getattr(module, "Config", None)
    if not (isinstance(config, type) and dataclasses.is_dataclass(config)):
        raise ConfigError(f"{code.path} is no recipe: it has no dataclass Config; zerosum copy RECIPE FILE makes one.")
    if not callable(getattr(module, "build", None)):
        raise ConfigError(f"{code.path} is no recipe: it has no function build(config, spec).")
    fields = dataclasses.fields(config)
    for field in fields:
        if field.default is dataclasses.MISSING and field.default_factory is dataclasses.MISSING:
            raise ConfigError(f"{code.path}: Config's field {field.name!r} needs a default.")
    if "batch_size" not in {field.name for field in fields}:
        raise ConfigError(f"{code.path}: Config needs a field batch_size, the real examples in each update.")
    return module


def place(error: BaseException) -> str | None:
    """The file and line of a user's own recipe that raised an error; None if none did."""
    files = {str(code.path) for code in _RUN.values()}
    for frame in reversed(traceback.extract_tb(error.__traceback__)):
        if frame.filename in files:
            inside = "" if frame.name == "<module>" else f", in {frame.name}"
            return f"{_short(Path(frame.filename))}, line {frame.lineno}{inside}"
    return place(error.__cause__) if error.__cause__ else None


def reason(error: Exception) -> str:
    """The message of an error: a sentence of ours as it is, anything else with its kind."""
    said = str(error).partition("\n")[0]
    return said if isinstance(error, ValueError) else f"{type(error).__name__}: {said}"


def _own(name: str) -> Code:
    path = Path(name).expanduser()
    try:
        return Code(path.resolve(), path.read_bytes())
    except OSError as error:
        raise ConfigError(f"recipe {name} cannot be read ({error.strerror}).") from None


def _parsed(text: bytes, path: Path) -> ast.Module:
    try:
        return ast.parse(text, str(path))
    except SyntaxError as error:
        line = f", line {error.lineno}" if error.lineno else ""
        raise ConfigError(f"{_short(path)}{line}: {error.msg}.") from None
    except ValueError as error:  # not the encoding it names
        raise ConfigError(f"{_short(path)}: {error}.") from None


def _short(path: Path) -> str:
    return str(path.relative_to(Path.cwd()) if path.is_relative_to(Path.cwd()) else path)
