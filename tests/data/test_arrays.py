"""Position-addressed data in memory."""

import torch
from hypothesis import given, settings, strategies as st

from zerosum.data import Arrays, DataSpec

SPEC = DataSpec.of("count", "points", (1,), count=7)


def stored(n=7, seed=0, **kwargs):
    return Arrays(SPEC, {"x": torch.arange(float(n)).unsqueeze(1)}, seed=seed, **kwargs)


def read(data, position, size):
    return data.batch(position, size)["x"].flatten().tolist()


def test_an_epoch_is_every_example_once_and_epochs_differ():
    data = stored()
    first, second = read(data, 0, 7), read(data, 7, 7)
    assert sorted(first) == sorted(second) == list(range(7))
    assert first != second
    assert read(stored(seed=1), 0, 7) != first


def test_without_a_seed_the_order_is_the_stored_one():
    assert read(stored(seed=None), 5, 4) == [5, 6, 0, 1]


@settings(deadline=None, max_examples=60)
@given(n=st.integers(1, 9), cuts=st.lists(st.integers(1, 12), min_size=1, max_size=8))
def test_batches_of_any_size_read_one_and_the_same_stream(n, cuts):
    """However it is cut, wherever it is continued: position is all there is."""
    whole = read(stored(n), 0, sum(cuts))
    position, parts = 0, []
    for size in cuts:
        parts += read(stored(n), position, size)  # a new object each time, as after a restart
        position += size
    assert parts == whole


def test_bytes_become_floats_in_0_1_and_labels_come_along():
    x = torch.tensor([[[[0, 255]]], [[[51, 102]]]], dtype=torch.uint8)
    batch = Arrays(
        DataSpec.of("two", "image", (1, 1, 2), classes=2, count=2), {"x": x, "label": torch.tensor([0, 1])}
    ).batch(0, 2)
    torch.testing.assert_close(batch["x"], torch.tensor([[[[0.0, 1.0]]], [[[0.2, 0.4]]]]))
    assert batch["x"].dtype == torch.float32
    assert batch["label"].tolist() == [0, 1]


def test_fingerprints_are_of_the_content():
    assert stored().fingerprint == stored(seed=5).fingerprint
    assert stored().fingerprint != stored(8).fingerprint
    labelled = Arrays(SPEC, {"x": torch.arange(7.0).unsqueeze(1), "label": torch.zeros(7, dtype=torch.int64)})
    assert labelled.fingerprint != stored().fingerprint


def test_only_the_orders_in_use_are_kept():
    data = stored()
    for epoch in range(20):
        read(data, 7 * epoch, 9)
    assert len(data._orders) <= 2
