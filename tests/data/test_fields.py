"""Fields and kinds: what a data set is as JSON and back, and data of one's own that are no images."""

import csv
import wave
from pathlib import Path

import numpy as np
import pytest
import torch

import zerosum as zs
from zerosum.data import KINDS, Arrays, Column, DataSpec, Field, open_data
from zerosum.data.kinds import UNLABELLED
from zerosum.data.kinds.table import coordinates, values
from zerosum.data.kinds.tokens import text
from zerosum.data.waveforms import read_wave
from zerosum.errors import ConfigError, DataError

TABLE = Field(KINDS["table"], (3,), columns=(Column("age", (), 40.0, 10.0), Column("pet", ("cat", "dog"))))


def test_a_spec_is_read_back_from_its_record():
    fields = {"x": TABLE, "label": Field(KINDS["label"], (), 2, ("no", "yes"), (0.25, 0.75))}
    spec = DataSpec("pets", fields, 80)
    assert DataSpec.read(spec.record()) == spec
    assert (spec.shape, spec.kind.name, spec.classes, spec.labels, spec.shares) == (
        (3,),
        "table",
        2,
        ("no", "yes"),
        (0.25, 0.75),
    )


@pytest.mark.parametrize("record", [{}, {"name": "x"}, {"name": "x", "fields": {"x": {}}}, {"name": "x", "fields": 3}])
def test_what_is_no_record_is_refused(record):
    with pytest.raises(ValueError, match="this is no record of data"):
        DataSpec.read(record)


def test_a_missing_field_and_a_size_that_differs_are_named():
    with pytest.raises(ConfigError, match=r"pairs has no field x \(it has: a, b\)"):
        _ = DataSpec("pairs", {"a": TABLE, "b": TABLE}).x
    with pytest.raises(ConfigError, match="the examples of clips differ in size"):
        _ = DataSpec("clips", {"x": Field(KINDS["waveform"], (None,))}).shape


@pytest.mark.parametrize(
    "kind", [kind for kind in KINDS.values() if kind.picture is not None], ids=lambda kind: kind.name
)
def test_every_kind_that_has_a_picture_draws_one(kind):
    examples = {"image": torch.rand(5, 1, 8, 8), "binary": torch.ones(5, 1, 8, 8), "tokens": torch.randint(9, (5, 12))}
    x = examples.get(kind.name, torch.randn(5, 300 if kind.name == "waveform" else 3))
    field = TABLE if kind.name == "table" else Field(kind, tuple(x.shape[1:]), names=tuple("abcdefghi"))
    assert min(kind.picture(x, field, x if kind.over_reals else None).size) > 4


def test_a_picture_of_text_is_its_lines():
    field = Field(KINDS["tokens"], (3,), 2, ("a", "b"))
    one, two = (
        KINDS["tokens"].picture(torch.tensor(rows), field, None) for rows in ([[0, 1, 0]], [[0, 1, 0], [1, 1, 1]])
    )
    assert two.height == one.height + 16
    assert two.crop((0, 0, one.width, 24)).tobytes() == one.crop((0, 0, one.width, 24)).tobytes()
    assert coordinates(TABLE.columns) == ["age", "pet = cat", "pet = dog"]


@pytest.mark.parametrize(
    "kind", [kind for kind in KINDS.values() if kind.write is not None], ids=lambda kind: kind.name
)
def test_every_kind_writes_an_example(kind, tmp_path):
    field, x = {
        "image": (Field(kind, (1, 8, 8)), torch.rand(1, 8, 8)),
        "binary": (Field(kind, (1, 8, 8)), torch.ones(1, 8, 8)),
        "tokens": (Field(kind, (3,), 2, ("a", "b")), torch.tensor([0, 1, 0])),
        "waveform": (Field(kind, (100,), rate=8000), torch.randn(100)),
        "table": (TABLE, torch.tensor([0.5, 0.1, 0.9])),
        "label": (Field(kind, (), 2, ("no", "yes")), torch.tensor(1)),
        "points": (Field(kind, (2,)), torch.zeros(2)),
    }[kind.name]
    path = tmp_path / f"one{kind.suffix}"
    kind.write(path, x, field)
    assert path.stat().st_size > 0


