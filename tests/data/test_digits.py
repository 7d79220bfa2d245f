"""The embedded digits."""

import torch

from zerosum.data import open_data


def everything(split):
    data = open_data("digits", split)
    return data, data.batch(0, data.count)


def test_splits_are_1297_200_300_without_overlap():
    parts = [everything(split)[1] for split in ("train", "valid", "test")]
    assert [len(p["x"]) for p in parts] == [1297, 200, 300]
    labels = torch.cat([p["label"] for p in parts])
    assert torch.bincount(labels).tolist() == [178, 182, 177, 183, 181, 182, 181, 179, 174, 180]
    rows = torch.cat([p["x"].flatten(1) for p in parts])
    assert len(torch.unique(rows, dim=0)) == len(rows)


def test_images_are_grey_8x8_in_0_1():
    data, batch = everything("train")
    assert data.spec.shape == (1, 8, 8)
    assert batch["x"].shape == (1297, 1, 8, 8)
    assert batch["x"].min() == 0
    assert batch["x"].max() == 1
    levels = torch.unique((batch["x"] * 255).round())
    assert levels.tolist() == [round(v * 255 / 16) for v in range(17)]


def test_every_split_has_every_class():
    for split in ("train", "valid", "test"):
        assert len(torch.unique(everything(split)[1]["label"])) == 10
