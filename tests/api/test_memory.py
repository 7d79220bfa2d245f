"""What needs more memory than there is: refused before it is made, or said in a sentence when it happens."""

import dataclasses
import json
import math
import os
import re
import resource
import subprocess
import sys
import typing
from pathlib import Path

import pytest
import torch
from hypothesis import given, settings, strategies as st

from tests.children import command_line, finish
from tests.cli.commands import answer
from tests.recipes.test_contract import DATA, RECIPES
from zerosum import api, recipes
from zerosum.api.memory import check_memory, ran_out
from zerosum.data import open_data
from zerosum.errors import ConfigError


@pytest.mark.fault
@pytest.mark.parametrize("value", [math.nan, math.inf, -math.inf, -1, 0, -1e30])
@pytest.mark.parametrize("name", RECIPES)
def test_numbers_without_a_sense_are_refused_by_name(name, value):
    """Every number of every recipe, each as the only one that is wrong; 0 where 0 is none."""
    config = recipes.find(name).Config
    hints = typing.get_type_hints(config)
    refused = []
    for field in dataclasses.fields(config):
        if hints[field.name] not in (int, float):
            continue
        try:
            api.checked(config, {field.name: value}, "here")
        except ConfigError as error:
            refused.append((field.name, str(error)))
        else:
            assert value in (0, -1), (field.name, value)
    assert refused
    assert all(field in said for field, said in refused)


SIZES = {"hidden", "width", "units", "depth", "blocks"}
IDLE = {("sngan", "width"), ("wgan_gp", "width")}
SAID = r"needs [\d,.]+ GiB of memory at least, most of it for|more memory than can be counted|equal to 1000"


@pytest.mark.fault
@pytest.mark.timeout(120)
@pytest.mark.parametrize("name", RECIPES)
def test_huge_sizes_are_answered_with_an_estimate_and_nothing_is_set_aside(name):
    """A width, a depth, a latent of a billion: a sentence with what it would need, in little time and memory."""
    module = recipes.find(name)
    data = DATA[recipes.needs(name)][0]
    before = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    answers = []
    for field in (f.name for f in dataclasses.fields(module.Config) if f.name in SIZES):
        try:
            api.resolve(name, api.Options(data=data), {field: 10**9})
        except ConfigError as error:
            answers.append(str(error))
        else:  # a size of networks that were not asked for
            assert (name, field) in IDLE
    assert answers
    assert all(re.search(SAID, answer) for answer in answers)
    assert resource.getrusage(resource.RUSAGE_SELF).ru_maxrss - before < 300_000  # KiB


@settings(deadline=None, max_examples=30)
@given(width=st.integers(1, 10**7))
def test_the_estimate_is_what_is_said(width):
    """Of perceptrons of this width, in closed form: refused if and only if it is more than the machine has."""
    module = recipes.find("mlp_gan")
    config = module.Config(hidden=width, depth=2)
    spec = open_data("digits").spec
    weights = 2 * (16 * width + width * width + width * 64 + 3 * width)  # about
    total = os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES")
    try:
        check_memory(module, config, spec, torch.device("cpu"))
        refused = False
    except ConfigError:
        refused = True
    if weights * 16 > 1.5 * total:
        assert refused
    if weights * 16 < total / 1.5:
        assert not refused


def test_a_huge_batch_of_an_endless_stream(capsys):
    code, _, err = answer(capsys, "train", "mlp_gan", "--data", "ring", "--batch-size", "100000000000", "--out", "run")
    assert code == 2
    assert "most of it for a batch" in err
    assert not Path("run").exists()


@pytest.mark.fault
def test_memory_that_runs_out_is_a_sentence_and_the_checkpoint_is_whole():
    """A real one: the address space of the process is limited after its first checkpoint."""
    words = ("train", "mlp_gan", "--out", "run", "--batch-size", "64", "--threads", "1")
    assert finish(command_line, *words, "--rounds", "3") == 0
    code = (
        "import resource, sys; from zerosum.cli import main\n"
        "from zerosum.training import BatchBuilder\n"
        "made = BatchBuilder.batches\n"
        "def hungry(self, round, images):\n"
        "    import torch\n"
        "    if round == 5:\n"
        "        resource.setrlimit(resource.RLIMIT_AS, (1 << 30, -1)); torch.empty(1 << 29)\n"
        "    return made(self, round, images)\n"
        "BatchBuilder.batches = hungry\n"
        f"sys.exit(main({[*words, '--rounds', '9']!r}))"
    )
    child = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=False)
    assert child.returncode == 2
    assert "zerosum: memory ran out at a batch of 64 examples of 1x8x8; play it in parts" in child.stderr
    assert "--micro-batches 2" in child.stderr
    assert "the checkpoint of round 3 is whole" in child.stderr
    assert "Traceback" not in child.stderr
    assert json.loads(Path("run/config.json").read_text())["recipe"] == "mlp_gan"
    assert finish(command_line, *words, "--rounds", "5") == 0


@pytest.mark.fault
def test_a_device_that_runs_out_says_the_same(monkeypatch, capsys):
    def out(*arguments):
        raise torch.OutOfMemoryError("CUDA out of memory. Tried to allocate 20.00 GiB.")

    monkeypatch.setattr("zerosum.training.loop.Training.run", out)
    code, _, err = answer(capsys, "train", "mlp_gan", "--rounds", "3", "--out", "run", "--micro-batches", "4")
    assert code == 2
    assert "memory ran out at a batch of 128" in err
    assert "--micro-batches 8" in err
    assert "nothing was begun" in err


def test_other_errors_are_none_of_memory():
    assert ran_out(MemoryError())
    assert ran_out(RuntimeError("DefaultCPUAllocator: can't allocate memory: you tried to allocate 1 bytes"))
    assert not ran_out(RuntimeError("mat1 and mat2 shapes cannot be multiplied"))
    assert not ran_out(ValueError("not enough memory"))
