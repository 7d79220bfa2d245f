"""One published system per file: ``Config``, the paper's settings, and ``build(config, spec) -> Experiment``.

A recipe never imports another; what two need moves up a room. Listing recipes reads their files without importing
them.
"""

from __future__ import annotations

import ast
import importlib
from pathlib import Path
from types import ModuleType

from zerosum.errors import ConfigError, unknown

_FOLDER = Path(__file__).parent


def names() -> list[str]:
    """The recipes there are."""
    return sorted(path.stem for path in _FOLDER.glob("*.py") if not path.stem.startswith("_"))


def summary(name: str) -> str:
    """The first line of a recipe's docstring, without importing it."""
    return (ast.get_docstring(ast.parse((_FOLDER / f"{name}.py").read_text())) or "").partition("\n")[0]


def summaries() -> dict[str, str]:
    """The recipes by name, with their first lines."""
    return {name: summary(name) for name in names()}


def find(name: str) -> ModuleType:
    """The module of a recipe.

    Raises:
        ConfigError: There is none of that name; the message gives the nearest.
    """
    if name not in names():
        raise ConfigError(unknown("recipe", name, names()))
    return importlib.import_module(f"{__name__}.{name}")
