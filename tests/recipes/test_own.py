"""A user's own recipe: copied, checked, trained, changed behind a run's back, and broken in every way."""

import json
from pathlib import Path

import pytest
import torch

import zerosum as zs
from tests.cli.commands import answer
from zerosum import api, recipes
from zerosum.api.contract import CHECKS
from zerosum.errors import ConfigError, RunError

SMALL = ("--hidden", "8", "--depth", "1", "--batch-size", "16")


@pytest.fixture
def mine(capsys):
    """A copy of a recipe in the current folder."""
    assert answer(capsys, "copy", "mlp_gan", "my_recipe.py")[0] == 0
    return Path("my_recipe.py")


def change(path, old, new):
    text = path.read_text()
    assert old in text
    path.write_text(text.replace(old, new, 1))


def complaint(capsys):
    """The one sentence that training it is refused with."""
    code, _, err = answer(capsys, "train", "my_recipe.py", "--rounds", "2", "--out", "run")
    assert code == 2
    assert err.startswith("zerosum: ")
    assert err.count("\n") == 1
    return err


def test_a_copy_is_the_recipe_and_is_never_written_over(capsys, mine):
    assert mine.read_bytes() == recipes.path_of("mlp_gan").read_bytes()
    mine.write_text("mine")
    code, _, err = answer(capsys, "copy", "mlp_gan", "my_recipe.py")
    assert code == 2
    assert "my_recipe.py is there already" in err
    assert mine.read_text() == "mine"


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (("mlp_gan",), "needs a recipe .* and a file that ends with .py, got 1 words"),
        (("mlp_gam", "x.py"), "unknown recipe 'mlp_gam'; nearest: mlp_gan"),
        (("mlp_gan", "x.txt"), "a file that ends with .py, got 'x.txt'"),
        (("mlp_gan", "nowhere/x.py"), r"nowhere/x.py cannot be written \(No such file or directory\)"),
    ],
    ids=str,
)
def test_copies_that_cannot_be_made(capsys, words, said):
    import re

    code, _, err = answer(capsys, "copy", *words)
    assert code == 2
    assert re.search(said, err)
    assert list(Path.cwd().iterdir()) == []


def test_it_trains_as_the_recipe_it_is_a_copy_of(capsys, mine):
    """The same weights, bit for bit, and every verb takes it."""
    for recipe, out in (("my_recipe.py", "a"), ("mlp_gan", "b")):
        assert answer(capsys, "train", recipe, "--rounds", "5", "--out", out, *SMALL)[0] == 0
    weights = [Path(out, "checkpoints/round-5/game.safetensors").read_bytes() for out in "ab"]
    assert weights[0] == weights[1]
    assert Path("a/recipe.py").read_bytes() == mine.read_bytes()
    record = json.loads(Path("a/config.json").read_text())
    assert record["recipe"] == "my_recipe.py"
    assert record["code"]["path"] == str(mine.resolve())
    assert torch.equal(zs.load("a").sample(3), zs.load("b").sample(3))
    assert answer(capsys, "train", "my_recipe.py", "--rounds", "8", "--out", "a", *SMALL)[0] == 0
    assert answer(capsys, "sample", "a", "--n", "4")[0] == 0
    assert answer(capsys, "explore", "a", "walk", "--steps", "2", "--keyframes", "2")[0] == 0
    assert answer(capsys, "evaluate", "a", "--metrics", "neighbour_distance[n=50]")[0] == 0
    code, out, _ = answer(capsys, "show", "my_recipe.py")
    assert code == 0
    assert "player discriminator" in out
    code, out, _ = answer(capsys, "train", "my_recipe.py", "--help")
    assert code == 0
    assert "--gamma" in out


def test_its_default_folder_has_its_name(mine):
    plan = api.resolve("my_recipe.py", api.Options())
    assert plan.out == Path("runs/my_recipe-digits")


def test_it_runs_only_while_it_is_what_it_was(capsys, mine):
    zs.train("my_recipe.py", rounds=3, out="run", progress=False, hidden=8, batch_size=16)
    before = zs.load("run").sample(3)
    change(mine, "(0.0, config.beta2)", "(0.5, config.beta2)")
    with pytest.raises(ConfigError, match=r"my_recipe.py has changed since; run/recipe.py is as it was"):
        zs.train("my_recipe.py", rounds=5, out="run", progress=False, hidden=8, batch_size=16)
    with pytest.raises(RunError, match=r"my_recipe.py, which is no longer what it was; .* give --trust"):
        zs.load("run")
    assert torch.equal(zs.load("run", trust=True).sample(3), before)
    mine.unlink()
    with pytest.raises(RunError, match=r"my_recipe.py, which is gone"):
        zs.load("run")
    for words in (
        ("sample", "run", "--n", "2"),
        ("evaluate", "run", "--metrics", "neighbour_distance[n=50]"),
        ("explore", "run", "walk", "--steps", "2", "--keyframes", "2"),
    ):
        assert answer(capsys, *words)[0] == 4
        assert answer(capsys, *words, "--trust")[0] == 0
    change(Path("run/recipe.py"), "import torch", "import torch  # changed")
    with pytest.raises(RunError, match=r"neither .*my_recipe.py nor run/recipe.py is the recipe this run began with"):
        zs.load("run", trust=True)


