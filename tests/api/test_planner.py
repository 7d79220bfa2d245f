"""The planner: a table of what it chooses, and the command that trains what was chosen."""

import json
import re
import shlex
import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import numpy as np
import pytest
import torch

import zerosum as zs
from tests.cli.commands import answer
from tests.data.test_images import noise
from tests.data.test_scan import archived, put
from zerosum import api, recipes
from zerosum.api import planner
from zerosum.api.planner import choose
from zerosum.errors import ConfigError, DataError
from zerosum.recipes.gan import r3gan
from zerosum.training.planning import Choice, Facts, Machine

CPU, GPU, MADE = Machine("cpu", 2), Machine("cuda", 16, bfloat16=True), Machine("cpu", 2, bfloat16=True)
MINUTES = 60.0


def images(count=5_000, size=(64, 64), **more):
    return Facts("images", count, size, **more)


TABLE = [
    # facts, machine, seconds -> recipe, what images become, settings that matter
    (Facts("points", None), CPU, None, "r1gan", {}, {}),
    (images(), CPU, 1800, "dcgan", {}, {"width": 32, "augment": "diffaugment"}),
    (images(50_000, (28, 28), channels=1, fixed=True), CPU, 600, "dcgan", {}, {"width": 32}),
    (images(6_000, (200, 200)), CPU, 1800, "dcgan", {"size": 64}, {}),
    (images(6_000, (200, 200)), CPU, 300, "dcgan", {"size": 32}, {}),
    (images(6_000, (200, 200)), CPU, 400, "dcgan", {"size": 32}, {}),
    (images(6_000, (200, 200)), MADE, 400, "dcgan", {"size": 64}, {}),
    (images(6_000, (200, 200)), CPU, 5, "dcgan", {"size": 16}, {}),
    (images(6_000, (1024, 768), sizes=90), CPU, 24 * 3600, "dcgan", {"size": 256}, {}),
    (images(6_000, (100, 90), sizes=90), CPU, 24 * 3600, "dcgan", {"size": 64}, {}),
    (images(size=(64, 64), sizes=2), CPU, 1800, "dcgan", {"size": 64}, {}),
    (images(size=(48, 48)), CPU, 1800, "dcgan", {}, {}),
    (images(size=(50, 50)), CPU, 1800, "dcgan", {"size": 32}, {}),
    (images(size=(12, 9), sizes=3), CPU, 1800, "dcgan", {"size": 16}, {}),
    (images(size=(512, 256)), CPU, 1800, "dcgan", {"size": 64}, {}),
    (images(transparent=1.0, channels=4), CPU, 1800, "dcgan", {"colour": "rgba"}, {}),
    (images(transparent=0.01), CPU, 1800, "dcgan", {}, {}),
    (images(transparent=1.0, given=frozenset({"colour"})), CPU, 1800, "dcgan", {}, {}),
    (images(size=(20, 24), fixed=True), CPU, 1800, "mlp_gan", {}, {}),
    (images(size=(32, 32), given=frozenset({"size"})), CPU, 1, "dcgan", {}, {}),
    (images(size=(33, 33), given=frozenset({"size"})), CPU, 1, "mlp_gan", {}, {}),
    (images(classes=2, rarest=2_000), CPU, 1800, "dcgan", {}, {}),
    (images(), GPU, None, "r3gan", {}, {"augment": "adaptive", "width": 256}),
    (images(classes=2, rarest=2_000), GPU, None, "r3gan", {}, {"conditional": True}),
    (images(classes=2_000, rarest=2), GPU, None, "r3gan", {}, {"conditional": None}),
    (images(60_000, (32, 32)), GPU, None, "r3gan", {}, {"augment": None}),
    (images(6_000, (1024, 768), sizes=90), GPU, 1800, "r3gan", {"size": 64}, {}),
    (images(6_000, (1024, 768), sizes=90), GPU, 7200, "r3gan", {"size": 128}, {}),
    (images(6_000, (1024, 768), sizes=90), GPU, 9 * 3600, "r3gan", {"size": 256}, {"gamma": 150.0}),
    (images(60_000, (28, 28), channels=1, fixed=True), GPU, None, "r3gan", {}, {"gamma": 0.5, "final_gamma": 0.05}),
    (images(60_000, (48, 48)), GPU, None, "r3gan", {}, {"gamma": 2.0}),
]


