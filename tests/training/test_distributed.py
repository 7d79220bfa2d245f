"""Two processes play one game: the same result, one writer, and a sentence when one of them fails."""

import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import pytest
import safetensors.torch
import torch

from zerosum.training import log

COMMON = ("--hidden", "16", "--batch-size", "32", "--log-every", "10", "--threads", "1", "--sample-every", "1000")
ENVIRONMENT = {**os.environ, "OMP_NUM_THREADS": "1"}


def start(*words, others=None, timeout=60):
    """The command on two ranks, without torchrun's agent: the processes and nothing else."""
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        port = free.getsockname()[1]
    both = {
        **ENVIRONMENT, "WORLD_SIZE": "2", "MASTER_ADDR": "127.0.0.1", "MASTER_PORT": str(port),
        "ZEROSUM_RANK_TIMEOUT": str(timeout),
    }  # fmt: skip
    return [
        subprocess.Popen(
            [sys.executable, "-m", "zerosum", "train", *(words if rank == 0 else others or words), *COMMON],
            env={**both, "RANK": str(rank), "LOCAL_RANK": str(rank)},
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
        )
        for rank in (0, 1)
    ]


def finish(processes):
    """Exit codes and what was said on stderr, rank by rank."""
    said = [process.communicate(timeout=150)[1] for process in processes]
    return [process.returncode for process in processes], said