def test_a_record_cannot_name_another_file(mine):
    """The record is signed, and what it names is run only with the content it had."""
    zs.train("my_recipe.py", rounds=2, out="run", progress=False, hidden=8, batch_size=16)
    Path("evil.py").write_text("open('ran', 'w')")
    record = json.loads(Path("run/config.json").read_text())
    record["code"]["path"] = str(Path("evil.py").resolve())
    Path("run/config.json").write_text(json.dumps(record))
    with pytest.raises(RunError, match="was changed after it was written"):
        zs.load("run", trust=True)
    del record["sha256"]
    Path("run/config.json").write_text(json.dumps(record))
    with pytest.raises(RunError, match="no longer what it was"):
        zs.load("run")
    zs.load("run", trust=True)  # the copy still is what the run began with
    del record["code"]
    Path("run/config.json").write_text(json.dumps(record))
    with pytest.raises(RunError, match=r"does not belong to the config.json of its run"):
        zs.load("run", trust=True)
    assert not Path("ran").exists()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("import torch\ndef f(:\n", "my_recipe.py, line 2: invalid syntax."),
        ("\n\nx = 1 / 0\n", "my_recipe.py, line 3: ZeroDivisionError: division by zero"),
        ("import nowhere\n", "my_recipe.py, line 1: ModuleNotFoundError: No module named 'nowhere'"),
        ("x = 1\n", "is no recipe: it has no dataclass Config"),
        (
            "from dataclasses import dataclass\n@dataclass\nclass Config:\n    batch_size: int = 4\n",
            "is no recipe: it has no function build(config, spec).",
        ),
        (
            "from dataclasses import dataclass\n@dataclass\nclass Config:\n    batch_size: int\ndef build(c, s): ...\n",
            "Config's field 'batch_size' needs a default.",
        ),
        (
            "from dataclasses import dataclass\n@dataclass\nclass Config:\n    k: int = 1\ndef build(c, s): ...\n",
            "Config needs a field batch_size, the real examples in each update.",
        ),
        ("\0", "my_recipe.py: source code string cannot contain null bytes."),
    ],
    ids=lambda value: value[-30:],
)
def test_files_that_are_no_recipes(capsys, text, said):
    Path("my_recipe.py").write_text(text)
    assert said in complaint(capsys)
    assert not Path("run").exists()


@pytest.mark.parametrize("verb", ["train", "show", "check"])
def test_a_file_that_is_not_there(capsys, verb):
    code, _, err = answer(capsys, verb, "gone.py")
    assert code == 2
    assert "recipe gone.py cannot be read (No such file or directory)." in err


def test_a_name_without_its_ending(capsys, mine):
    code, _, err = answer(capsys, "train", "my_recipe")
    assert code == 2
    assert "Your own recipe is named by its file: my_recipe.py." in err


WRONG = {
    "a field the batch has not": ('net.generator(batch["z"]))', 'net.generator(batch["zz"]))', "KeyError: 'zz'"),
    "shapes that do not fit": ("Normal(config.latent)", "Normal(config.latent + 1)", "RuntimeError: mat1"),
    "a player without a turn": (
        'Turn("generator", generator, offset=config.k)',
        'Turn("discriminator", generator, offset=config.k)',
        "player 'generator' has no turn",
    ),
}


@pytest.mark.parametrize("what", WRONG)
def test_what_goes_wrong_in_it_is_said_with_its_line(capsys, mine, what):
    old, new, said = WRONG[what]
    change(mine, old, new)
    err = complaint(capsys)
    assert err.startswith("zerosum: my_recipe.py, line ")
    assert said in err
    with pytest.raises(Exception, match=r".") as raised:  # in Python the traceback is shown as it is
        zs.train("my_recipe.py", rounds=2, out="other", progress=False)
    assert recipes.place(raised.value)
    with pytest.raises(type(raised.value)):
        answer(capsys, "train", "my_recipe.py", "--rounds", "2", "--out", "run", "--debug")


def test_an_error_elsewhere_is_not_blamed_on_it(mine):
    recipes.find("my_recipe.py")
    assert recipes.place(ValueError("never raised")) is None


