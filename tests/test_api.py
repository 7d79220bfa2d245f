"""Names to things: train, load, models."""

import json
import re
import shutil
from pathlib import Path

import pytest
import safetensors.torch
import torch

import zerosum as zs
from tests.cli.commands import answer
from zerosum import api, recipes
from zerosum.api import plans
from zerosum.data import open_data
from zerosum.errors import ConfigError, DataError, RunError, Unsupported
from zerosum.game import execution
from zerosum.profiling import autotune
from zerosum.recipes.gan.vanilla import Config
from zerosum.training import log
from zerosum.training.folder import read_record


def train(recipe="vanilla", **kwargs):
    options = {"data": "digits", "out": "run", "rounds": 5, "batch_size": 16, "progress": False}
    return zs.train(recipe, **{**options, **kwargs})


def edit(old, new):
    """Change the record of a run, and say that the change is meant."""
    path = Path("run/config.json")
    record = json.loads(path.read_text().replace(old, new))
    del record["sha256"]
    path.write_text(json.dumps(record))


def test_train_load_sample():
    run = train(rounds=20)
    assert (run.round, run.examples, run.path) == (20, 320, Path("run"))
    assert run.picture.is_file()
    assert [r.metric.partition("[")[0] for r in run.results] == ["neighbour_classes", "neighbour_distance"]
    model = zs.load("run")
    images = model.sample(64, seed=0)
    assert images.shape == (64, 1, 8, 8)
    assert images.dtype == torch.float32
    assert 0 <= images.min() <= images.max() <= 1
    assert torch.equal(images, zs.load(run).sample(64, seed=0))
    assert not torch.equal(images, model.sample(64, seed=1))
    assert torch.equal(torch.cat(list(model.samples(64))), images)
    assert (model.recipe, model.round, model.config.batch_size, model.spec.name) == ("vanilla", 20, 16, "digits")
    assert tuple(model.outputs) == ("sample", "decode", "score")
    assert model.score(images).shape == (64,)


def test_averages_are_shown_and_raw_is_the_other():
    train("mlp_gan", rounds=30)
    model = zs.load("run")
    assert not torch.equal(model.sample(8), model.sample(8, raw=True))


def test_an_earlier_checkpoint():
    train(rounds=6, save_every=2)
    assert zs.load("run").round == 6
    early = zs.load("run", round=2)
    assert early.round == 2
    assert not torch.equal(early.sample(4), zs.load("run").sample(4))
    with pytest.raises(RunError, match="has no checkpoint of round 3"):
        zs.load("run", round=3)


def test_a_model_says_what_it_cannot_do():
    train()
    said = r"has no output 'log_prob': its density is implicit; .* \(it has: sample, decode, score\)"
    with pytest.raises(Unsupported, match=said):
        zs.load("run").log_prob(torch.zeros(1, 1, 8, 8))
    with pytest.raises(ConfigError, match="n must be at least 1, got 0"):
        zs.load("run").sample(0)


def test_loading_what_is_no_run():
    with pytest.raises(RunError, match=r"nowhere is no run folder"):
        zs.load("nowhere")
    Path("empty").mkdir()
    with pytest.raises(RunError, match=r"empty is no run folder \(there is no config.json in it\)"):
        zs.load("empty")
    train()
    import shutil

    shutil.rmtree("run/checkpoints")
    with pytest.raises(RunError, match="run has no checkpoint yet"):
        zs.load("run")


def test_loading_needs_no_data_and_changes_nothing():
    train("vanilla", data="ring")
    before = {p: p.read_bytes() for p in Path("run").rglob("*") if p.is_file()}
    assert zs.load("run").sample(3).shape == (3, 2)
    assert {p: p.read_bytes() for p in Path("run").rglob("*") if p.is_file()} == before


