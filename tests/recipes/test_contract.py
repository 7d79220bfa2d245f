"""What every recipe keeps, at tiny size and on every kind of data it takes."""

import dataclasses
import typing

import pytest
import torch

from tests.children import command_line, finish, output
from tests.games import copies, play, same
from zerosum import api, recipes
from zerosum.cli.parse import option, parse
from zerosum.data import open_data
from zerosum.errors import Unsupported
from zerosum.game import gradients
from zerosum.game.schedules import Round
from zerosum.training import Feed
from zerosum.training.experiment import WHY_NOT

RECIPES = recipes.names()
DATA = ("digits", "ring", "gaussian")
TINY = {"batch_size": 16, "hidden": 8, "units": 8, "latent": 4}


def tiny(name, data="digits", seed=0, **settings):
    """A recipe at tiny size, as it stands before the first round: its experiment and its feed."""
    module = recipes.find(name)
    known = {f.name for f in dataclasses.fields(module.Config)}
    config = module.Config(**{k: v for k, v in TINY.items() if k in known}, **settings)
    source = open_data(data, seed=seed)
    experiment = api.build(module, config, source.spec, seed)
    experiment.begin(lambda: open_data(data))
    return experiment, Feed(
        source, experiment.draws, experiment.game.schedule, config.batch_size, seed, experiment.game.device
    )


@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize("name", RECIPES)
def test_it_builds_and_plays_with_finite_named_scalar_terms(name, data):
    experiment, feed = tiny(name, data)
    play(experiment.game, feed, 3)
    reading = experiment.game.read()
    assert reading.terms
    for term, value in reading.terms.items():
        player, _, short = term.partition("/")
        assert player in experiment.game.players
        assert short.isidentifier()
        assert torch.tensor(value).isfinite()
    assert sum(reading.skipped.values()) == 0


@pytest.mark.parametrize("name", RECIPES)
def test_a_turn_changes_only_its_players_parameters(name):
    experiment, feed = tiny(name)
    game = experiment.game
    images = play(game, feed, 1)
    for place, turn in enumerate(game.schedule.turns):
        before = {n: copies(network) for n, network in game.networks.items()}
        batches = feed.batches(game.round * turn.every, images)
        for batch in (batch for repeats in batches for batch in repeats):
            batch["images"] = game.images
        game.descend(turn.player, gradients(game, turn, Round(game, batches).batch(place, 0))[1])
        for n, network in game.networks.items():
            moved = not same(before[n], copies(network))
            assert moved == (n in game.players[turn.player].moves), (turn.player, n)


@pytest.mark.parametrize("name", RECIPES)
def test_weights_come_from_the_seed(name):
    (a, _), (b, _), (c, _) = tiny(name), tiny(name), tiny(name, seed=1)
    for n in a.game.networks:
        assert same(copies(a.game.networks[n]), copies(b.game.networks[n]))
        if copies(a.game.networks[n]):
            assert not same(copies(a.game.networks[n]), copies(c.game.networks[n]))


@pytest.mark.parametrize("name", RECIPES)
def test_the_fused_rule_is_the_plain_rule(name):
    (fused, feed), (plain, _) = tiny(name), tiny(name)
    assert set(fused.game.executions.values()) <= {"fused", "plain"}
    plain.game._fused = dict.fromkeys(plain.game._fused, False)
    play(fused.game, feed, 5)
    play(plain.game, feed, 5)
    for n in fused.game.networks:
        for a, b in zip(copies(fused.game.networks[n]), copies(plain.game.networks[n]), strict=True):
            torch.testing.assert_close(a, b, rtol=1e-4, atol=1e-6)


@pytest.mark.parametrize("name", RECIPES)
def test_save_and_resume_are_exact(name):
    """Through the game's own state; the whole way through files is tested in training/test_resume.py."""
    (one, feed), (other, _) = tiny(name), tiny(name, seed=1)
    images = play(one.game, feed, 4)
    other.game.load_state({k: t.clone() for k, t in one.game.state().items()})
    play(one.game, feed, 3, images)
    play(other.game, feed, 3, images)
    a, b = one.game.state(), other.game.state()
    assert all(torch.equal(a[k], b[k]) for k in a)


