"""The report of a run: one page that can be mailed, with everything inside it and nothing fetched."""

from __future__ import annotations

import functools
import json
import math
from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import torch

from zerosum import latent
from zerosum.data import DataSpec
from zerosum.report import html as pages, pictures
from zerosum.report.svg import plot
from zerosum.sources import Normal, Uniform
from zerosum.training import files, log
from zerosum.training.display import duration
from zerosum.training.experiment import Experiment
from zerosum.training.folder import FACTS

NAME = "report.html"

FRAMES = 24
"""Pictures of the film at most."""

MACHINE = ("device", "threads", "mode", "precision", "system", "processor", "cores", "python", "torch", "zerosum")
"""Of the record, what says where the numbers come from; the host's name stays at home."""


@dataclass(frozen=True)
class Story:
    """The contents of a run folder, read once.

    Arguments:
        path: The folder.
        record: Its ``config.json``.
    """

    path: Path
    record: Mapping[str, Any]

    @property
    def title(self) -> str:
        """The recipe and its data."""
        return f"{self.record['recipe']} on {self.spec.name if self.spec else 'data'}"

    @property
    def spec(self) -> DataSpec | None:
        """The spec of its data."""
        record = self.record["data"].get("spec")
        return None if record is None else DataSpec.read(record)

    @functools.cached_property
    def lines(self) -> list[dict[str, Any]]:
        """Of the log."""
        return list(log.read(self.path / "log.jsonl"))

    @functools.cached_property
    def results(self) -> list[dict[str, Any]]:
        """Of the newest round evaluated, with the controls, which are true of any."""
        found = list(log.read(self.path / "metrics.jsonl"))
        last = max((line["round"] for line in found), default=0)
        return [line for line in found if line["round"] in (0, last)]

    @property
    def pictures(self) -> list[Path]:
        """Of the fixed latents, by round."""
        return sorted((self.path / "samples").glob("round-*.png"))

    @property
    def divergence(self) -> dict[str, Any] | None:
        """The facts of a divergence, unless training has gone on since."""
        facts = self.path / "diverged" / FACTS
        if not facts.exists():
            return None
        found: dict[str, Any] = json.loads(facts.read_text())
        return found if found["round"] >= max((line["round"] for line in self.lines), default=0) else None


def verdict(story: Story) -> str:
    """The verdict, in a sentence or two."""
    lines = story.lines
    what = story.title
    if not lines:
        return f"{what} has not trained yet."
    last = lines[-1]
    far = f"{last['round']:,} rounds, {last['examples']:,} examples, {duration(last['seconds'])} of training"
    if lost := story.divergence:
        said = f"{what} diverged after {far}: the updates of {lost['player']} were no longer finite."
    else:
        said = f"{what} has trained {far}."
    evaluated = [_phrase(line, story.spec) for line in story.results if line.get("subject", "model") == "model"]
    if evaluated:
        said += f" {'; '.join(evaluated)}."
    skipped = sum(line["event"]["data"].get("skipped", 0) for line in lines if "event" in line)
    if skipped and not story.divergence:
        said += f" {skipped} updates were skipped because their gradients were not finite."
    return said


def page(story: Story, walk: bytes | None = None, samples: bool = True) -> str:
    """The report as HTML.

    Arguments:
        story: Of the run.
        walk: A picture of a walk through the latents, PNG.
        samples: Whether pictures are of samples; else examples of the data are in them.
    """
    record, spec = story.record, story.spec
    parts = [f"<h1>{pages.text(story.title)}</h1>", f'<p class="verdict">{pages.text(verdict(story))}</p>']
    shown = story.pictures
    if shown:
        caption = "Samples" if samples else "Examples beside what the model makes of them,"
        caption += " at the end of training." + (" Grey: real." if spec and spec.kind.over_reals else "")
        parts.append(pages.figure(pages.image(shown[-1].read_bytes(), "samples"), caption))
    if story.results:
        parts += ["<h2>Metrics</h2>", _evaluated(story.results)]
    if len(shown) > 1:
        parts += ["<h2>Over training</h2>", _film(shown)]
    parts += _curves(story.lines)
    if walk is not None:
        parts.append("<h2>From sample to sample</h2>")
        parts.append(
            pages.figure(pages.image(walk, "a walk through the latents"), "Each row is a way through the latents.")
        )
    events = [(f"round {line['round']:,}", line["event"]["text"]) for line in story.lines if "event" in line]
    if events:
        parts += ["<h2>What happened</h2>", pages.table(events)]
    parts += ["<h2>Configuration</h2>", pages.table((*record["config"].items(), ("seed", record["seed"])))]
    if spec:
        data = (("data", spec.name), ("kind", spec.kind.name), ("shape", " x ".join(map(str, spec.shape))))
        parts += ["<h2>Data</h2>", pages.table((*data, ("training examples", spec.count or "endless")))]
    parts += ["<h2>Machine</h2>", pages.table((key, record[key]) for key in MACHINE if key in record)]
    for change in record.get("amendments", ()):
        parts.append(
            f"<p>From round {change['round']:,} on, {pages.text(change['what'])} {pages.text(change['from'])} became "
            f"{pages.text(change['to'])}: bits may differ from there on.</p>"
        )
    return pages.page(story.title, parts)