def test_a_damaged_checkpoint_is_passed_over_with_a_warning_and_left_in_place():
    train(rounds=4, save_every=2)
    (Path("run") / "checkpoints/round-4/game.safetensors").write_bytes(b"")
    with pytest.warns(UserWarning, match=r"round-4 is damaged: game.safetensors has 0 bytes of .* Using round-2\."):
        assert zs.load("run").round == 2
    assert Path("run/checkpoints/round-4").is_dir()


@pytest.mark.fault
def test_fault_4_a_changed_record_is_not_silent():
    """The learning rate in config.json is what the checkpoints say it was."""
    train()
    edit("0.001", "0.003")
    with pytest.raises(RunError, match=r"does not belong to the config.json of its run"):
        zs.load("run")
    with pytest.raises(ConfigError, match=r"learning_rate was 0.003, now 0.001"):
        train()


@pytest.mark.parametrize(
    ("kwargs", "error", "message"),
    [
        ({"recipe": "vanila"}, ConfigError, "unknown recipe 'vanila'; nearest: vanilla"),
        ({"learning_rat": 1}, ConfigError, r"unknown option 'learning_rat'; nearest: learning_rate \(recipe vanilla\)"),
        ({"round": 1}, ConfigError, "unknown option 'round'; nearest: rounds"),
        ({"k": 0}, ConfigError, "k must be greater than or equal to 1, got 0"),
        ({"rounds": -5}, ConfigError, "rounds must be greater than or equal to 1, got -5"),
        ({"learning_rate": float("nan")}, ConfigError, "learning_rate must be a finite number, got nan"),
        ({"learning_rate": float("inf")}, ConfigError, "learning_rate must be a finite number, got inf"),
        ({"beta1": 1.0}, ConfigError, "beta1 must be less than 1, got 1.0"),
        ({"k": 0, "hidden": -1}, ConfigError, r"k must be .* got 0 .*\. hidden must be .* got -1"),
        ({"k": "many"}, ConfigError, "k must be a valid integer"),
        ({"epochs": 3}, ConfigError, "one goal, got --rounds and --epochs"),
        ({"data": "ring", "rounds": None, "epochs": 3}, ConfigError, "is endless and has no epochs"),
        ({"rounds": None, "budget": "soon"}, ConfigError, "budget must be a time above 0 such as 60s"),
        ({"data": "dgits"}, DataError, "unknown data set 'dgits'; nearest: digits"),
        ({"device": "tpu"}, ConfigError, "device must be 'auto', 'cpu', 'cuda' or 'mps', got 'tpu'"),
    ],
)
def test_wrong_calls_write_nothing(kwargs, error, message):
    with pytest.raises(error, match=message):
        train(**kwargs)
    assert list(Path.cwd().iterdir()) == []


def test_goals():
    assert train(rounds=None, epochs=1, batch_size=100, out="epochs").examples == 1300
    assert train(rounds=None, budget="0.2s", out="budget").seconds >= 0.2


def test_a_batch_larger_than_the_data_trains_on_all_of_it_and_says_so(capsys):
    run = train(batch_size=5000, rounds=2, progress=True)
    assert run.examples == 2 * 1297
    assert "batch size 5000 is more than the 1297 examples; training on batches of 1297." in capsys.readouterr().out
    assert read_record(run.path)["config"]["batch_size"] == 1297
    assert train(batch_size=5000, rounds=3).round == 3


def test_the_default_folder_is_named_after_recipe_and_data():
    assert train(out=None).path == Path("runs/vanilla-digits")
    assert train(out=None, data="ring[modes=3]").path == Path("runs/vanilla-ring-modes=3")


def test_the_record_says_what_made_the_numbers():
    train()
    record = read_record(Path("run"))
    assert record["executions"] == {"discriminator": "fused", "generator": "fused"}
    assert record["mode"] == "eager"
    assert record["torch"] == torch.__version__
    assert {"host", "processor", "cores", "python", "zerosum", "device", "threads", "seed", "config", "data"} <= set(
        record
    )


