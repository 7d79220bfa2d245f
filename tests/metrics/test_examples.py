"""Which real examples a judge takes."""

import torch

from zerosum.data import Arrays, DataSpec, open_data
from zerosum.metrics.examples import CHUNK, spread


def taken(count, most):
    data = Arrays(DataSpec.of("line", "points", (1,)), {"x": torch.arange(float(count)).unsqueeze(1)})
    return torch.cat(list(spread(data, most))).flatten().long()


def test_examples_come_from_all_over_a_split():
    """One of each quarter; all, where more are asked for."""
    assert (taken(100, 4) // 25).tolist() == [0, 1, 2, 3]
    assert taken(100, 1000).tolist() == list(range(100))
    assert taken(100, 100).tolist() == list(range(100))
    assert torch.equal(taken(100, 30), taken(100, 30))
    endless = open_data("gaussian", "test", seed=0)
    assert torch.equal(torch.cat(list(spread(endless, 10))), endless.batch(0, 10)["x"])


def test_classes_that_take_turns_are_all_taken():
    """Every second of ten classes that take turns would be of five; none may be off by more than five deviations."""
    classes = torch.bincount(taken(10_000, 5000) % 10, minlength=10)
    assert (classes - 500).abs().max() < 5 * 500**0.5 / 2**0.5


def test_chunks_are_the_whole_in_its_order():
    count = 3 * CHUNK + 7
    data = Arrays(DataSpec.of("line", "points", (1,)), {"x": torch.arange(float(count)).unsqueeze(1)})
    for most in (2 * count, CHUNK + 1):
        chunks = list(spread(data, most))
        assert max(len(chunk) for chunk in chunks) == CHUNK
        found = torch.cat(chunks).flatten()
        assert len(found) == min(most, count)
        assert (found.diff() > 0).all()
