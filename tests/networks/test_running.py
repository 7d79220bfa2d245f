"""The running mean against its sum."""

import torch

from zerosum.networks import RunningMean


def test_it_is_the_weighted_sum_of_what_went_by():
    mean = RunningMean(0.9, (3,)).double().eval()
    batches = [torch.randn(4, 3, dtype=torch.float64, requires_grad=True) for _ in range(5)]
    told = [mean(batch) for batch in batches]
    wanted = sum(0.1 * 0.9 ** (4 - i) * batch.detach().mean(0) for i, batch in enumerate(batches))
    torch.testing.assert_close(told[-1], wanted)
    torch.testing.assert_close(mean.mean, wanted)
    torch.testing.assert_close(told[0], 0.1 * batches[0].detach().mean(0))
    assert not told[-1].requires_grad