def test_settings_are_those_recorded_unless_others_are_asked_for(capsys):
    train(threads=1)
    train(rounds=6)
    assert read_record(Path("run"))["threads"] == 1
    train(rounds=7, threads=2, progress=True)
    assert "threads changed from 1 to 2: bits may differ from here on." in capsys.readouterr().out
    record = read_record(Path("run"))
    assert record["threads"] == 2
    assert record["amendments"] == [{"round": 6, "what": "threads", "from": 1, "to": 2}]
    events = [line["event"] for line in log.read(Path("run/log.jsonl")) if "event" in line]
    assert [event["kind"] for event in events] == ["resumed", "amended", "resumed"]


def test_another_version_of_torch_is_told(capsys):
    """Fault 26."""
    train()
    edit(torch.__version__, "2.11.0")
    train(rounds=6, progress=True)
    assert f"torch changed from 2.11.0 to {torch.__version__}: bits may differ" in capsys.readouterr().out


def test_training_leaves_the_callers_randomness_and_threads_alone():
    torch.manual_seed(5)
    expected = torch.rand(3)
    torch.manual_seed(5)
    train(threads=2)
    zs.load("run").sample(3)
    assert torch.equal(torch.rand(3), expected)
    assert torch.get_num_threads() == 1


def test_the_same_call_with_a_toy_spelled_otherwise_is_the_same_run():
    train(data="ring")
    assert train(data="ring[modes=8]", rounds=6).round == 6


def test_compile_mode_is_recorded(monkeypatch):
    """The round itself is compiled in tests/game/test_execution.py."""
    monkeypatch.setattr(execution, "compiled", lambda run: run)
    train(mode="compile")
    record = read_record(Path("run"))
    assert record["mode"] == "compile"
    assert record["executions"] == {"discriminator": "plain", "generator": "plain"}


def test_interrupts_of_a_script_are_keyboard_interrupts(monkeypatch):
    import os
    import signal

    from zerosum.game import Game

    real = Game.play

    def play(self, *args):
        real(self, *args)
        if self.round == 3:
            os.kill(os.getpid(), signal.SIGINT)

    monkeypatch.setattr(Game, "play", play)
    before = signal.getsignal(signal.SIGINT)
    with pytest.raises(KeyboardInterrupt, match="stopped by SIGINT and saved: round 3"):
        train(rounds=100)
    assert signal.getsignal(signal.SIGINT) is before
    monkeypatch.undo()
    assert train(rounds=4).round == 4


@pytest.mark.parametrize(
    "way",
    [
        {"precision": "bfloat16"},
        {"micro_batches": 4},
        {"activation_checkpointing": True},
        {"precision": "bfloat16", "micro_batches": 2, "activation_checkpointing": True},
    ],
    ids=str,
)
def test_resume_is_exact_however_rounds_are_played(way):
    train(out="whole", rounds=23, threads=1, **way)
    train(out="parts", rounds=9, threads=1, **way)
    train(out="parts", rounds=23, activation_checkpointing=way.get("activation_checkpointing", False))
    whole, parts = (read_weights(out) for out in ("whole", "parts"))
    assert whole.keys() == parts.keys()
    assert all(torch.equal(whole[name], parts[name]) for name in whole)
    record = read_record(Path("parts"))
    assert record["precision"] == way.get("precision", "float32")
    assert record["micro_batches"] == way.get("micro_batches", 1)
    assert "amendments" not in record


@pytest.mark.slow
@pytest.mark.skipif(shutil.which("g++") is None, reason="the compiler of torch.compile needs g++")
@pytest.mark.timeout(600)
@pytest.mark.filterwarnings("ignore")
def test_resume_is_exact_where_rounds_are_compiled():
    train(out="whole", rounds=23, mode="compile")
    train(out="parts", rounds=9, mode="compile")
    torch._dynamo.reset()  # as a new process
    train(out="parts", rounds=23)
    whole, parts = (read_weights(out) for out in ("whole", "parts"))
    assert all(torch.equal(whole[name], parts[name]) for name in whole)