def alone(*words):
    done = subprocess.run(
        [sys.executable, "-m", "zerosum", "train", *words, *COMMON],
        env={**ENVIRONMENT, "WORLD_SIZE": "1"}, capture_output=True, text=True, check=False, timeout=150,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    return done


def weights(out, round):
    return safetensors.torch.load_file(Path(out) / f"checkpoints/round-{round}/game.safetensors")


def gap(a, b):
    assert a.keys() == b.keys()
    return max(float((a[key].double() - b[key].double()).abs().max()) for key in a if not key.startswith("tally"))


def terms(out):
    return {line["round"]: line["terms"] for line in log.read(Path(out) / "log.jsonl") if "terms" in line}


def wait_for(path, processes, seconds=100):
    until = time.monotonic() + seconds
    while not path.exists():
        assert time.monotonic() < until
        assert all(process.poll() is None for process in processes), finish(processes)
        time.sleep(0.05)


@pytest.mark.fault
def test_fault_24_two_ranks_are_one_and_their_number_may_change():
    """2 -> 1 -> 2 on the same whole batch, against one rank throughout; the leader alone writes."""
    alone("mlp_gan", "--rounds", "45", "--out", "one")
    codes, said = finish(start("mlp_gan", "--rounds", "15", "--out", "two"))
    assert codes == [0, 0], said
    assert gap(weights("two", 15), weights("two", 15)) == 0
    done = alone("mlp_gan", "--rounds", "30", "--out", "two")
    assert "ranks changed from 2 to 1: bits may differ from here on." in done.stdout
    codes, said = finish(start("mlp_gan", "--rounds", "45", "--out", "two"))
    assert codes == [0, 0], said
    assert gap(weights("one", 45), weights("two", 45)) <= 1e-5
    ones, twos = terms("one"), terms("two")
    assert ones.keys() == twos.keys()
    for round, means in ones.items():
        assert twos[round] == pytest.approx(means, abs=1e-5)
    changes = json.loads(Path("two/config.json").read_text())["amendments"]
    assert [(c["what"], c["from"], c["to"]) for c in changes] == [("ranks", 2, 1), ("ranks", 1, 2)]
    assert {path.name for path in Path("two").iterdir()} == {path.name for path in Path("one").iterdir()}
    assert not Path("runs").exists()


def test_ranks_try_nothing_by_themselves(monkeypatch):
    """A rank that played a round alone would wait for the others, who wait for it."""
    monkeypatch.setitem(ENVIRONMENT, "OMP_NUM_THREADS", "2")
    monkeypatch.setattr("tests.training.test_distributed.COMMON", [w for w in COMMON if w not in ("--threads", "1")])
    codes, said = finish(start("mlp_gan", "--rounds", "5", "--out", "two", "--mode", "auto", timeout=20))
    assert codes == [0, 0], said
    record = json.loads(Path("two/config.json").read_text())
    assert (record["threads"], record["mode"]) == (2, "eager")
    assert record["mode_reason"].startswith("2 ranks meet in every round")


def test_torchrun_starts_them():
    done = subprocess.run(
        [
            sys.executable, "-m", "torch.distributed.run", "--standalone", "--nproc-per-node", "2", "-m", "zerosum",
            "train", "mlp_gan", "--rounds", "10", "--out", "run", *COMMON,
        ],
        env=ENVIRONMENT, capture_output=True, text=True, check=False, timeout=150,
    )  # fmt: skip
    assert done.returncode == 0, done.stderr
    assert done.stdout.count("done: round 10") == 1
    assert json.loads(Path("run/config.json").read_text())["ranks"] == 2


@pytest.mark.fault
@pytest.mark.parametrize("how", [signal.SIGKILL, signal.SIGSTOP], ids=lambda s: s.name)
def test_fault_22_a_rank_that_dies_or_hangs_is_named_and_the_run_goes_on(how):
    """The leader ends with exit code 6; the same command continues to the bits of an unbroken run."""
    processes = start("mlp_gan", "--rounds", "100000", "--save-every", "20", "--out", "run", timeout=8)
    wait_for(Path("run/checkpoints/latest"), processes)
    processes[1].send_signal(how)
    said = processes[0].communicate(timeout=100)[1]
    assert processes[0].returncode == 6
    assert re.search(
        r"zerosum: rank 1 no longer answers at round \d+ \(of 2 ranks\); the same command continues", said
    ), said
    assert said.count("\n") == 1
    processes[1].kill()
    processes[1].communicate()
    last = max(int(path.name.removeprefix("round-")) for path in Path("run/checkpoints").glob("round-*"))
    for out in ("run", "whole"):
        codes, said = finish(start("mlp_gan", "--rounds", str(last + 20), "--out", out))
        assert codes == [0, 0], said
    assert gap(weights("run", last + 20), weights("whole", last + 20)) == 0


@pytest.mark.fault
def test_fault_22_a_leader_that_dies_takes_the_others_with_it():
    processes = start("mlp_gan", "--rounds", "100000", "--save-every", "20", "--out", "run", timeout=8)
    wait_for(Path("run/checkpoints/latest"), processes)
    processes[0].kill()
    said = processes[1].communicate(timeout=100)[1]
    assert processes[1].returncode == 6
    assert "no longer answer" in said
    processes[0].communicate()


@pytest.mark.fault
def test_fault_23_ranks_started_otherwise_are_refused():
    words = ("mlp_gan", "--rounds", "20", "--out", "run")
    codes, said = finish(start(*words, others=(*words, "--gamma", "2")))
    assert codes == [2, 2]
    assert "all ranks must be started alike: gamma is 2.0 on rank 1 and 1.0 on rank 0." in said[0]
    assert not Path("run").exists()


PARTED = """
    if __import__("os").environ.get("RANK") == "1":
        with torch.no_grad():
            game.networks.generator[0][2].weight[3, 4] += 1e-3
    return Experiment("""


@pytest.mark.fault
def test_fault_23_ranks_that_part_are_stopped_before_anything_is_saved():
    from zerosum import recipes

    text = recipes.path_of("mlp_gan").read_text()
    assert text.count("\n    return Experiment(") == 1
    Path("mine.py").write_text(text.replace("\n    return Experiment(", PARTED))
    codes, said = finish(start("mine.py", "--rounds", "20", "--out", "run"))
    assert codes[0] == 6
    assert "ranks have parted: networks/" in said[0]
    assert "differs between rank 0 and rank 1 at round 20" in said[0]
    assert not list(Path("run").glob("checkpoints/round-*"))


BATCH_NORM = """networks=mlp_pair(spec.shape, config.latent, hidden, _leaky, final_bias=False)
        | {"statistics": nn.Sequential(nn.Flatten(), nn.BatchNorm1d(torch.Size(spec.shape).numel()))},"""


def test_batch_statistics_are_those_of_the_whole_batch():
    """Each rank sees half of it; the means of the running means are the whole's. Coupled games are warned of."""
    from zerosum import recipes

    text = recipes.path_of("mlp_gan").read_text()
    old = "networks=mlp_pair(spec.shape, config.latent, hidden, _leaky, final_bias=False),"
    assert old in text
    text = text.replace(old, BATCH_NORM)
    text = text.replace("from zerosum.game import Batch, Game,", "from zerosum.game import Batch, Game, Player,")
    old = "players=players(update),"
    assert old in text
    moves = 'Player(("discriminator", "statistics"), update)'
    text = text.replace(old, f'players=players(update) | {{"discriminator": {moves}}},')
    old = '            "pairing": softplus(fake_logits - real_logits).mean(),\n'
    assert old in text
    text = text.replace(old, f'{old}            "norm": 0.1 * net.statistics(real).pow(3).mean(),\n')
    Path("mine.py").write_text(text)
    processes = start("mine.py", "--rounds", "20", "--out", "two")
    out = processes[0].communicate(timeout=150)[0]
    processes[1].communicate()
    assert [process.returncode for process in processes] == [0, 0]
    assert "2 ranks change the training, as players are batch-dependent (discriminator)." in out
    alone("mine.py", "--rounds", "20", "--out", "one")
    mean = "networks/statistics/1.running_mean"
    torch.testing.assert_close(weights("two", 20)[mean], weights("one", 20)[mean], rtol=1e-5, atol=1e-6)
    assert float(weights("two", 20)[mean].abs().max()) > 0.1


def test_a_signal_to_the_leader_stops_all_and_saves():
    processes = start("mlp_gan", "--rounds", "100000", "--out", "run")
    wait_for(Path("run/log.jsonl"), processes)
    processes[0].send_signal(signal.SIGTERM)
    codes, said = finish(processes)
    assert codes == [75, 0], said
    assert "stopped by SIGTERM and saved" in said[0]
    assert Path("run/checkpoints/latest").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (
            ("--batch-size", "33"),
            "every rank plays an equal part of a batch: batch_size must be a multiple of 2, got 33",
        ),
        (("--mode", "compile"), "mode 'compile' is for one rank yet, got 2; use --mode eager."),
    ],
    ids=str,
)
def test_what_ranks_cannot_do(capsys, monkeypatch, words, said):
    from tests.cli.commands import answer

    monkeypatch.setenv("WORLD_SIZE", "2")
    code, _, err = answer(capsys, "train", "mlp_gan", "--rounds", "2", *words)
    assert code == 2
    assert said in err
