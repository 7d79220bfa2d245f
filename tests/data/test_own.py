"""Data of one's own: every form it may come in, how it is split, and what is said of what cannot be used."""

import numpy as np
import pytest
import torch
from PIL import Image

from tests.data.test_idx import idx
from tests.data.test_known import mnist
from zerosum.data import open_data
from zerosum.errors import DataError

SPLITS = ("train", "valid", "test")


def pixels(n=40, side=4, channels=None, seed=0):
    shape = (n, side, side) if channels is None else (n, side, side, channels)
    return np.random.default_rng(seed).integers(0, 256, shape, dtype=np.uint8)


def everything(path):
    """All examples of all splits as a set of bytes, and the size of each split."""
    found, sizes = [], []
    for split in SPLITS:
        data = open_data(str(path), split)
        found += [x.numpy().tobytes() for x in data.batch(0, data.count)["x"]]
        sizes.append(data.count)
    return set(found), sizes


@pytest.mark.parametrize("layout", ["grey", "last", "first"])
@pytest.mark.parametrize("kind", ["uint8", "float"])
@pytest.mark.parametrize("form", ["npy", "npz", "npz with labels"])
def test_arrays(layout, kind, form):
    x = pixels(channels=None if layout == "grey" else 3)
    right = x[:, None] if layout == "grey" else x.transpose(0, 3, 1, 2)
    given = right if layout == "first" else x
    if kind == "float":
        given = (given / 255).astype(np.float32)
    if form == "npy":
        np.save("mine.npy", given)
    else:
        np.savez("mine.npz", x=given, **({"y": np.arange(40) % 3} if "labels" in form else {}))
    path = f"mine.{form[:3]}"
    data = open_data(path)
    assert data.spec.name == "mine"
    assert data.spec.kind.name == "image"
    assert data.spec.shape == right.shape[1:]
    assert data.spec.classes == (3 if "labels" in form else None)
    found, sizes = everything(path)
    assert found == {(image / 255).astype(np.float32).tobytes() for image in right}
    assert sum(sizes) == 40
    assert sizes[0] == data.spec.count
    batch = data.batch(0, data.count)
    if "labels" in form:
        place = {image.astype(np.float32).tobytes(): i for i, image in enumerate((right / 255).astype(np.float32))}
        assert [place[x.numpy().tobytes()] % 3 for x in batch["x"]] == batch["label"].tolist()


def test_points():
    np.save("points.npy", np.random.default_rng(0).normal(size=(100, 3)))
    data = open_data("points.npy")
    assert (data.spec.kind.name, data.spec.shape) == ("points", (3,))
    assert float(data.batch(0, 50)["x"].min()) < 0


def test_booleans_are_black_and_white():
    np.save("masks.npy", pixels() > 127)
    assert open_data("masks.npy").batch(0, 5)["x"].unique().tolist() == [0, 1]


def test_an_array_of_another_name_in_an_archive():
    np.savez("one.npz", pictures=pixels())
    assert open_data("one.npz").spec.shape == (1, 4, 4)


@pytest.mark.parametrize("labels", [True, False])
def test_an_idx_file(tmp_path, labels):
    (tmp_path / "train-images-idx3-ubyte").write_bytes(idx(pixels()))
    if labels:
        (tmp_path / "train-labels-idx1-ubyte").write_bytes(idx((np.arange(40) % 10).astype(np.uint8)))
    data = open_data(str(tmp_path / "train-images-idx3-ubyte"))
    assert data.spec.shape == (1, 4, 4)
    assert data.spec.classes == (10 if labels else None)


def test_a_folder_of_idx_files_keeps_its_test_set(tmp_path):
    folder = mnist(tmp_path, "letters", train=200, test=30) / "letters"
    assert open_data(str(folder), "test").count == 30
    sizes = [open_data(str(folder), split).count for split in ("train", "valid")]
    assert sum(sizes) == 200
    assert 0 < sizes[1] < 60
    assert open_data(str(folder)).spec.name == "letters"


@pytest.mark.parametrize("mode", ["L", "1", "LA", "RGB", "RGBA", "P", "CMYK"])
@pytest.mark.parametrize("ending", ["png", "tif"])
def test_a_folder_of_images(tmp_path, mode, ending):
    if mode == "CMYK" and ending == "png":
        pytest.skip("PNG has no CMYK")
    folder = tmp_path / "sprites"
    folder.mkdir()
    grey = mode in ("L", "1", "LA")
    for i, image in enumerate(pixels(20, 6, 3)):
        Image.fromarray(image).convert("L" if grey else "RGB").convert(mode).save(folder / f"{i:02}.{ending}")
    (folder / "notes.txt").write_text("not an image")
    (folder / ".hidden.png").write_text("not an image")
    data = open_data(str(folder))
    assert data.spec.name == "sprites"
    assert data.spec.shape == ((1 if grey else 3), 6, 6)
    _, sizes = everything(folder)
    assert sum(sizes) == 20
    assert min(sizes) >= 1


