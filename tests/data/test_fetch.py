"""Fetching, from a server of our own on this machine: whole, checked, from the next mirror, or not at all."""

import functools
import hashlib
import http.server
import threading

import pytest

from tests.data.test_known import mnist
from zerosum.data import fetch as fetching, known, open_data
from zerosum.data.fetch import fetch
from zerosum.data.mirrors import Remote
from zerosum.errors import DataError

CONTENT = bytes(range(256)) * 5000


class Handler(http.server.SimpleHTTPRequestHandler):
    """Serves a folder; what is asked under ``/short/`` breaks off, under ``/other/`` is something else."""

    def do_GET(self):
        self.server.asked.append(self.path)
        if self.path.startswith("/short/"):
            self.send_response(200)
            self.send_header("Content-Length", str(len(CONTENT)))
            self.end_headers()
            self.wfile.write(CONTENT[:1000])
            return
        if self.path.startswith("/other/"):
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b"an error page that says it is fine")
            return
        super().do_GET()

    def log_message(self, *arguments):
        pass


@pytest.fixture
def server(tmp_path):
    folder = tmp_path / "served"
    folder.mkdir()
    handler = functools.partial(Handler, directory=str(folder))
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as served:
        served.asked, served.folder = [], folder
        served.address = f"http://127.0.0.1:{served.server_address[1]}/"
        threading.Thread(target=served.serve_forever, daemon=True).start()
        yield served
        served.shutdown()


@pytest.fixture
def remote(server):
    (server.folder / "file.bin").write_bytes(CONTENT)
    return Remote("file.bin", hashlib.sha256(CONTENT).hexdigest())


def test_what_is_missing_is_fetched_once(server, remote, tmp_path):
    folder = tmp_path / "root" / "set"
    for _ in range(2):
        fetch("set", [remote], [server.address], folder)
        assert (folder / "file.bin").read_bytes() == CONTENT
    assert server.asked == ["/file.bin"]
    assert [p.name for p in folder.iterdir()] == ["file.bin"]


@pytest.mark.fault
@pytest.mark.parametrize("bad", ["short/", "other/", "absent/"])
def test_the_next_mirror_serves(server, remote, tmp_path, bad):
    fetch("set", [remote], [server.address + bad, server.address], tmp_path / "set")
    assert (tmp_path / "set" / "file.bin").read_bytes() == CONTENT


@pytest.mark.fault
@pytest.mark.parametrize(
    ("bad", "reason"),
    [
        ("short/", "1000 of 1280000 bytes|IncompleteRead"),
        ("other/", "has SHA-256 [0-9a-f]{12}..., not"),
        ("absent/", "HTTP Error 404"),
    ],
)
def test_where_none_serves_it_says_where_to_put_the_files(server, remote, tmp_path, bad, reason):
    with pytest.raises(DataError, match=reason) as raised:
        fetch("set", [remote], [server.address + bad], tmp_path / "set")
    assert f"put file.bin in {tmp_path / 'set'}, or say with --data-root where" in str(raised.value)
    assert list((tmp_path / "set").iterdir()) == []  # nothing half done is left


@pytest.mark.fault
def test_offline_and_absent(tmp_path, monkeypatch):
    monkeypatch.setitem(known.MIRRORS, "mnist", ("http://127.0.0.1:9/",))  # nobody listens there
    with pytest.raises(DataError, match=r"data 'mnist' is not in .*mnist and cannot be downloaded .*refused"):
        open_data("mnist", root=tmp_path)


@pytest.mark.fault
def test_a_folder_that_cannot_be_written(server, remote, tmp_path):
    (tmp_path / "set").write_text("a file in its place")
    with pytest.raises(DataError, match="cannot be downloaded"):
        fetch("set", [remote], [server.address], tmp_path / "set")


def test_a_known_data_set_comes_by_its_name(server, tmp_path, monkeypatch):
    import gzip

    mnist(server.folder, train=10_010, test=3, pack=gzip.compress)
    files = tuple(
        Remote(p.name, hashlib.sha256(p.read_bytes()).hexdigest()) for p in sorted((server.folder / "mnist").iterdir())
    )
    order = ("train-im", "train-la", "t10k-im", "t10k-la")
    monkeypatch.setitem(known.FILES, "mnist", tuple(next(f for f in files if f.name.startswith(o)) for o in order))
    monkeypatch.setitem(known.MIRRORS, "mnist", (server.address + "mnist/",))
    assert open_data("mnist", root=tmp_path / "root").count == 10
    assert open_data("mnist", "test", root=tmp_path / "root").count == 3
    assert len(server.asked) == 4


def test_progress_is_for_terminals(server, remote, tmp_path, monkeypatch, capsys):
    fetch("set", [remote], [server.address], tmp_path / "a")
    assert capsys.readouterr().err == ""
    monkeypatch.setattr(fetching.sys.stderr, "isatty", lambda: True, raising=False)
    fetch("set", [remote], [server.address], tmp_path / "b")
    shown = capsys.readouterr().err
    assert "downloading file.bin: 81 % of 1.2 MiB" in shown
    assert shown.endswith("downloading file.bin: 100 % of 1.2 MiB\n")
