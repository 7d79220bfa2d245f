"""Data that cannot be used, as a user meets it: one sentence that names the file, exit code 3, nothing written."""

import json
import os
import subprocess
import sys
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


@pytest.mark.fault
@pytest.mark.parametrize("count", [1, 3])
def test_few_images_train_with_a_warning_and_end(capsys, count):
    """Fewer than a batch: a smaller batch, and never none; one image: it will be learned by heart, loudly."""
    Path("mine").mkdir()
    for n in range(count):
        Image.new("RGB", (8, 8), (n * 60, 90, 120)).save(f"mine/{n}.png")
    code, out, err = answer(capsys, "train", "auto", "--data", "mine", "--rounds", "2", "--out", "run")
    assert code == 0, err
    said = out + err
    assert f"{count} training examples only: the networks will learn them by heart (overfit)" in said
    assert f"training on batches of {count}" in said
    assert "done: round 2" in said


@pytest.mark.fault
def test_names_in_any_script_train_are_logged_and_go_on_in_an_ascii_locale():
    """Spaces, a line break, 255 bytes, twins of two normal forms, and bytes that are no text, under LC_ALL=C."""
    folder = Path("meine Katzen 猫")
    folder.mkdir()
    names = ["a b.png", "zwei\nZeilen.png", "x" * 251 + ".png", "caf\u00e9.png", "cafe\u0301.png", "кошка.png"]
    for n, name in enumerate(names * 2):
        Image.new("L", (8, 8), 20 * n).save(folder / (name if n < len(names) else f"{n}{name[:200]}.png"))
    bytes_name = os.fsencode(folder) + b"/\xff\xfe.png"
    Path(os.fsdecode(bytes_name)).write_bytes((folder / "a b.png").read_bytes())
    environment = {**os.environ, "LC_ALL": "C", "PYTHONUTF8": "0", "PYTHONPATH": str(Path(__file__).parents[2])}
    command = [sys.executable, "-m", "zerosum", "train", "dcgan", "--data", str(folder), "--out", "run", "--width", "4"]
    for rounds in ("2", "4"):
        child = subprocess.run([*command, "--rounds", rounds], env=environment, capture_output=True, check=False)
        assert child.returncode == 0, child.stderr
        assert f"round {rounds}".encode() in child.stdout
    record = json.loads(Path("run/config.json").read_text())
    assert record["data"]["spec"]["name"].encode("utf-8", "surrogateescape") == folder.name.encode()
    bad = os.fsdecode(os.fsencode(folder) + b"/\xfe.png")
    Path(bad).write_bytes(b"no image")
    child = subprocess.run([*command, "--rounds", "6"], env=environment, capture_output=True, check=False)
    assert child.returncode == 3
    assert b"1 bad file (" in child.stderr
    assert b"Traceback" not in child.stderr
