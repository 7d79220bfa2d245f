"""Data that cannot be used, as a user meets it: one sentence that names the file, exit code 3, nothing written."""

from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.cli.commands import answer
from tests.data.test_idx import idx
from zerosum.data import known

X = np.zeros((20, 4, 4), np.uint8)


def cut_short():
    Path("images.idx").write_bytes(idx(X)[:-7])
    return "images.idx", "images.idx is cut short: 20x4x4 uint8 take 336 bytes, it has 329"


def wrong_type():
    Path("images.idx").write_bytes(idx(X.astype(np.int32)))
    return "images.idx", "images.idx holds int32; images are uint8, or float in [0, 1]"


def no_idx():
    Path("images.gz").write_bytes(b"what somebody called so")
    return "images.gz", "images.gz is no idx file"


def labels_of_another_length():
    Path("train-images-idx3-ubyte").write_bytes(idx(X))
    Path("train-labels-idx1-ubyte").write_bytes(idx(np.zeros(19, np.uint8)))
    return "train-images-idx3-ubyte", "train-labels-idx1-ubyte has 19 labels for the 20 images of"


def empty_folder():
    Path("mine").mkdir()
    return "mine", "mine holds no images"


def mixed_sizes():
    Path("mine").mkdir()
    for side in (4, 5):
        Image.new("L", (side, side)).save(f"mine/{side}.png")
    return "mine", "images of several sizes: 4.png is 4x4, 5.png is 5x5; make them of one size"


def nothing_there():
    return "./mine", "there is no data at './mine'; give a path, or the name of a data set"


def not_finite():
    np.save("mine.npy", np.full((20, 4, 4), np.nan))
    return "mine.npy", "example 0 of mine.npy is not finite"


CASES = (cut_short, wrong_type, no_idx, labels_of_another_length, empty_folder, mixed_sizes, nothing_there, not_finite)


@pytest.mark.fault
@pytest.mark.parametrize("make", CASES, ids=lambda make: make.__name__)
def test_it_is_named_and_nothing_is_written(capsys, make):
    data, message = make()
    code, _, err = answer(capsys, "train", "gan", "--data", data, "--out", "run")
    assert code == 3
    assert message in err
    assert err.count("\n") == 1
    assert not Path("run").exists()


@pytest.mark.fault
def test_a_known_data_set_offline_and_absent(capsys, monkeypatch):
    monkeypatch.setitem(known.MIRRORS, "mnist", ("http://127.0.0.1:9/",))
    code, _, err = answer(capsys, "train", "gan", "--data", "mnist", "--data-root", "root", "--out", "run")
    assert code == 3
    assert "data 'mnist' is not in root/mnist and cannot be downloaded" in err
    assert "put train-images-idx3-ubyte.gz, train-labels-idx1-ubyte.gz, t10k-" in err
    assert "say with --data-root where the folder mnist lies" in err
    assert not Path("run").exists()


def test_a_folder_is_trained_on_with_one_command(capsys):
    Path("mine").mkdir()
    for i, image in enumerate(np.random.default_rng(0).integers(0, 256, (150, 6, 5, 3), dtype=np.uint8)):
        Image.fromarray(image).save(f"mine/{i}.png")
    small = ("--hidden", "8", "--units", "8", "--rounds", "3")
    code, out, _ = answer(capsys, "train", "gan", "--data", "mine", *small)
    assert code == 0
    assert "parzen[n=10000, grid=fine, split=test] = " in out
    assert Path("runs/gan-mine/config.json").is_file()
    assert answer(capsys, "train", "gan", "--data", "./mine/", *small)[0] == 0  # the same run
    assert answer(capsys, "evaluate", "runs/gan-mine", "--metrics", "neighbour_distance")[0] == 0


def test_a_variant_s_own_settings_stand_whatever_a_file_says_of_others(capsys):
    """A default that hangs on another option is settled when file and command line have both been read."""
    Path("run.toml").write_text('data = "digits"\nrounds = 1\nlatent = 4\n')
    words = ("--config", "run.toml", "--variant", "cifar_mlp", "--hidden", "8", "--units", "8", "--dry-run")
    code, out, _ = answer(capsys, "train", "gan", *words)
    assert code == 0
    said = dict(line.split() for line in out.splitlines() if line.startswith("--"))
    assert (said["--learning-rate"], said["--prior"], said["--latent"]) == ("0.025", "normal", "4")