def read_weights(out):
    newest = max(Path(out, "checkpoints").glob("round-*"), key=lambda path: int(path.name.removeprefix("round-")))
    return safetensors.torch.load_file(newest / "game.safetensors")


def test_activations_computed_again_are_the_same_run():
    train(out="kept", rounds=9)
    train(out="again", rounds=9, activation_checkpointing=True)
    kept, again = (read_weights(out) for out in ("kept", "again"))
    assert all(torch.equal(kept[name], again[name]) for name in kept)


def test_runs_of_before_there_was_a_precision_go_on_in_float32():
    train(rounds=5)
    record = json.loads(Path("run/config.json").read_text())
    for name in ("precision", "micro_batches"):
        del record[name]
    del record["sha256"]
    Path("run/config.json").write_text(json.dumps(record))
    assert train(rounds=7).round == 7
    assert "amendments" not in read_record(Path("run"))


def test_a_change_of_precision_is_told(capsys):
    train(rounds=5)
    train(rounds=7, precision="bfloat16", progress=True)
    assert "precision changed from float32 to bfloat16: bits may differ from here on." in capsys.readouterr().out


def test_threads_are_tried_at_the_start_of_a_fresh_run_alone(monkeypatch):
    torch.set_num_threads(2)
    tried = []

    def rates(ways):
        tried.append(len(ways))
        for play in ways:
            play(1)
        return [50.0, 10.0]

    monkeypatch.setattr(autotune, "rates", rates)
    train(rounds=5)
    assert read_record(Path("run"))["threads"] == 1
    train(rounds=7)
    train(out="told", threads=2)
    assert tried == [2]
    assert read_record(Path("told"))["threads"] == 2
    assert torch.get_num_threads() == 2


def test_a_trial_changes_nothing_of_the_run(monkeypatch):
    train(out="without", rounds=9, threads=1)
    torch.set_num_threads(2)
    monkeypatch.setattr(autotune, "fewest", lambda seen: 1)
    train(out="with", rounds=9)
    without, tried = (read_weights(out) for out in ("without", "with"))
    assert all(torch.equal(without[name], tried[name]) for name in without)


def test_mode_auto_says_why_and_is_recorded(capsys):
    train(mode="auto", rounds=5, progress=True)
    said = capsys.readouterr().out
    assert re.search(r"mode eager: [\d,]+ s of training are forecast, and compiling, about 60 s, pays in 1,200 s", said)
    record = read_record(Path("run"))
    assert record["mode"] == "eager"
    assert record["mode_reason"] in said
    train(mode="auto", rounds=7)
    assert "amendments" not in read_record(Path("run"))


def test_mode_auto_compiles_where_a_trial_shows_that_it_pays(monkeypatch):
    monkeypatch.setattr(autotune, "mode", lambda *facts: ("compile", f"{facts[-1]():.1f} times as fast"))
    monkeypatch.setattr(autotune, "rates", lambda ways: [10.0, 13.0])
    monkeypatch.setattr(execution, "compiled", lambda run: run)
    train(mode="auto", rounds=5)
    record = read_record(Path("run"))
    assert (record["mode"], record["mode_reason"]) == ("compile", "1.3 times as fast")


@pytest.mark.parametrize(
    ("options", "message"),
    [
        ({"mode": "graph"}, "mode 'graph' records CUDA kernels, and the device is cpu; use --mode eager."),
        (
            {"micro_batches": 3},
            "play equal parts of a batch: 3 of them cannot share 16 examples",
        ),
        ({"precision": "half"}, r"precision must be 'float32' or 'bfloat16', got 'half'"),
        ({"micro_batches": 0}, "micro_batches must be greater than or equal to 1, got 0"),
    ],
)
def test_ways_to_play_that_cannot_be_are_refused(options, message):
    with pytest.raises(ConfigError, match=message):
        train(**options)
    assert not Path("run").exists()


