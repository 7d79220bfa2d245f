"""What every test starts from: one thread, a known default generator, and a folder of its own."""

import contextlib
import os

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