@pytest.mark.parametrize(("facts", "machine", "seconds", "recipe", "data", "settings"), TABLE)
def test_the_table(facts, machine, seconds, recipe, data, settings):
    choice = choose(facts, machine, seconds)
    assert (choice.recipe, choice.data) == (recipe, data)
    assert {name: choice.settings.get(name) for name in settings} == settings
    about = [what for what, _ in choice.reasons]
    assert "recipe" in about
    assert ("budget" in about) == (seconds is None)
    assert ("precision" in about) == (choice.precision == "bfloat16") == (machine is MADE)
    assert all(f"[{name}=...]" in dict(choice.reasons)["resolution"] for name in data if name == "size")
    config = recipes.find(recipe).Config
    assert api.checked(config, choice.settings, "here")  # settings it has, in their ranges


def test_it_is_a_function_of_its_arguments():
    assert choose(images(), CPU, 100) == choose(images(), CPU, 100)


def test_longer_and_more_cores_never_mean_smaller_images():
    facts = images(6_000, (300, 300))
    for cores in (1, 2, 8):
        sides = [choose(facts, Machine("cpu", cores), 60.0 * m).data["size"] for m in (1, 5, 20, 60, 300, 2000)]
        assert sides == sorted(sides)
        assert sides[-1] == 256


@pytest.mark.parametrize(
    ("side", "gib", "parts"),
    [(32, 140, 1), (32, 8, 4), (64, 140, 1), (64, 25, 4), (64, 8, 16), (256, 8, 64), (64, 1e-9, 256)],
)
def test_a_batch_is_cut_to_the_memory_of_a_gpu(side, gib, parts):
    """What is held at once is within the share, and with half as many parts it would not be."""
    choice = choose(images(size=(side, side)), Machine("cuda", 8, memory=int(gib * 2**30)), 9 * 3600)
    assert choice.micro_batches == parts
    held = r3gan.HELD[side] * choice.settings["width"] * choice.settings["batch_size"] / 1024
    assert held / parts <= 0.6 * gib or parts == choice.settings["batch_size"]
    assert parts == 1 or held / parts * 2 > 0.6 * gib
    assert ("memory" in dict(choice.reasons)) == (parts > 1)


def test_the_parts_are_an_option_of_the_training(monkeypatch):
    """Where they are not asked for otherwise."""
    monkeypatch.setattr("zerosum.api.auto.choose_device", lambda name: torch.device("cuda"))
    monkeypatch.setattr("zerosum.api.auto.memory_of", lambda device: 2**30)
    assert api.planned(api.Options(data="digits")).options.micro_batches == 16
    assert api.planned(api.Options(data="digits", micro_batches=2)).options.micro_batches == 2


def test_the_recipes_that_plan_are_found_without_importing_any():
    code = (
        "import sys; from zerosum.api import planner; print(*planner.planners());"
        "print(*[name for name in sys.modules if name.startswith('zerosum.recipes.')])"
    )
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    found, imported = done.stdout.splitlines()
    assert found.split() == [name for name in recipes.names() if hasattr(recipes.find(name), "plan")]
    assert imported == ""


@pytest.mark.parametrize(("ranks", "taken"), [((0, 2, 1), "b"), ((1, 1, None), "a"), ((None, None, 0), "c")])
def test_the_choice_of_the_highest_rank_is_taken(monkeypatch, ranks, taken):
    ranked = dict(zip("abc", ranks, strict=True))

    def find(name):
        choice = None if ranked[name] is None else Choice(name, {}, {}, (("recipe", name),), rank=ranked[name])
        return SimpleNamespace(plan=lambda facts, machine, seconds: choice)

    monkeypatch.setattr(planner, "planners", lambda: tuple(ranked))
    monkeypatch.setattr(recipes, "find", find)
    assert choose(images(), CPU, 60.0).recipe == taken


def test_data_for_which_no_recipe_proposes_anything(monkeypatch):
    monkeypatch.setattr(planner, "planners", lambda: ("mlp_gan",))
    with pytest.raises(DataError, match=r"no recipe proposes a training for points on cpu \(asked: mlp_gan\); name"):
        choose(Facts("points", None), CPU)


def command_of(out):
    """The command that was printed, as words."""
    line = next(line for line in out.splitlines() if " train " in line and "auto" not in line.split(" train ")[1][:5])
    return shlex.split(line.partition(" train ")[2])


def messy():
    return archived(
        "my pets.zip",
        {f"{kind}/{i:02}.png": noise(20 + i % 3, 24, 3, seed=i) for i, kind in enumerate(["cat", "dog"] * 20)},
    )


@pytest.mark.parametrize(
    ("made", "asked", "precision"), [(True, None, "bfloat16"), (True, "float32", "float32"), (False, None, "float32")]
)
def test_the_precision_is_the_machines_where_none_is_asked_for(monkeypatch, made, asked, precision):
    monkeypatch.setattr("zerosum.api.auto.multiplies_bfloat16", lambda device: made)
    chosen = api.planned(api.Options(data="digits", device="cpu", precision=asked))
    assert (chosen.options.precision or "float32") == precision


