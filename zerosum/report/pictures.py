"""Pictures of what a model returns: the preview of a run, and values of a field as its kind draws them."""

from __future__ import annotations

import io

import torch
from PIL import Image
from torch import Tensor
from torch.nn.functional import interpolate

from zerosum.data import Data, Field
from zerosum.data.kinds.image import grid as grid
from zerosum.training import Experiment
from zerosum.training.outputs import joined

SHOWN_PAIRS = 12
"""Examples beside their results in a preview."""


def preview(experiment: Experiment, data: Data, seed: int) -> bytes | None:
    """The preview of an experiment: its first output that returns a field of the data.

    Samples are of fixed latents, over real examples where they are points. An output that reads the data is shown
    beside its input and its target, on the first training examples.

    Arguments:
        experiment: What is trained.
        data: The training split in stored order.
        seed: Of the latents.

    Returns:
        A PNG file; None where no output returns a field of the data.
    """
    name = previewed(experiment, data)
    if name is None:
        return None
    field = data.spec.x
    kind, fields_drawn = field.kind, drawn_fields(data)
    output, priors = experiment.output(name), set(experiment.priors)
    if priors.issuperset(output.inputs):
        n = kind.shown
        made = experiment.pictured(n, seed) if name == "sample" else _of_priors(experiment, name, n, seed, fields_drawn)
        return png(picture(made, field, data.batch(0, n)["x"] if kind.over_reals else None))
    n = SHOWN_PAIRS if kind.spatial else kind.shown
    wanted = {*output.inputs, *([output.target] if output.target else [])}
    batch = experiment.with_derived(data.batch(0, n), wanted)
    fields = {key: value for key, value in batch.items() if key in output.inputs}
    found = output.of_field(joined(experiment.chunks(name, fields, seed)), fields_drawn)
    assert found is not None
    target = batch.get(output.target) if output.target else None
    if not kind.spatial:
        return png(picture(found, field, batch["x"] if target is None else target))
    given = next((value for value in fields.values() if value.ndim == 4), None)
    shown = (given, found, None if output.target in fields else target)
    return png(columns(*(images for images in shown if images is not None)))


def previewed(experiment: Experiment, data: Data) -> str | None:
    """The name of the output that a run is previewed by, or None.

    Arguments:
        experiment: What is trained.
        data: Any split; outputs are passed over that read neither its fields nor priors.
    """
    batch = data.batch(0, 1)
    for name in experiment.outputs:
        output = experiment.output(name)
        known = {*experiment.with_derived(batch, output.inputs), *experiment.priors}
        if output.returns_one_of(drawn_fields(data)) and known.issuperset(output.inputs):
            return name
    return None


def drawn_fields(data: Data) -> tuple[str, ...]:
    """Names of the fields whose kind draws a picture."""
    return tuple(name for name, field in data.spec.fields.items() if field.kind.picture is not None)


def _of_priors(experiment: Experiment, name: str, n: int, seed: int, drawn: tuple[str, ...]) -> Tensor:
    """An output that reads priors alone."""
    output = experiment.output(name)
    batches = experiment.drawn(n, seed)
    parts = ({key: value for key, value in batch.items() if key in output.inputs} for batch in batches)
    found = output.of_field(joined(experiment.part(name, part, i, seed) for i, part in enumerate(parts)), drawn)
    assert found is not None
    return found


def columns(*images: Tensor) -> Image.Image:
    """Images side by side, a row for each example: input, output, target.

    Arguments:
        *images: (n, C, H, W) each; smaller ones are enlarged by nearest neighbours.
    """
    height, width = (max(x.shape[axis] for x in images) for axis in (2, 3))
    channels = images[0].shape[1] if len({x.shape[1] for x in images}) == 1 else 3
    sheets = []
    for x in images:
        x = x.detach().float().cpu()
        if x.shape[1] != channels:
            x = x[:, :3] if x.shape[1] > 3 else x[:, :1].expand(-1, 3, -1, -1)
        sheets.append(interpolate(x, size=(height, width)) if x.shape[2:] != (height, width) else x)
    return grid(torch.stack(sheets, 1).flatten(0, 1), len(images))


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
    return field.kind.picture(samples, field, reals)


def png(image: Image.Image) -> bytes:
    """The picture as the bytes of a PNG file."""
    out = io.BytesIO()
    image.save(out, "PNG")
    return out.getvalue()
