"""Which real examples a judge takes."""

import torch

from zerosum.data import DataSpec, Stored, open_data
from zerosum.metrics.examples import CHUNK, spread


def test_examples_come_from_all_over_a_split():
    data = Stored(DataSpec("line", (1,), "real"), torch.arange(100.0).unsqueeze(1))
    assert torch.cat(list(spread(data, 4))).flatten().tolist() == [0, 25, 50, 75]
    assert torch.equal(torch.cat(list(spread(data, 1000))), data.batch(0, 100)["x"])
    endless = open_data("gaussian", "test", seed=0)
    assert torch.equal(torch.cat(list(spread(endless, 10))), endless.batch(0, 10)["x"])


def test_chunks_are_the_whole_in_its_order():
    count = 3 * CHUNK + 7
    data = Stored(DataSpec("line", (1,), "real"), torch.arange(float(count)).unsqueeze(1))
    for most, first in ((2 * count, [0, 1, 2]), (CHUNK + 1, [0, 3, 6])):
        chunks = list(spread(data, most))
        assert max(len(chunk) for chunk in chunks) == CHUNK
        taken = torch.cat(chunks).flatten()
        assert len(taken) == min(most, count)
        assert taken[:3].tolist() == first
        assert (taken.diff() > 0).all()
