"""``zerosum train`` as a user meets it: options, files of options, forecasts, progress, continuing."""

import json
import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from tests.children import command_line, finish, output
from tests.cli.commands import TRAIN, answer
from zerosum.training.folder import read_record

TFD = ("gan", "--variant", "tfd", "--hidden", "16", "--units", "4", "--pretraining", "2")


def test_every_option_of_train_has_type_default_and_a_sentence(capsys):
    code, out, _ = answer(capsys, "train", "vanilla", "--help")
    assert code == 0
    text = " ".join(out.replace("│", " ").split())
    for option, kind in {
        "--k": "INT", "--learning-rate": "FLOAT", "--batch-size": "INT", "--data": "STR", "--out": "PATH",
        "--rounds": "INT", "--epochs": "INT", "--budget": "STR", "--seed": "INT", "--device": "{auto,cpu,cuda,mps}",
        "--threads": "INT", "--mode": "{auto,eager,graph,compile}", "--save-every": "INT", "--sample-every": "INT",
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
    assert "done: round 7, 112 examples" in out
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
        "iB at the peak",
        "a checkpoint",
    ):
        assert line in out
    assert "for 16 rounds, 4,096 examples" in out  # 3 * 1297 / 256, rounded up


@pytest.mark.parametrize("goal", [("--rounds", "50"), ("--budget", "2s"), ()])
def test_a_dry_run_of_any_goal(capsys, goal):
    assert answer(capsys, "train", "vanilla", "--data", "ring", "--dry-run", *goal)[0] == 0


@pytest.mark.parametrize(
    ("goal", "rounds"),
    [(("--rounds", "30"), "26 4"), (("--epochs", "2"), "26"), ((), "26 286")],  # 1297 digits by 100, 2 and 22 epochs
    ids=str,
)
def test_a_dry_run_says_what_every_stage_costs(capsys, goal, rounds):
    code, out, _ = answer(capsys, "train", *TFD, "--dry-run", *goal)
    assert code == 0
    assert " ".join(re.findall(r"for (\d+) rounds", out)) == rounds


def test_a_damaged_checkpoint_is_told_on_the_command_line():
    assert finish(command_line, *TRAIN, "--rounds", "4", "--save-every", "2") == 0
    Path("run/checkpoints/round-4/game.safetensors").write_bytes(b"")
    assert finish(command_line, "sample", "run") == 0
    said = output()
    assert "zerosum: round-4 is damaged: game.safetensors has 0 bytes of " in said
    assert "64 samples of round 2: samples.png" in said


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
    assert done.stdout.startswith("round 100  3200 examples  ")
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