@pytest.mark.parametrize("name", RECIPES)
def test_a_command_stopped_and_continued_is_exact(name):
    words = ("train", name, "--out", "run", "--batch-size", "16")
    for rounds in (3, 8):
        assert finish(command_line, *words, "--rounds", str(rounds)) == 0, output()
    assert finish(command_line, "train", name, "--out", "whole", "--batch-size", "16", "--rounds", "8") == 0
    from pathlib import Path

    weights = [Path(out, "checkpoints/round-8/game.safetensors").read_bytes() for out in ("run", "whole")]
    assert weights[0] == weights[1]


@pytest.mark.parametrize("data", DATA)
@pytest.mark.parametrize("name", RECIPES)
def test_samples_have_the_shape_and_the_range_of_the_data(name, data):
    experiment, feed = tiny(name, data)
    play(experiment.game, feed, 2)
    samples = experiment.sample(7, seed=1)
    spec = open_data(data).spec
    assert samples.shape == (7, *spec.shape)
    assert samples.dtype == torch.float32
    if spec.kind == "uint8":
        assert 0 <= float(samples.min()) <= float(samples.max()) <= 1
    assert len(torch.unique(samples.flatten(1), dim=0)) == 7


@pytest.mark.parametrize("name", RECIPES)
def test_every_question_is_answered_or_refused_with_a_reason(name):
    experiment, feed = tiny(name)
    given = feed.batches(0, 0)[0][0]
    for question in WHY_NOT:
        if question == "sample":
            continue
        batch = {"z": given["z"]} if question == "decode" else {"x": given["x"]}
        if question in experiment.answers:
            assert len(experiment.ask(question, batch)) == 16
        else:
            with pytest.raises(Unsupported, match=f"cannot {question}: it"):
                experiment.ask(question, batch)


def another(hint, value):
    """A value of a field of this type that is not its default."""
    if isinstance(value, bool):
        return not value
    if isinstance(value, int):
        return value + 1
    if isinstance(value, float):
        return value / 2 if value else 0.5
    for kind in typing.get_args(hint) or (hint,):  # of an optional one, the first that is not None
        if typing.get_origin(kind) is typing.Literal:
            return another(kind, value)
        if isinstance(kind, str):
            if kind != value:
                return kind
        elif kind in (int, float):
            return kind(7)
    raise AssertionError(f"no other value than {value!r} of {hint}")


@pytest.mark.parametrize("name", RECIPES)
def test_the_configuration_round_trips_through_the_command_line(name):
    config = recipes.find(name).Config
    hints = typing.get_type_hints(config)
    changed = config(**{f.name: another(hints[f.name], f.default) for f in dataclasses.fields(config)})
    words = []
    for f in dataclasses.fields(config):
        value = getattr(changed, f.name)
        words += [option(f.name)] if value is True else [option(f.name), str(value)]
    assert parse({"recipe": config}, words, "test", "").recipe == changed
    assert parse({"recipe": config}, [], "test", "").recipe == config()
    assert api.checked(config, dataclasses.asdict(changed), "here") == changed


@pytest.mark.parametrize("name", RECIPES)
def test_every_setting_says_what_it_is(name):
    """A sentence under each field, and the paper in the module's docstring."""
    import ast
    import inspect

    module = recipes.find(name)
    (tree,) = (
        n for n in ast.parse(inspect.getsource(module)).body if isinstance(n, ast.ClassDef) and n.name == "Config"
    )
    fields = [node for node in tree.body if isinstance(node, ast.AnnAssign)]
    texts = [node for node in tree.body[1:] if isinstance(node, ast.Expr)]
    assert len(fields) == len(texts) == len(dataclasses.fields(module.Config))
    assert all(text.value.value.rstrip().endswith(".") for text in texts)
    assert "https://arxiv.org/abs/" in module.__doc__
    assert recipes.summary(name).endswith(".")


@pytest.mark.parametrize("name", RECIPES)
def test_it_has_a_docs_page(name):
    from pathlib import Path

    page = Path(__file__).parents[2] / "docs" / "recipes" / f"{name}.md"
    assert page.is_file()
    assert "check" in page.read_text().lower()