def test_a_row_is_written_as_it_stood_in_the_table():
    assert values(torch.tensor([0.5, 0.1, 0.9]), TABLE.columns) == ["45", "dog"]
    assert text(torch.tensor([0, 1]), ("a", "b")) == "ab"
    assert text(torch.tensor([0, 1]), ("one", "two")) == "one two"
    assert text(torch.tensor([7, 1]), ()) == "7 1"


def test_groups_have_orders_of_their_own_and_wrap_at_their_own_count():
    a, b = torch.arange(6.0)[:, None], torch.arange(4.0)[:, None]
    point = Field(KINDS["points"], (1,))
    data = Arrays(DataSpec("two", {"a": point, "b": point}), {"a": a, "b": b}, seed=0, groups=(("a",), ("b",)))
    assert data.count == 6
    batch = data.batch(0, 12)
    assert sorted(batch["a"][:6].flatten().tolist()) == list(range(6))
    assert sorted(batch["b"][:4].flatten().tolist()) == sorted(batch["b"][4:8].flatten().tolist()) == list(range(4))
    alike = Arrays(data.spec, {"a": torch.arange(50), "b": torch.arange(50)}, seed=0, groups=(("a",), ("b",)))
    assert not torch.equal(alike.batch(0, 50)["a"], alike.batch(0, 50)["b"])  # domains of one size are not paired
    later = data.batch(5, 4)
    assert all(torch.equal(later[name], batch[name][5:9]) for name in "ab")


def test_fields_of_a_group_stay_paired_and_have_one_length():
    x = torch.arange(9)
    data = Arrays(DataSpec("pair", {"a": TABLE, "b": TABLE}), {"a": x, "b": 10 * x}, seed=3)
    batch = data.batch(4, 9)
    assert torch.equal(10 * batch["a"], batch["b"])
    assert batch["a"].dtype == torch.int64
    with pytest.raises(ValueError, match="fields of a group have equal numbers of examples"):
        Arrays(DataSpec("pair"), {"a": x, "b": x[:3]})


@pytest.mark.parametrize("how", ["threshold", "random"])
def test_binary_images_depend_on_their_position_alone(how):
    data = open_data(f"digits[binary={how}]", seed=1)
    assert (data.spec.kind.name, data.spec.name) == ("binary", f"digits[binary={how}]")
    whole = data.batch(0, 40)["x"]
    assert set(whole.unique().tolist()) == {0.0, 1.0}
    assert torch.equal(data.batch(7, 9)["x"], whole[7:16])
    grey = open_data("digits", seed=1).batch(0, 40)["x"]
    if how == "threshold":
        assert torch.equal(whole, (grey > 0.5).float())
    else:
        assert float((whole - grey).mean()) == pytest.approx(0, abs=0.03)
        assert not torch.equal(data.batch(data.count, 40)["x"], whole)
        stored = open_data(f"digits[binary={how}]", "test")
        assert torch.equal(stored.batch(0, 9)["x"], stored.batch(stored.count, 9)["x"])


def test_what_cannot_be_binary_is_refused():
    np.save("two.npy", np.zeros((20, 2), np.float32))
    with pytest.raises(DataError, match=r"takes \[binary=threshold\] or \[binary=random\] alone, got \[binary=x\]"):
        open_data("digits[binary=x]")
    with pytest.raises(DataError, match=r"\[binary=random\] is of images, and points holds points"):
        Arrays(DataSpec.of("points", "points", (1,)), {"x": torch.zeros(3, 1)}).binarized("random")


