"""Data sets by name, the parameters a name may carry (``ring[modes=25]``), and data of one's own by path."""

from __future__ import annotations

import dataclasses
import functools
import inspect
import math
import re
from collections.abc import Callable
from dataclasses import dataclass
from pathlib import Path

import torch

from zerosum.data import known, toys
from zerosum.data.arrays import Arrays
from zerosum.data.digits import open_digits
from zerosum.data.own import open_own
from zerosum.data.spec import Data
from zerosum.data.splits import SPLITS
from zerosum.data.walk import Progress
from zerosum.errors import DataError, unknown


@dataclass(frozen=True)
class Entry:
    """One line of the catalogue: what it is, and either how it is opened or the distribution it is drawn from.

    Arguments:
        text: What it is, in words.
        open: ``(split, seed, device, root) -> Data``, for what is read.
        distribution: Makes the distribution from a toy's parameters, for what is drawn.
    """

    text: str
    open: Callable[[str, int | None, torch.device, Path], Arrays] | None = None
    distribution: Callable[..., toys.GaussianMixture] | None = None


CATALOG: dict[str, Entry] = {
    "digits": Entry("1,797 handwritten digits, 8x8 grey, 10 classes, inside the package", open=open_digits),
    "mnist": Entry("70,000 handwritten digits, 28x28 grey, 10 classes", open=known.open_mnist),
    "fashion-mnist": Entry(
        "70,000 articles of clothing, 28x28 grey, 10 classes",
        open=functools.partial(known.open_mnist, name="fashion-mnist"),
    ),
    "usps": Entry("9,298 digits of post codes, 16x16 grey, 10 classes", open=known.open_usps),
    "cifar10": Entry("60,000 photographs, 32x32 colour, 10 classes", open=known.open_cifar10),
    "gaussian": Entry("toy: one Gaussian on the line", distribution=toys.gaussian),
    "mixture": Entry("toy: equally spaced Gaussians on the line", distribution=toys.mixture),
    "ring": Entry("toy: Gaussians on a circle", distribution=toys.ring),
    "grid": Entry("toy: a square grid of Gaussians", distribution=toys.grid),
}


def open_data(
    name: str,
    split: str = "train",
    seed: int | None = None,
    device: torch.device | None = None,
    root: Path | str | None = None,
    progress: Progress | None = None,
) -> Data:
    """Open one split of a data set.

    Arguments:
        name: A name of the catalogue (a toy's may carry parameters, ``ring[modes=25, std=0.01]``), or the path of idx
            files, an array, or a folder or an archive of images (:mod:`zerosum.data.own`), which may carry what its
            images are to become, ``photos.zip[size=64]`` (:class:`~zerosum.data.image_options.Asked`).
        split: ``train``, ``valid`` or ``test``.
        seed: Of the order; None for the stored order.
        device: Where batches are made; the CPU by default.
        root: The folder known data sets lie in, or are downloaded to; :func:`~zerosum.data.known.data_root` says
            which by default.
        progress: Told after every image of one's own that is prepared.

    Raises:
        DataError: An unknown name, split or parameter, or a parameter out of range; files that are not there, or
            cannot be used.

    Examples:
        >>> open_data("digits", "test").batch(0, 5)["x"].shape
        torch.Size([5, 1, 8, 8])
    """
    if split not in SPLITS:
        raise DataError(unknown("split", split, SPLITS))
    device = device or torch.device("cpu")
    if own := own_of(name):
        path, given = own
        return open_own(path, split, seed, device, given, progress)
    parts = re.fullmatch(r"\s*([^\[\]]+?)\s*(?:\[(.*)\])?\s*", name)
    if parts is None:
        raise DataError(f"data must be a name or name[parameter=value, ...], got {name!r}.")
    base, given = parts[1], parts[2]
    if base not in CATALOG:
        raise DataError(_missing(base))
    entry = CATALOG[base]
    if entry.distribution is None:
        assert entry.open is not None
        opened = entry.open(split, seed, device, known.data_root(root))
        return opened if given is None else _binarized(opened, base, given)
    defaults = {p.name: p.default for p in inspect.signature(entry.distribution).parameters.values()}
    values = defaults | _parameters(base, given or "", defaults)
    full = f"{base}[{', '.join(f'{key}={value}' for key, value in values.items())}]"
    return toys.Toy(full, entry.distribution(**values), split, seed, device)


def _binarized(data: Arrays, base: str, given: str) -> Data:
    """Images of the catalogue made binary, as ``[binary=threshold]`` or ``[binary=random]`` asks.

    Raises:
        DataError: Something else stands in brackets.
    """
    key, _, how = (part.strip() for part in given.partition("="))
    if key != "binary" or how not in ("threshold", "random"):
        raise DataError(f"data {base!r} takes [binary=threshold] or [binary=random] alone, got [{given}].")
    made = data.binarized(how)  # type: ignore[arg-type]
    made.spec = dataclasses.replace(made.spec, name=f"{base}[binary={how}]")
    return made


def own_of(name: str) -> tuple[Path, str] | None:
    """The path of data of one's own, and the text in brackets after it; None where the name is no path.

    The names of the catalogue come first, and a path that ends with brackets itself.
    """
    if name in CATALOG:
        return None
    path = Path(name).expanduser()
    if path.exists():
        return path, ""
    parts = re.fullmatch(r"(.+?)\s*\[([^\[\]]*)\]\s*", name, re.DOTALL)
    if parts is None or parts[1] in CATALOG:
        return None
    path = Path(parts[1]).expanduser()
    return (path, parts[2]) if path.exists() else None


def _missing(name: str) -> str:
    if any(sign in name for sign in "/\\."):
        return f"there is no data at {name!r}; give a path, or the name of a data set ({', '.join(sorted(CATALOG))})."
    return unknown("data set", name, CATALOG)


def _parameters(base: str, given: str, known: dict[str, float]) -> dict[str, float]:
    values: dict[str, float] = {}
    for item in filter(None, (item.strip() for item in given.split(","))):
        key, equals, text = (part.strip() for part in item.partition("="))
        if key not in known:
            raise DataError(f"data {base!r}: " + unknown("parameter", key, known))
        kind = type(known[key])
        try:
            value = kind(text)
        except ValueError:
            value = math.nan
        least = 0 if key == "std" else 1 if kind is int else -math.inf
        if not equals or not math.isfinite(value) or value < least or (key == "std" and value == 0):
            bound = "a positive number" if key == "std" else "a whole number >= 1" if kind is int else "a number"
            raise DataError(f"data {base!r}: {key} must be {bound}, got {text!r}.")
        values[key] = value
    return values