BREAKS = {
    "it builds, and plays with finite terms": (
        '"adversarial": softplus',
        '"adversarial loss": softplus',
        "the term 'generator/adversarial loss' is to be named as a Python identifier",
    ),
    "a turn moves its player's networks alone": (
        "players(update)",
        "players(adam(0.0), update)",
        "turn 2, of generator, did not move the network generator",
    ),
    "weights come from the seed": (
        "    images, hidden = ",
        "    torch.manual_seed(3)\n    images, hidden = ",
        "the weights of generator are the same for another seed",
    ),
    "saved and gone on is gone on, to the bit": (
        '        fake_logits = net.discriminator(net.generator(batch["z"]))',
        "        config.__dict__.setdefault('seen', []).append(1)\n"
        '        fake_logits = net.discriminator(net.generator(batch["z"])) * len(config.seen)',
        "something that changes is kept outside the game",
    ),
    "samples are of the data's shape and range, and differ": (
        ".clamp(0, 1)",
        " * 3",
        "samples of image data are in [0.0, 1.0], these are in",
    ),
    "outputs give a row for each example and write no buffers": (
        "return logit.squeeze(1)",
        "return logit.squeeze(1)[1:]",
        "score gives shape (15,) for 16 examples",
    ),
    "it says what it is, and what its settings are": (
        '    """Width of the hidden layers [units]."""\n',
        "",
        "the setting hidden needs a sentence in quotes below it",
    ),
}


@pytest.mark.parametrize("sentence", BREAKS)
def test_check_finds_what_is_broken(capsys, mine, sentence):
    """Each check, by a change that breaks it."""
    old, new, said = BREAKS[sentence]
    change(mine, old, new)
    code, out, _ = answer(capsys, "check", "my_recipe.py", *SMALL)
    assert code == 2
    assert f"  no   {sentence}\n" in out
    assert said in out


def test_every_check_is_broken_once_but_the_engines_own():
    """The fused update is a promise of the engine: no file of a user breaks it."""
    assert CHECKS.keys() - BREAKS.keys() == {"the fused update is the plain one"}


def test_check_says_what_is_kept(capsys, mine):
    code, out, _ = answer(capsys, "check", "my_recipe.py", "--data", "ring", *SMALL)
    assert code == 0
    assert "my_recipe.py keeps 8 of 8, on ring." in out
    assert answer(capsys, "check", "--help")[0] == 0
    assert answer(capsys, "check")[0] == 2
    assert answer(capsys, "copy", "--help")[0] == 0


UNFIT = {
    "build returns nothing": (
        "    return Experiment(",
        "    Experiment(",
        "build must return an Experiment, got NoneType",
    ),
    "an answer that is no function": (
        '"score": score}',
        '"score": "discriminator"}',
        "the output 'score' must be a function of (networks, batch), got 'discriminator'",
    ),
    "an answer of other arguments": (
        '"score": score}',
        '"score": lambda x: x}',
        "the output 'score' is called with (networks, batch), and its function is not: too many positional arguments",
    ),
    "an objective of other arguments": (
        "def generator(net: Networks, batch: Batch)",
        "def generator(net: Networks)",
        "the objective of a turn of 'generator' is called with (networks, batch), and its function is not",
    ),
    "an objective that returns a number": (
        'return {"adversarial": softplus(real_logits - fake_logits).mean()}',
        "return softplus(real_logits - fake_logits).mean()",
        "the objective of 'generator' must return terms by name, got Tensor",
    ),
    "a judge by name": (
        "metrics=default_metrics(spec)",
        'metrics=("modes",)',
        "metrics must be metrics such as parzen(), got 'modes'",
    ),
    "a judge of other data": (
        "metrics=default_metrics(spec)",
        "metrics=(__import__('zerosum').metrics.modes(),)",
        "modes[n=2500] needs a toy with modes, got digits (image)",
    ),
    "rounds that are none": (
        "metrics=default_metrics(spec)",
        'rounds="x"',
        "rounds must be a whole number above 0, got 'x'",
    ),
    "a draw that is no prior": (
        '{"z": Normal(config.latent)}',
        '{"z": 16}',
        "what is drawn as 'z' must be a prior such as Normal(16), got 16",
    ),
}


@pytest.mark.parametrize("what", UNFIT)
def test_what_does_not_fit_together_is_said_before_anything_is_trained(capsys, mine, what):
    old, new, said = UNFIT[what]
    change(mine, old, new)
    assert said in complaint(capsys)
    assert not list(Path.cwd().glob("run/checkpoints/*"))


def test_an_output_that_is_no_tensor_is_named(capsys, mine):
    change(mine, "return logit.squeeze(1)", "return None")
    code, out, _ = answer(capsys, "check", "my_recipe.py", *SMALL)
    assert code == 2
    assert "the output 'score' must return a tensor or a dict of them, got NoneType." in out