def table(path, rows=60, columns=12):
    """A table of numbers, one column of categories and labels, some empty."""
    rng = np.random.default_rng(0)
    with Path(path).open("w", newline="") as file:
        writer = csv.writer(file)
        writer.writerow([*(f"n{i}" for i in range(columns - 2)), "colour", "label"])
        for row in range(rows):
            label = "" if row % 10 == 0 else ("low", "high")[row % 2]
            writer.writerow([*rng.normal(5, 3, columns - 2).round(3), ("red", "green", "blue")[row % 3], label])


def test_a_table_is_standardised_and_one_hot_with_partial_labels():
    table("rows.csv")
    data = open_data("rows.csv")
    assert data.spec.kind.name == "table"
    assert data.spec.shape == (10 + 3,)
    assert data.spec.labels == ("high", "low")
    batch = data.batch(0, data.count)
    torch.testing.assert_close(batch["x"][:, :10].mean(0), torch.zeros(10), atol=1e-5, rtol=0)
    torch.testing.assert_close(batch["x"][:, :10].std(0, correction=0), torch.ones(10), atol=1e-5, rtol=0)
    lines = [line.split(",") for line in Path("rows.csv").read_text().splitlines()[1:]]
    rows = {(*(f"{float(cell):.6g}" for cell in line[:10]), line[10]) for line in lines}
    assert tuple(values(batch["x"][0], data.spec.x.columns)) in rows  # as it stood in the file
    assert (batch["x"][:, 10:].sum(1) == 1).all()
    assert UNLABELLED in batch["label"].tolist()
    assert sum(open_data("rows.csv", split).count for split in ("train", "valid", "test")) == 60


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ("a,b\n", "has no rows"),
        ("a,b\n1,2\n3\n", "line 3 of .* has 1 values for 2 columns"),
        ("label\nx\ny\n", "no column"),
    ],
)
def test_tables_that_do_not_fit(content, message):
    Path("bad.csv").write_text(content)
    with pytest.raises(DataError, match=message):
        open_data("bad.csv")


