"""The command line as a user meets it: verbs, options, files, exit codes, one sentence per mistake."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from tests.children import command_line, finish, output
from zerosum import __version__
from zerosum.cli import VERBS, main
from zerosum.training.folder import read_record

TRAIN = ("train", "vanilla", "--batch-size", "16", "--out", "run")


def answer(capsys, *words):
    """The exit code, what was printed, and the error."""
    try:
        code = main(words)
    except SystemExit as left:
        code = left.code
    out = capsys.readouterr()
    return code, out.out, out.err


def opened(path):
    with Image.open(path) as image:
        image.load()
        return image


def test_help_version_and_verbs(capsys):
    code, out, _ = answer(capsys, "--help")
    assert code == 0
    assert all(f"  {verb}" in out for verb in VERBS)
    assert answer(capsys, "--version")[:2] == (0, f"zerosum {__version__}\n")
    assert answer(capsys)[0] == 2


def test_every_option_of_train_has_type_default_and_a_sentence(capsys):
    code, out, _ = answer(capsys, "train", "vanilla", "--help")
    assert code == 0
    text = " ".join(out.replace("│", " ").split())
    for option, kind in {
        "--k": "INT", "--learning-rate": "FLOAT", "--batch-size": "INT", "--data": "STR", "--out": "PATH",
        "--rounds": "INT", "--epochs": "INT", "--budget": "STR", "--seed": "INT", "--device": "{auto,cpu,cuda,mps}",
        "--threads": "INT", "--mode": "{eager,compile}", "--save-every": "INT", "--sample-every": "INT",
        "--log-every": "INT", "--config": "PATH",
    }.items():  # fmt: skip
        rest = text.partition(f"{option} {kind} ")[2].partition("(default:")
        assert rest[0].strip().endswith((".", "]")), option
        assert len(rest[0].split()) >= 3, option
        assert rest[1], option
    assert "--dry-run" in text
    assert "--fresh" in text
    assert "--debug" in text
    assert "[rounds]" in text
    assert "[updates]" in text


def test_train_says_what_it_did_and_what_to_try_next(capsys):
    code, out, _ = answer(capsys, *TRAIN, "--rounds", "7")
    assert code == 0
    assert "done: round 7, 112 images" in out
    assert "neighbour_classes[n=1000, split=test, share=0.02] = " in out
    assert "samples: run/samples/round-00000007.png" in out
    tries = [line.strip() for line in out.partition("next:\n")[2].splitlines()]
    assert len(tries) == 3
    assert tries[0].endswith("sample run --n 100 --out more.png")
    assert tries[1].endswith("train vanilla --batch-size 16 --out run --rounds 14")
    for line in tries:
        words = line[line.index(next(verb for verb in ("sample", "train", "show") if f" {verb} " in line)) :].split()
        assert answer(capsys, *words)[0] == 0, line
    assert read_record(Path("run"))["config"]["batch_size"] == 16
    assert (Path("run") / "checkpoints" / "round-14").is_dir()


def test_the_same_command_again_is_done_already(capsys):
    answer(capsys, *TRAIN, "--rounds", "7")
    code, out, _ = answer(capsys, *TRAIN, "--rounds", "7")
    assert code == 0
    assert "the goal is reached already: round 7" in out


def test_fresh_starts_anew(capsys):
    answer(capsys, *TRAIN, "--rounds", "3")
    code, out, _ = answer(capsys, *TRAIN, "--rounds", "3", "--seed", "4", "--fresh")
    assert code == 0
    assert "moved the old run to run.old-1." in out
    assert read_record(Path("run.old-1"))["seed"] == 0


def test_a_file_of_options_comes_before_defaults_and_after_the_command_line(capsys):
    Path("run.toml").write_text('data = "ring"\nrounds = 5\nlearning-rate = 0.01\nk = 2\nout = "run"\n')
    code, *_ = answer(capsys, "train", "vanilla", "--config", "run.toml", "--learning-rate", "0.001", "--hidden", "8")
    assert code == 0
    record = read_record(Path("run"))
    assert record["config"] == {
        "k": 2, "batch_size": 128, "learning_rate": 0.001, "beta1": 0.9, "beta2": 0.999, "latent": 100, "hidden": 8,
    }  # fmt: skip
    assert record["data"]["spec"]["name"].startswith("ring")
    assert (
        answer(
            capsys, "train", "vanilla", "--config=run.toml", "--rounds", "6", "--learning-rate", "0.001", "--hidden=8"
        )[0]
        == 0
    )


def test_a_goal_of_the_command_line_replaces_the_files(capsys):
    Path("run.toml").write_text('rounds = 500\nout = "run"\n')
    assert answer(capsys, "train", "vanilla", "--config", "run.toml", "--epochs", "1")[0] == 0
    assert (Path("run") / "checkpoints" / "round-11").is_dir()  # 1,297 examples in batches of 128


@pytest.mark.parametrize(
    ("text", "code", "message"),
    [
        ("learning_rat = 1\n", 2, "unknown option 'learning_rat'; nearest: learning_rate (in bad.toml)."),
        ("rounds = -1\n", 2, "rounds must be greater than or equal to 1, got -1 (bad.toml)."),
        ('k = "x"\n', 2, "k must be a valid integer"),
        ("rounds = \n", 2, "--config bad.toml is no TOML"),
        (None, 2, "--config bad.toml cannot be read (No such file or directory)."),
    ],
)
def test_bad_files_of_options(capsys, text, code, message):
    if text is not None:
        Path("bad.toml").write_text(text)
    got, _, err = answer(capsys, "train", "vanilla", "--config", "bad.toml")
    assert got == code
    assert message in err


def test_a_dry_run_forecasts_and_writes_nothing(capsys):
    code, out, _ = answer(capsys, "train", "mlp_gan", "--epochs", "3", "--hidden", "16", "--dry-run")
    assert code == 0
    assert list(Path.cwd().iterdir()) == []
    for line in (
        "recipe      mlp_gan",
        "seed        0",
        "device      ",
        "mode        eager",
        "--hidden                16",
        "rounds/s",
        "MiB at the peak",
        "a checkpoint",
    ):
        assert line in out
    assert "for 16 rounds, 4,096 images" in out  # 3 * 1297 / 256, rounded up


@pytest.mark.parametrize("goal", [("--rounds", "50"), ("--budget", "2s"), ()])
def test_a_dry_run_of_any_goal(capsys, goal):
    assert answer(capsys, "train", "vanilla", "--data", "ring", "--dry-run", *goal)[0] == 0


TFD = ("gan", "--variant", "tfd", "--hidden", "16", "--units", "4", "--pretraining", "2")


@pytest.mark.parametrize(
    ("goal", "rounds"),
    [(("--rounds", "30"), "26 4"), (("--epochs", "2"), "26"), ((), "26 286")],  # 1297 digits by 100, 2 and 22 epochs
    ids=str,
)
def test_a_dry_run_says_what_every_stage_costs(capsys, goal, rounds):
    code, out, _ = answer(capsys, "train", *TFD, "--dry-run", *goal)
    assert code == 0
    assert " ".join(re.findall(r"for (\d+) rounds", out)) == rounds


@pytest.mark.parametrize("recipe", ["vanilla", "mlp_gan"])
def test_sample_draws_pictures_and_arrays(capsys, recipe):
    answer(capsys, "train", recipe, "--out", "run", "--rounds", "3", "--batch-size", "16")
    code, out, _ = answer(capsys, "sample", "run", "--n", "9", "--out", "grid.png")
    assert code == 0
    assert "9 samples of round 3: grid.png" in out
    assert opened("grid.png").size == (152, 152)
    for words in (
        ["--n", "1203", "--out", "a.npz"],
        ["--n", "7", "--out", "b.npz"],
        ["--n", "7", "--out", "c.npz", "--seed", "1"],
    ):
        assert answer(capsys, "sample", "run", *words)[0] == 0
    a, b, c = (np.load(f"{name}.npz")["x"] for name in "abc")
    assert a.shape == (1203, 1, 8, 8)
    assert a.dtype == np.float32
    np.testing.assert_allclose(a[:7], b, atol=1e-6)
    assert not np.array_equal(b, c)
    from zerosum import load

    np.testing.assert_array_equal(load("run").sample(7).numpy(), b)


def test_samples_of_points_are_scattered(capsys):
    answer(capsys, "train", "vanilla", "--data", "ring", "--out", "run", "--rounds", "3")
    assert answer(capsys, "sample", "run", "--n", "300", "--out", "points.png")[0] == 0
    assert opened("points.png").mode == "RGB"


def test_an_earlier_checkpoint_can_be_sampled(capsys):
    answer(capsys, *TRAIN, "--rounds", "6", "--save-every", "2")
    assert "of round 2" in answer(capsys, "sample", "run", "--checkpoint", "2", "--out", "two.png")[1]
    code, _, err = answer(capsys, "sample", "run", "--checkpoint", "3", "--out", "three.png")
    assert (code, "has no checkpoint of round 3" in err) == (4, True)


def test_ten_thousand_samples_need_bounded_memory():
    """64x64 colour: all of them are 470 MiB of float32; the process grows by a fraction of that."""
    code = """
