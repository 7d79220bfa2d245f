"""What every test starts from: one thread, a known default generator, and a folder of its own."""

import contextlib
import os
import zlib

# For the processes that tests start too: two threads that wait for each other on a busy machine are slower than one.
os.environ["OMP_NUM_THREADS"] = "1"

import pytest
import torch

from zerosum.data.prepared import CACHE


@pytest.fixture(autouse=True)
def _one_thread_and_known_randomness():
    torch.set_num_threads(1)
    torch.manual_seed(0)


@pytest.fixture(autouse=True, scope="session")
def _own_cache(tmp_path_factory):
    os.environ[CACHE] = str(tmp_path_factory.mktemp("cache"))


@pytest.fixture(autouse=True)
def _own_folder(tmp_path):
    with contextlib.chdir(tmp_path):
        yield


def pytest_addoption(parser):
    parser.addoption("--shard", default="1/1", help="i/n: run the i-th of n parts of the tests")


def pytest_collection_modifyitems(config, items):
    part, parts = (int(number) for number in config.getoption("--shard").split("/"))
    if not 1 <= part <= parts:
        raise pytest.UsageError(f"--shard must be i/n with 1 <= i <= n, got {part}/{parts}.")
    chosen = [item for item in items if zlib.crc32(item.nodeid.encode()) % parts == part - 1]
    config.hook.pytest_deselected(items=[item for item in items if item not in set(chosen)])
    items[:] = chosen