def write(path: Path, record: Mapping[str, Any], experiment: Experiment | None = None, out: Path | None = None) -> Path:
    """Write the report of a run.

    Arguments:
        path: The run folder.
        record: Its ``config.json``.
        experiment: The trained one, for a walk through its latents.
        out: Where to; ``report.html`` in the run folder by default.
    """
    walk = None if experiment is None else walk_of(experiment, record["seed"])
    samples = experiment is None or "sample" in experiment.outputs
    target = out or path / NAME
    files.replace(target, page(Story(path, record), walk, samples).encode("utf-8", "surrogateescape"))
    return target


def walk_of(experiment: Experiment, seed: int, keyframes: int = 5, steps: int = 8) -> bytes | None:
    """A picture of the ways from sample to sample, a row for each; None for what makes no examples of latents.

    Arguments:
        experiment: What is drawn.
        seed: Of the latents at the keyframes.
        keyframes: Samples the ways lead to and from.
        steps: From each to the next.
    """
    prior = experiment.priors.get("z")
    if "decode" not in experiment.outputs or not isinstance(prior, Normal | Uniform):
        return None
    latents = next(iter(experiment.drawn(keyframes, seed)))["z"].cpu()
    way = latent.walk(latents, steps, path="spherical" if isinstance(prior, Normal) else "linear")
    frames = experiment.decode(way.to(experiment.game.device)).cpu()
    if frames.ndim != 4:  # nothing but images is drawn as a walk
        return None
    rows = torch.arange(keyframes - 1)[:, None] * steps + torch.arange(steps + 1)
    return pictures.png(pictures.grid(frames[rows.flatten()], steps + 1))


def _phrase(line: Mapping[str, Any], spec: DataSpec | None) -> str:
    value, name = line["value"], line["metric"].partition("[")[0]
    if value is None:
        return f"{name} is not finite"
    if name == "neighbour_classes":
        return f"It draws {value:.0f} of {spec.classes if spec else None} classes"
    if name == "neighbour_distance":
        return f"its samples lie {value:.2f} times as far from real examples as real ones do"
    if name == "modes":
        return f"It finds {value:.0f} modes"
    if name == "high_quality":
        return f"{value:.0%} of its samples lie near one"
    if name == "parzen":
        return f"Parzen windows give test examples {value:.1f} nats"
    return f"{name} is {value:.4g}"


def _evaluated(lines: Sequence[Mapping[str, Any]]) -> str:
    rows = []
    for line in lines:
        interval = line.get("interval")
        between = "" if not interval else f"{interval[0]:.4g} to {interval[1]:.4g}"
        value = "not finite" if line["value"] is None else f"{line['value']:.4g}"
        data = "" if line.get("own", True) else f" on {line['data']}"
        rows.append((line["metric"] + data, line.get("subject", "model"), value, between, line.get("kind") or ""))
    return pages.table(rows, head=("metric and protocol", "of", "value", "95 %", ""))


def _curves(lines: Sequence[Mapping[str, Any]]) -> list[str]:
    players: dict[str, dict[str, list[tuple[float, float]]]] = {}
    for line in lines:
        for name, value in line.get("terms", {}).items():
            player, _, term = name.partition("/")
            curve = players.setdefault(player, {}).setdefault(term, [])
            curve.append((line["examples"], math.nan if value is None else value))
    out = []
    for player, terms in players.items():
        svg = plot({term: [curve] for term, curve in terms.items()}, "examples seen", "mean since the last line")
        out.append(f"<h2>{pages.text(player)}</h2>\n{pages.figure(svg, '', wide=True)}")
    return out


def _film(shown: Sequence[Path]) -> str:
    step = max(1, (len(shown) - 1) / (FRAMES - 1))
    chosen = sorted({round(i * step) for i in range(FRAMES) if round(i * step) < len(shown)} | {len(shown) - 1})
    frames = []
    for place in chosen:
        label = f"round {int(shown[place].stem.removeprefix('round-')):,}"
        frames.append((label, pages.image(shown[place].read_bytes(), f"samples, {label}")))
    return f"{pages.film(frames, 'round')}\n<p>The same latents at every picture.</p>"