def test_images_are_what_they_were(tmp_path):
    x = pixels(20, 6, 3)
    for i, image in enumerate(x):
        Image.fromarray(image).save(tmp_path / f"{i:02}.png")
    found, _ = everything(tmp_path)
    assert found == {(torch.from_numpy(image.transpose(2, 0, 1).copy()).float() / 255).numpy().tobytes() for image in x}


def test_sixteen_bits_are_read_as_eight(tmp_path):
    x = np.arange(36, dtype=np.uint16).reshape(6, 6) * (65535 // 35)
    Image.fromarray(x).save(tmp_path / "a.png")
    (image,) = open_data(str(tmp_path)).batch(0, 1)["x"]
    assert image.shape == (1, 6, 6)
    assert np.abs(image[0].numpy() - x / 65535).max() <= 0.5 / 255 + 1e-6


def test_what_is_clear_becomes_white(tmp_path):
    """Whatever colour lies hidden there."""
    image = Image.new("RGBA", (2, 1), (255, 0, 0, 255))
    image.putpixel((1, 0), (0, 0, 255, 0))
    image.save(tmp_path / "a.png")
    (read,) = open_data(str(tmp_path)).batch(0, 1)["x"]
    assert read[:, 0].T.tolist() == [[1, 0, 0], [1, 1, 1]]


def test_one_colour_image_makes_the_folder_colour(tmp_path):
    for i, image in enumerate(pixels(12)):
        Image.fromarray(image).save(tmp_path / f"{i}.png")
    Image.new("RGB", (4, 4), (255, 0, 0)).save(tmp_path / "red.png")
    assert open_data(str(tmp_path)).spec.shape == (3, 4, 4)


def test_an_image_is_turned_as_its_camera_says(tmp_path):
    image = Image.new("L", (4, 6))
    exif = Image.Exif()
    exif[0x0112] = 6  # a quarter turn
    image.save(tmp_path / "a.jpg", exif=exif)
    assert open_data(str(tmp_path)).spec.shape == (1, 4, 6)


def test_an_example_stays_in_its_split_when_others_come(tmp_path):
    def of(split):
        data = open_data(str(tmp_path), split)
        return {x.numpy().tobytes() for x in data.batch(0, data.count)["x"]}

    def save(images, start):
        for i, image in enumerate(images, start):
            Image.fromarray(image).save(tmp_path / f"{i}.png")

    save(pixels(60), 0)
    before = {split: of(split) for split in SPLITS}
    save(pixels(40, seed=1), 60)
    after = {split: of(split) for split in SPLITS}
    assert all(before[split] <= after[split] for split in SPLITS)
    assert sum(map(len, after.values())) == 100


def test_equal_examples_are_in_one_split():
    x = pixels(30)
    np.save("twice.npy", np.concatenate([x, x]))
    seen = {}
    for split in SPLITS:
        data = open_data("twice.npy", split)
        for example in data.batch(0, data.count)["x"]:
            assert seen.setdefault(example.numpy().tobytes(), split) == split


@pytest.mark.parametrize("n", [10, 11, 15])
def test_ten_examples_fill_every_split(n):
    for seed in range(30):
        np.save(f"few{seed}.npy", pixels(n, seed=seed))
        _, sizes = everything(f"few{seed}.npy")
        assert min(sizes) >= 1


@pytest.mark.fault
def test_fewer_than_ten_are_all_trained_on():
    np.save("few.npy", pixels(9))
    assert open_data("few.npy").count == 9
    with pytest.raises(DataError, match=r"few.npy has no test split: of its 9 examples none is held out.*ten or more"):
        open_data("few.npy", "test")


@pytest.mark.fault
def test_a_folder_without_images(tmp_path):
    folder = tmp_path / "empty"
    folder.mkdir()
    with pytest.raises(DataError, match=r"empty holds no images \(\.avif, \.bmp, .*\); put some there\."):
        open_data(str(folder))
    (folder / "notes.txt").write_text("x")
    with pytest.raises(DataError, match="empty holds no images"):
        open_data(str(folder))


@pytest.mark.fault
def test_images_that_do_not_fit_together_or_cannot_be_read(tmp_path):
    Image.new("L", (4, 4)).save(tmp_path / "a.png")
    Image.new("L", (5, 4)).save(tmp_path / "b.png")
    with pytest.raises(
        DataError,
        match=r"of several sizes: a.png is 4x4, b.png is 5x4; make them of one size, or say which .*\[size=64\]",
    ):
        open_data(str(tmp_path))
    (tmp_path / "b.png").write_bytes((tmp_path / "a.png").read_bytes()[:40])
    with pytest.raises(
        DataError,
        match=r"has 1 bad file \(b.png: .*\); mend or remove what is bad, or leave it out with .*\[bad=skip\]",
    ):
        open_data(str(tmp_path))
    (tmp_path / "b.png").write_bytes(b"")
    with pytest.raises(DataError, match=r"1 bad file \(b.png: it is empty\)"):
        open_data(str(tmp_path))
    (tmp_path / "b.png").write_text("a text that is called an image")
    with pytest.raises(DataError, match=r"1 bad file \(b.png: it is in no format of images"):
        open_data(str(tmp_path))
    with pytest.raises(DataError, match=r"a.png is one image; give the folder of your images"):
        open_data(str(tmp_path / "a.png"))


@pytest.mark.fault
@pytest.mark.parametrize("side", [12_000, 60_000])
def test_a_decompression_bomb_is_refused_by_its_header(tmp_path, side):
    import struct
    import zlib

    def chunk(name, data):
        return struct.pack(">I", len(data)) + name + data + struct.pack(">I", zlib.crc32(name + data))

    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    (tmp_path / "bomb.png").write_bytes(b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + chunk(b"IDAT", b"few"))
    with pytest.raises(DataError, match=r"1 bad file \(bomb.png: decompression bomb"):
        open_data(str(tmp_path))


@pytest.mark.fault
@pytest.mark.parametrize(
    ("array", "message"),
    [
        (np.zeros((0, 4, 4), np.uint8), r"holds no examples \(its shape is \(0, 4, 4\)\)"),
        (np.zeros(4, np.uint8), r"holds no examples \(its shape is \(4,\)\)"),
        (np.zeros((4, 5, 6), np.int64), "holds int64; images are uint8, or float in .0, 1."),
        (np.full((4, 5, 6), 255.0), r"values from 255 to 255; images are uint8, or float in \[0, 1\]"),
        (np.full((4, 5, 6), -0.5), "values from -0.5 to -0.5"),
        (np.zeros((4, 5, 6, 7), np.uint8), r"has shape \(4, 5, 6, 7\); images are n x H x W"),
        (np.zeros((4, 3), np.uint8), r"has shape \(4, 3\)"),
        (
            np.where(np.arange(4)[:, None, None] == 2, np.nan, np.zeros((4, 5, 6))),
            "example 2 of .* is not finite .1 such",
        ),
        (np.array([[1.0, np.inf], [0, 0]]), "example 0 of .* is not finite"),
    ],
)
def test_arrays_that_are_no_images(array, message):
    np.save("bad.npy", array)
    with pytest.raises(DataError, match=message):
        open_data("bad.npy")


@pytest.mark.fault
@pytest.mark.parametrize(
    ("arrays", "message"),
    [
        ({"x": pixels(), "y": np.zeros(39, np.int64)}, r"labels int64 of shape \(39,\) for 40 examples.*\(40,\)\."),
        ({"x": pixels(), "y": np.zeros((40, 2), np.int64)}, r"labels int64 of shape \(40, 2\)"),
        ({"x": pixels(), "y": np.zeros(40)}, "labels float64"),
        ({"x": pixels(), "labels": np.full(40, -1)}, "labels are whole numbers from 0"),
        ({"a": pixels(), "b": pixels()}, r"has arrays a, b; save the examples as x"),
        ({}, "has arrays none; save the examples as x"),
    ],
)
def test_archives_that_do_not_fit(arrays, message):
    np.savez("bad.npz", **arrays)
    with pytest.raises(DataError, match=message):
        open_data("bad.npz")


@pytest.mark.fault
@pytest.mark.parametrize("name", ["cut.npy", "cut.npz"])
def test_arrays_cut_short(name):
    (np.save if name.endswith("npy") else np.savez)(name, pixels())
    from pathlib import Path

    Path(name).write_bytes(Path(name).read_bytes()[:-40])
    with pytest.raises(DataError, match=r"cut.np. cannot be read as arrays .*; save it with numpy"):
        open_data(name)


@pytest.mark.fault
def test_pickles_are_not_opened():
    """An object array is a pickle; whatever it holds is not run."""
    np.save("objects.npy", np.array([{"a": 1}, None], dtype=object), allow_pickle=True)
    with pytest.raises(DataError, match=r"objects.npy cannot be read as arrays"):
        open_data("objects.npy")


def test_a_name_of_the_catalogue_comes_before_a_folder_of_that_name(tmp_path):
    (tmp_path / "digits").mkdir()
    assert open_data("digits").spec.name == "digits"
    with pytest.raises(DataError, match="holds no images"):
        open_data("./digits")


def test_a_link_to_nothing_is_a_bad_file_and_named(tmp_path):
    folder = tmp_path / "mine"
    folder.mkdir()
    for number in range(3):
        Image.fromarray(np.full((8, 8), number, np.uint8)).save(folder / f"{number}.png")
    (folder / "z.png").symlink_to(tmp_path / "nowhere.png")
    with pytest.raises(DataError, match=r"1 bad file \(z\.png: No such file or directory\)"):
        open_data(str(folder))