def wav(path, samples, rate=8000, width=2):
    """A .wav file of samples in [-1, 1]."""
    scale = {1: 127, 2: 32767, 3: 2**23 - 1, 4: 2**31 - 1}[width]
    whole = np.round(np.asarray(samples) * scale).astype(np.int64) + (128 if width == 1 else 0)
    raw = b"".join(int(v).to_bytes(width, "little", signed=width > 1) for v in whole)
    Path(path).parent.mkdir(parents=True, exist_ok=True)
    with wave.open(str(path), "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(width)
        file.setframerate(rate)
        file.writeframes(raw)


@pytest.mark.parametrize("width", [1, 2, 3, 4])
def test_waveforms_of_every_width_are_what_they_were(width):
    samples = np.sin(np.linspace(0, 6, 50))
    wav("one.wav", samples, width=width)
    read, rate = read_wave(Path("one.wav"))
    assert rate == 8000
    np.testing.assert_allclose(read, samples, atol=2 / 127 if width == 1 else 1e-4)


def test_a_folder_of_waveforms_is_padded_or_cut():
    for i in range(20):
        wav(f"sounds/{'ab'[i % 2]}/{i}.wav", np.random.default_rng(i).uniform(-1, 1, 80 + i))
    data = open_data("sounds")
    assert (data.spec.kind.name, data.spec.shape, data.spec.x.rate, data.spec.labels) == (
        "waveform",
        (99,),
        8000,
        ("a", "b"),
    )
    batch = data.batch(0, 5)
    assert batch["x_length"].dtype == torch.int64
    for row, length in zip(batch["x"], batch["x_length"], strict=True):
        assert (row[length:] == 0).all()
    assert open_data("sounds[window=32]").batch(0, 3)["x"].shape == (3, 32)
    with pytest.raises(DataError, match=r"takes \[window=N\] with N at least 1"):
        open_data("sounds[window=x]")


def test_tokens_and_text_stay_int64():
    np.save("ids.npy", np.random.default_rng(0).integers(0, 50, (100, 16)))
    data = open_data("ids.npy")
    assert (data.spec.kind.name, data.spec.x.classes) == ("tokens", 50)
    assert data.batch(0, 4)["x"].dtype == torch.int64
    Path("book.txt").write_text("to be or not to be, that is the question. " * 100)
    book = open_data("book.txt[window=20]", seed=0)
    assert book.spec.shape == (20,)
    assert set(text(book.batch(0, 1)["x"][0], book.spec.x.names)) <= set("to be or not to be, that is the question. ")


@pytest.mark.parametrize(("recipe", "data"), [("r1gan", "two.npy"), ("r1gan", "twelve.npy"), ("wgan_gp", "rows.csv")])
def test_recipes_of_any_examples_train_on_points_and_tables_of_ones_own(recipe, data):
    rng = np.random.default_rng(0)
    np.save("two.npy", rng.normal(size=(60, 2)).astype(np.float32))
    np.save("twelve.npy", rng.normal(size=(60, 12)).astype(np.float32))
    table("rows.csv")
    run = zs.train(recipe, data=data, rounds=3, batch_size=16, hidden=8, out="run", progress=False)
    assert run.round == 3
    assert run.picture.stat().st_size > 0
    assert zs.load(run).sample(5).shape == (5, *open_data(data).spec.shape)


def test_tokens_are_refused_by_recipes_of_real_numbers():
    Path("book.txt").write_text("to be or not to be, that is the question. " * 100)
    with pytest.raises(ConfigError, match="vanilla makes real numbers, and book holds tokens"):
        zs.train("vanilla", data="book.txt", rounds=2, out="run", progress=False)
    assert not Path("run").exists()


def test_waveforms_train_and_are_previewed():
    for i in range(20):
        wav(f"sounds/{i}.wav", np.random.default_rng(i).uniform(-1, 1, 64))
    run = zs.train("wgan_gp", data="sounds", rounds=2, batch_size=16, hidden=8, out="run", progress=False)
    assert run.picture.stat().st_size > 0
    assert zs.load(run).sample(3).abs().max() <= 1


def test_an_archive_of_waveforms_needs_a_rate():
    pcm = np.random.default_rng(0).integers(-(2**15), 2**15, 4000).astype(np.int16)
    np.savez("clips.npz", pcm=pcm, offsets=np.arange(0, 4001, 200), digit=np.arange(20) % 10)
    with pytest.raises(DataError, match=r"does not say its sampling rate; add \[rate=HZ\]"):
        open_data("clips.npz")
    data = open_data("clips.npz[rate=8000, window=100]")
    assert (data.spec.x.rate, data.spec.shape, data.spec.classes) == (8000, (100,), 10)
    assert data.batch(0, 5)["x"].abs().max() <= 1


def test_the_last_layer_has_the_range_of_the_kind():
    """A generator of images ends with a sigmoid, of waveforms with tanh; points and tables are unbounded."""
    x = torch.linspace(-50, 50, 101)
    for kind in KINDS.values():
        assert (kind.last_layer is None) == (kind.range is None)
        if kind.last_layer is not None:
            made = kind.last_layer()(x)
            assert (made.min(), made.max()) == pytest.approx(kind.range, abs=1e-6)


def test_partial_labels_are_refused_where_every_image_needs_one():
    label = np.arange(60) % 3
    label[::5] = -1
    np.savez("part.npz", x=(np.random.default_rng(0).random((60, 8, 8)) * 255).astype(np.uint8), y=label)
    spec = open_data("part.npz").spec
    assert (spec.classes, spec.labelled, DataSpec.read(spec.record())) == (3, False, spec)
    with pytest.raises(ConfigError, match="acgan needs a label of every image, and some of part have none"):
        zs.train("acgan", data="part.npz", rounds=2, out="run", progress=False)
    run = zs.train("vanilla", data="part.npz", rounds=2, batch_size=16, out="plain", progress=False)
    assert [result.metric.partition("[")[0] for result in run.results] == ["neighbour_distance"]