@pytest.mark.parametrize("word", [("auto",), ()])
def test_one_command_on_a_messy_archive(capsys, word):
    messy()
    code, out, err = answer(capsys, "train", *word, "--data", "my pets.zip", "--rounds", "2", "--out", "run")
    assert code == 0, err
    assert out.startswith("my pets.zip: 40 images of 3 sizes around ")
    assert re.search(r"^  resolution   16x16, the largest", out, re.M)
    assert re.search(r"^  recipe       dcgan", out, re.M)
    assert "speed" in out
    assert json.loads(Path("run/config.json").read_text())["recipe"] == "dcgan"
    words = command_of(out)
    assert words[:3] == ["dcgan", "--data", "my pets.zip[size=16]"]
    words[words.index("--out") + 1] = "same"
    assert answer(capsys, "train", *words)[0] == 0
    weights = [Path(o, "checkpoints/round-2/game.safetensors").read_bytes() for o in ("run", "same")]
    assert weights[0] == weights[1]


def test_labels_below_splits_are_used():
    names = [f"{split}/{kind}/{i}.png" for split in ("train", "test") for kind in ("cat", "dog") for i in range(30)]
    put("mine", {name: noise(16, 16, 3, seed=n) for n, name in enumerate(names)})
    chosen = api.planned(api.Options(data="mine"))
    assert chosen.found.endswith("120 images of 16x16, colour, 2 labels")
    assert dict(chosen.reasons)["labels"] == "2 are left aside, as dcgan has no use for them"


def test_the_same_command_goes_on_as_it_was_chosen(capsys, monkeypatch):
    messy()
    told = ("train", "auto", "--data", "my pets.zip", "--out", "run")
    assert answer(capsys, *told, "--rounds", "2")[0] == 0
    monkeypatch.setattr("zerosum.api.auto.scan", None)  # not looked at again
    code, out, _ = answer(capsys, *told, "--rounds", "4")
    assert code == 0
    assert "run holds a run; it goes on as it was chosen: dcgan" in out
    assert "done: round 4" in out


def test_a_dry_run_writes_nothing(capsys):
    messy()
    code, out, _ = answer(capsys, "train", "auto", "--data", "my pets.zip", "--dry-run")
    assert code == 0
    assert "time" in out
    assert [p.name for p in Path.cwd().iterdir()] == ["my pets.zip"]


def test_from_python_and_on_data_of_the_catalogue():
    run = zs.train("auto", data="digits", rounds=2, out="run", progress=False)
    assert zs.load(run).recipe == "dcgan"
    run = zs.train("auto", data="ring", rounds=2, out="points", progress=False)
    assert zs.load(run).recipe == "r1gan"
    with pytest.raises(ConfigError, match="auto chooses the recipe and its settings, got width; name a recipe"):
        zs.train("auto", data="digits", width=8)


@pytest.mark.fault
def test_bad_files_stop_it(capsys):
    put("mine", {**{f"{i}.png": noise(16, 16, seed=i) for i in range(12)}, "bad.png": b"x"})
    code, _, err = answer(capsys, "train", "auto", "--data", "mine", "--rounds", "1")
    assert code == 3
    assert err.startswith("zerosum: mine has 1 bad file (bad.png: it is in no format")
    code, out, _ = answer(capsys, "train", "auto", "--data", "mine[bad=skip]", "--rounds", "1", "--out", "run")
    assert code == 0
    assert "mine[bad=skip]" in command_of(out)


@pytest.mark.fault
def test_nothing_to_train_on():
    put("mine", {"notes.txt": b"x"})
    with pytest.raises(DataError, match="mine holds no image that can be read"):
        zs.train("auto", data="mine", progress=False)


def test_what_the_user_fixed_stays(capsys):
    put("mine", {f"{i:02}.png": noise(20, 20, 4, seed=i) for i in range(12)})
    _, out, _ = answer(capsys, "train", "auto", "--data", "mine[size=8, colour=grey]", "--dry-run")
    assert command_of(out)[2] == "mine[size=8, colour=grey]"
    _, out, _ = answer(capsys, "train", "auto", "--data", "mine[size=8]", "--dry-run")
    assert command_of(out)[2] == "mine[size=8, colour=rgba]"


def test_an_array_that_convolutions_cannot_take():
    np.save("odd.npy", np.random.default_rng(0).integers(0, 256, (40, 9, 9), dtype=np.uint8))
    assert api.planned(api.Options(data="odd.npy")).recipe == "mlp_gan"
