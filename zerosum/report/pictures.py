"""Pictures of a run: the preview of an experiment, and examples of a field as its kind draws them."""

from __future__ import annotations

import io

from PIL import Image
from torch import Tensor

from zerosum.data import Data, Field
from zerosum.data.kinds.image import grid as grid
from zerosum.training import Experiment


def preview(experiment: Experiment, data: Data, seed: int) -> bytes:
    """The preview of an experiment: samples of fixed latents, over real examples where the kind draws them so.

    Arguments:
        experiment: What is trained.
        data: The training split in stored order.
        seed: Of the latents.

    Returns:
        A PNG file.
    """
    kind = data.spec.kind
    reals = data.batch(0, kind.shown)["x"] if kind.over_reals else None
    return png(picture(experiment.pictured(kind.shown, seed), data.spec.x, reals))


def picture(samples: Tensor, field: Field, reals: Tensor | None = None) -> Image.Image:
    """Examples of a field as its kind draws them.

    Arguments:
        samples: (n, ...).
        field: What they are.
        reals: Real examples, which some kinds draw behind generated ones.

    Raises:
        ValueError: Nothing is drawn of this kind.
    """
    if field.kind.picture is None:
        raise ValueError(f"values of kind {field.kind.name!r} have no picture; write them as arrays (.npz).")
    return field.kind.picture(samples, reals)


def png(image: Image.Image) -> bytes:
    """The picture as the bytes of a PNG file."""
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()
