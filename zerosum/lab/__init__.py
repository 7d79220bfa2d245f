"""The theory laboratory: small games whose dynamics can be computed, and scenes that show a claim.

A scene is a module with ``Config``, ``cost(config) -> Cost`` and ``play(config) -> Exhibit``.
"""

import importlib
from types import ModuleType

from zerosum.lab.exhibit import Exhibit as Exhibit
from zerosum.lab.spectrum import spectrum as spectrum, update_map as update_map
from zerosum.training.settings import with_threads as with_threads

SCENES = ("learning-process", "order", "ratio", "blur", "bilinear", "dirac", "saturation")
"""The scenes of ``zerosum lab``."""


def scene(name: str) -> ModuleType:
    """The module of a scene."""
    return importlib.import_module(f"zerosum.lab.{name.replace('-', '_')}")


def summary(name: str) -> str:
    """The first line of a scene's docstring."""
    return (scene(name).__doc__ or "").partition("\n")[0]