def test_a_way_to_play_that_is_refused_later_is_not_recorded():
    train(rounds=5)
    for options in ({"mode": "graph"}, {"micro_batches": 3}):
        with pytest.raises(ConfigError):
            train(rounds=7, **options)
    assert "amendments" not in read_record(Path("run"))
    assert train(rounds=7).round == 7


@pytest.mark.parametrize("options", [{}, {"mode": "auto"}, {"micro_batches": 2}], ids=str)
def test_a_run_opens_a_split_once(monkeypatch, options):
    """Trials, the batch builder, pictures and metrics share it."""
    opened = []
    real = plans.open_data

    def open_data(name, split, **kwargs):
        opened.append(split)
        return real(name, split, **kwargs)

    monkeypatch.setattr(plans, "open_data", open_data)
    torch.set_num_threads(2)
    train(**options)
    assert sorted(opened) == ["test", "train"]


@pytest.mark.parametrize("data", ["digits", "ring"])
def test_an_opened_split_in_the_order_of_a_seed_is_the_one_opened_with_it(data):
    plan = api.resolve("vanilla", api.Options(data=data))
    shared, fresh = plan.open("train", 3, torch.device("cpu")), open_data(data, "train", 3)
    for position in (0, 1290, 5000):
        batches = [split.batch(position, 16) for split in (shared, fresh)]
        assert all(torch.equal(batches[0][name], batches[1][name]) for name in batches[1])
    assert shared.fingerprint == plan.open("train").fingerprint == fresh.fingerprint
    if data == "digits":
        assert shared.x.data_ptr() == plan.open("train").x.data_ptr()


@pytest.mark.parametrize("config", [Config(hidden=8, k=2), {"hidden": 8, "k": 2}], ids=["instance", "dict"])
def test_the_settings_may_be_one_config(config):
    train(config=config, rounds=2, out="config", k=3)
    assert read_record(Path("config"))["config"] == {
        "k": 3, "batch_size": 16, "learning_rate": 0.001, "beta1": 0.9, "beta2": 0.999, "latent": 100, "hidden": 8,
    }  # fmt: skip


def test_a_config_of_a_users_own_recipe():
    shutil.copy(recipes.path_of("vanilla"), "mine.py")
    config = recipes.find("mine.py").Config(hidden=8)
    zs.train("mine.py", config, rounds=2, out="mine", progress=False)
    assert read_record(Path("mine"))["config"]["hidden"] == 8


@pytest.mark.parametrize(
    ("recipe", "config", "message"),
    [
        ("mlp_gan", Config(), r"config must be an instance of the recipe's Config or a dict, got .*vanilla\.Config"),
        ("vanilla", 3, r"config must be .* got builtins\.int \(recipe vanilla\)"),
        ("vanilla", {"hiden": 3}, "unknown option 'hiden'; nearest: hidden"),
        ("vanilla", {"rounds": 3}, "unknown option 'rounds'"),
        ("auto", {"hidden": 3}, "auto chooses the recipe and its settings, got config; name a recipe"),
    ],
)
def test_a_config_that_is_none(recipe, config, message):
    with pytest.raises(ConfigError, match=message):
        zs.train(recipe, config, progress=False)
    assert list(Path.cwd().iterdir()) == []


@pytest.mark.parametrize("name", ["rounds", "data", "device", "progress", "dry_run"])
def test_a_setting_named_like_an_option_is_refused(capsys, name):
    text = recipes.path_of("vanilla").read_text().replace("    hidden: ", f"    {name}: Count = 3\n    hidden: ")
    Path("mine.py").write_text(text)
    message = f"a setting must not have the name of an option, got '{name}' (Config of mine.py); rename the field."
    with pytest.raises(ConfigError, match=re.escape(message)):
        zs.train("mine.py", progress=False)
    for verb in ("train", "bench", "check"):
        code, _, err = answer(capsys, verb, "mine.py")
        assert (code, err) == (2, f"zerosum: {message}\n")
    code, _, err = answer(capsys, "train", "mine.py", "--help")
    assert (code, err) == (2, f"zerosum: {message}\n")
