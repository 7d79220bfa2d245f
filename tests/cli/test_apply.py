"""``zerosum apply``: one result for each image, in bounded memory, and one sentence for each mistake."""

import os
import subprocess
import sys
import zipfile
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

import zerosum as zs
from tests.cli.commands import answer, opened
from tests.training.test_outputs import train

IDENTITY = """
    def translate(net, batch):
        return batch["x"] + 0 * net.translator(
            torch.cat([batch["x"].flatten(1), torch.zeros(len(batch["x"]), spec.classes)], 1)
        )
"""


def draw(path, value, size=(8, 8)):
    path = Path(path)
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.new("L", size, value).save(path)


@pytest.fixture
def identity():
    """A run whose model gives back what it is given."""
    text = (Path(__file__).parents[1] / "models" / "translator.py").read_text()
    start, end = text.index("    def translate("), text.index("    def translator(")
    Path("translator.py").write_text(text[:start] + IDENTITY.lstrip("\n") + "\n" + text[end:])
    return train("translator", rounds=2)


def test_every_image_has_a_result_of_its_name(capsys, identity):
    for n in range(230):  # more than two chunks of 100
        draw(f"photos/{n:03}.png", n)
    draw("photos/deep/er/one.bmp", 99)
    draw("photos/large.png", 40, (30, 20))
    draw("photos/000.bmp", 7)
    Path("photos/notes.txt").write_text("no image")
    Path("photos/broken.png").write_bytes(b"broken")
    code, out, err = answer(capsys, "apply", "run", "photos", "--out", "made")
    assert code == 0
    assert "233 images by apply of round 2: made" in out
    assert "left out broken.png: " in err
    assert len(list(Path("made").rglob("*.png"))) == 233
    for n in range(1, 230):
        assert (np.asarray(opened(f"made/{n:03}.png")) == n).all()
    assert opened("made/deep/er/one.png").size == (8, 8)
    assert (np.asarray(opened("made/large.png")) == 40).all()
    assert {int(np.asarray(opened(f"made/{name}"))[0, 0]) for name in ("000.png", "000.png.png")} == {0, 7}
    assert sorted(p.suffix for p in Path("photos").glob("000.*")) == [".bmp", ".png"]


def test_one_image_an_archive_and_a_loaded_model(capsys, identity):
    draw("one.png", 30)
    assert answer(capsys, "apply", "run", "one.png", "--out", "made")[0] == 0
    assert (np.asarray(opened("made/one.png")) == 30).all()
    with zipfile.ZipFile("photos.zip", "w") as archive:
        archive.write("one.png", "a/one.png")
    told = []
    applied = zs.apply(zs.load("run"), "photos.zip", "more", progress=lambda done, total: told.append((done, total)))
    assert (applied.count, applied.bad, told) == (1, (), [(1, 1)])
    assert (np.asarray(opened("more/a/one.png")) == 30).all()


def test_a_label_of_all_results(capsys):
    train("translator", rounds=2)
    draw("photos/a.png", 100)
    for out, words in (("plain", ()), ("three", ("--label", "3"))):
        assert answer(capsys, "apply", "run", "photos", "--out", out, *words)[0] == 0
    assert (np.asarray(opened("plain/a.png")) != np.asarray(opened("three/a.png"))).any()


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        ((), 2, "zerosum apply RUN PATH needs the folder of a run and the path of images"),
        (("run",), 2, "needs the folder of a run and the path of images"),
        (("nowhere", "photos"), 4, "nowhere is no run folder"),
        (("run", "none"), 3, "there is nothing at none"),
        (("run", "empty"), 3, "empty holds no image that can be read"),
        (("run", "photos", "--out", "photos"), 2, "results go into another folder than the images, got 'photos'"),
        (("run", "photos", "--output", "b_to_a"), 2, "this model has no output 'b_to_a' (it has: apply)"),
        (("run", "photos", "--label", "tree"), 2, "unknown label 'tree'"),
        (("run", "photos", "--outputs", "x"), 2, "unknown option '--outputs'; nearest: --output"),
    ],
)
def test_mistakes(capsys, words, code, message):
    train("translator", rounds=2)
    draw("photos/a.png", 1)
    Path("empty").mkdir()
    got, _, err = answer(capsys, "apply", *words)
    assert (got, message in err) == (code, True), err
    assert "Traceback" not in err


def test_models_that_cannot_be_applied(capsys):
    zs.train("vanilla", data="digits", out="run", rounds=2, progress=False)
    draw("photos/a.png", 1)
    _, _, err = answer(capsys, "apply", "run", "photos")
    assert "this model has no output 'apply'" in err
    _, _, err = answer(capsys, "apply", "run", "photos", "--output", "score")
    assert "apply writes images, and the output 'score' of this model returns none." in err
    _, _, err = answer(capsys, "apply", "run", "photos", "--output", "sample")
    assert "apply gives the model images, and its output 'sample' reads none; use zerosum sample." in err


def test_any_number_of_images_needs_bounded_memory():
    """256x256 colour: 600 results are 450 MiB of float32; the process grows by a fraction of that."""
    code = """
import resource
from pathlib import Path
from PIL import Image
from zerosum import api
from zerosum.data import DataSpec
from zerosum.training import Experiment, Output
from tests.games import plain_gan
same = Output(lambda net, batch: batch["x"], inputs=("x",), chunk=20)
experiment = Experiment(plain_gan()[0], {}, {"apply": same})
model = api.Model(experiment, "test", None, DataSpec.of("big", "image", (3, 256, 256)), 0)
Path("photos").mkdir()
for n in range(600):
    Image.new("RGB", (256, 256), (n % 256, 0, 0)).save(f"photos/{n}.png")
def grown():
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss // 1024
Path("few").mkdir()
for n in range(60):
    Image.new("RGB", (256, 256), (n % 256, 0, 0)).save(f"few/{n}.png")
api.apply(model, "few", "warm")
before = grown()
assert api.apply(model, "photos", "made").count == 600
print(grown() - before)
"""
    root = str(Path(__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": root}
    )
    assert int(done.stdout.split()[-1]) < 150, "MiB"