import resource, sys, torch
from torch import nn
from zerosum.data import DataSpec
from zerosum import api
from zerosum.api import samples
from tests.games import plain_gan
from zerosum.sources import Normal
from zerosum.training import Experiment
game, _ = plain_gan()
big = lambda net, batch: batch["z"][:, :1, None, None].sigmoid().expand(-1, 3, 64, 64)
experiment = Experiment(game, {"z": Normal(4)}, {"sample": big})
model = api.Model(experiment, "test", None, DataSpec("big", (3, 64, 64), "uint8"), 0)
samples.load = lambda *args: model
api.sample("run", "warm.npz", 600)
before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
api.sample("run", "big.npz", 10000)
print((resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before) // 1024)
"""
    root = str(Path(__file__).parents[2])
    done = subprocess.run(
        [sys.executable, "-c", code], capture_output=True, text=True, check=True, env={**os.environ, "PYTHONPATH": root}
    )
    assert int(done.stdout.split()[-1]) < 150, "MiB"
    assert np.load("big.npz", mmap_mode="r")["x"].shape == (10000, 3, 64, 64)


def test_a_damaged_checkpoint_is_told_on_the_command_line():
    assert finish(command_line, *TRAIN, "--rounds", "4", "--save-every", "2") == 0
    Path("run/checkpoints/round-4/game.safetensors").write_bytes(b"")
    assert finish(command_line, "sample", "run") == 0
    said = output()
    assert "zerosum: round-4 is damaged: game.safetensors has 0 bytes of " in said
    assert "64 samples of round 2: samples.png" in said


def test_lists(capsys):
    assert "vanilla" in answer(capsys, "list", "recipes")[1]
    assert "digits" in answer(capsys, "list", "data")[1]
    assert "modes[n=2500]" in answer(capsys, "list", "metrics")[1]


@pytest.mark.parametrize("recipe", ["vanilla", "mlp_gan"])
def test_show(capsys, recipe):
    code, out, _ = answer(capsys, "show", recipe)
    assert code == 0
    for text in (
        "https://arxiv.org",
        "player generator moves generator by adam",
        "turn 1: discriminator",
        "--learning-rate",
    ):
        assert text in out
    assert "micro-batches and ranks do not change the result" in out


@pytest.mark.parametrize(
    ("words", "code", "message"),
    [
        (("trian", "vanilla"), 2, "unknown verb 'trian'; nearest: train."),
        (("train", "vanila"), 2, "unknown recipe 'vanila'; nearest: vanilla."),
        (
            ("train", "--data", "digits"),
            2,
            "zerosum train begins with the name of a recipe (gan, mlp_gan, vanilla), got '--data'.",
        ),
        (("train", "vanilla", "--batch-sise", "5"), 2, "unknown option '--batch-sise'; nearest: --batch-size (see"),
        (("train", "vanilla", "--learning-rat=5"), 2, "unknown option '--learning-rat'; nearest: --learning-rate (see"),
        (("train", "vanilla", "more"), 2, "does not know what to do with 'more'"),
        (("train", "vanilla", "--k", "0"), 2, "k must be greater than or equal to 1, got 0 (recipe vanilla)."),
        (
            ("train", "vanilla", "--rounds", "-5"),
            2,
            "rounds must be greater than or equal to 1, got -5 (recipe vanilla).",
        ),
        (("train", "vanilla", "--learning-rate", "nan"), 2, "learning_rate must be a finite number, got nan"),
        (("train", "vanilla", "--k", "many"), 2, "invalid literal for int() with base 10: 'many'"),
        (("train", "vanilla", "--device", "tpu"), 2, "invalid choice 'tpu' for argument '--device'"),
        (("train", "vanilla", "--rounds", "3", "--budget", "3s"), 2, "a run has one goal, got --rounds and --budget"),
        (("train", "vanilla", "--data", "/no/such/path"), 3, "there is no data at '/no/such/path'"),
        (("train", "vanilla", "--data", "digts"), 3, "unknown data set 'digts'; nearest: digits."),
        (("train", "vanilla", "--out", "file", "--rounds", "1"), 4, "--out file is a file; choose another path."),
        (
            ("train", "vanilla", "--out", "file/run", "--rounds", "1"),
            4,
            "--out file/run cannot be written (Not a directory)",
        ),
        (("train", "vanilla", "--out", "/proc/run", "--rounds", "1"), 4, "--out /proc/run cannot be written ("),
        (("sample", "nowhere"), 4, "nowhere is no run folder"),
        (("sample",), 2, "zerosum sample RUN needs the folder of a run."),
        (("sample", "nowhere", "--n", "0"), 2, "n must be greater than or equal to 1, got 0"),
        (("sample", "nowhere", "--out", "grid.jpg"), 2, "samples go into a .png or an .npz, got 'grid.jpg'."),
        (("sample", "nowhere", "--out", "no/grid.png"), 2, "there is no folder 'no' for 'no/grid.png'."),
        (("list", "recipe"), 2, "unknown list 'recipe'; nearest: recipes."),
        (("show",), 2, "zerosum show needs the name of one recipe"),
        (("show", "vanilla2"), 2, "unknown recipe 'vanilla2'; nearest: vanilla."),
    ],
    ids=lambda v: " ".join(v) if isinstance(v, tuple) else None,
)
def test_a_mistake_is_one_sentence_an_exit_code_and_nothing_written(capsys, words, code, message):
    Path("file").write_text("mine")
    got, _, err = answer(capsys, *words)
    assert got == code, err
    assert message in " ".join(err.replace("│", " ").split())
    assert "Traceback" not in err
    assert [p.name for p in Path.cwd().iterdir()] == ["file"]
    assert Path("file").read_text() == "mine"


@pytest.mark.parametrize(
    ("change", "message"),
    [
        (("--seed", "1"), "seed was 0, now 1"),
        (("--data", "ring"), "data was digits, now ring["),
        (("--k", "3"), "k was 1, now 3"),
        (("--batch-size", "32"), "batch_size was 16, now 32"),
    ],
)
def test_continuing_with_something_else_is_refused_and_loses_nothing(capsys, change, message):
    answer(capsys, *TRAIN, "--rounds", "3")
    before = {p: p.read_bytes() for p in Path("run").rglob("*") if p.is_file()}
    code, _, err = answer(capsys, *TRAIN, "--rounds", "6", *change)
    assert code == 2
    assert f"run holds another run ({message}" in err
    code, _, err = answer(capsys, "train", "mlp_gan", "--out", "run", "--rounds", "6")
    assert code == 2
    assert "recipe was vanilla, now mlp_gan" in err
    assert {p: p.read_bytes() for p in Path("run").rglob("*") if p.is_file()} == before


def test_debug_shows_the_traceback():
    from zerosum.errors import ConfigError

    with pytest.raises(ConfigError):
        main(["train", "vanilla", "--k", "0", "--debug"])


def test_divergence_is_exit_5(capsys):
    code, _, err = answer(
        capsys, "train", "vanilla", "--learning-rate", "1e38", "--rounds", "50", "--log-every", "10", "--out", "run"
    )
    assert code == 5
    assert "training diverged: none of the last 10 updates of" in err


def test_progress_is_plain_lines_where_there_is_no_terminal():
    done = subprocess.run(
        [sys.executable, "-m", "zerosum", "train", "mlp_gan", "--rounds", "120", "--out", "run", "--batch-size", "16"],
        capture_output=True, text=True, check=True,
    )  # fmt: skip
    assert "\x1b" not in done.stdout
    assert done.stdout.startswith("round 100  3200 images  ")
    assert done.stderr == ""
    assert [json.loads(line)["round"] for line in Path("run/log.jsonl").read_text().splitlines()] == [100, 120]


@pytest.mark.skipif(os.name != "posix", reason="a pseudo-terminal")
def test_progress_is_live_on_a_terminal():
    import pty

    controller, terminal = pty.openpty()
    child = subprocess.Popen(
        [sys.executable, "-m", "zerosum", "train", "vanilla", "--rounds", "900", "--out", "run", "--log-every", "10"],
        stdout=terminal, stderr=terminal, env={**os.environ, "TERM": "xterm-256color", "COLUMNS": "100"},
    )  # fmt: skip
    os.close(terminal)
    shown = b""
    while True:
        try:
            chunk = os.read(controller, 65536)
        except OSError:
            break
        if not chunk:
            break
        shown += chunk
    os.close(controller)
    assert child.wait(60) == 0
    text = shown.decode()
    assert "\x1b[" in text
    assert "left" in text
    assert "discriminator  fake " in text
    assert "samples: run/samples/" in text


def test_a_reader_that_leaves_ends_it_without_a_traceback_and_not_as_done(tmp_path):
    """As in ``zerosum train ... | head -1``."""
    command = [sys.executable, "-m", "zerosum", *TRAIN, "--rounds", "100000", "--log-every", "10"]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True) as process:
        assert process.stdout.readline().startswith("round")
        process.stdout.close()
        assert process.wait(timeout=120) == 141
        assert process.stderr.read() == ""
