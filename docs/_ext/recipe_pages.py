"""What a recipe's page says of its code: settings, logged terms and outputs are read from the recipe, not typed."""

from __future__ import annotations

import ast
import dataclasses
import inspect
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import torch
from docutils import nodes
from docutils.statemachine import StringList
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from zerosum import api, recipes
from zerosum.data import open_data

GOLDEN = Path(__file__).parents[2] / "tests" / "recipes" / "golden"


def sentences(config: type) -> dict[str, str]:
    """The sentence below each field of a Config, those of its bases included."""
    found: dict[str, str] = {}
    for kind in reversed(config.__mro__[:-1]):
        (body,) = ast.parse(inspect.getsource(kind).strip()).body
        assert isinstance(body, ast.ClassDef)
        for field, text in zip(body.body, body.body[1:], strict=False):
            if isinstance(field, ast.AnnAssign) and isinstance(text, ast.Expr) and isinstance(text.value, ast.Constant):
                found[ast.unparse(field.target)] = inspect.cleandoc(str(text.value.value)).replace("\n", " ")
    return found


def terms(name: str) -> list[str]:
    """Terms that a recipe logs by default, as its golden values have them."""
    path = GOLDEN / f"{name}.txt"
    return path.read_text().splitlines()[0].split()[::2] if path.exists() else []


def outputs(name: str) -> list[str]:
    """Outputs of the trained model."""
    module = recipes.find(name)
    with torch.random.fork_rng(devices=[]):
        return list(api.build(module, module.Config(), open_data("digits").spec, 0).outputs)


def lines(name: str) -> Iterator[str]:
    """The generated part of a page, in Markdown."""
    config: Any = recipes.find(name).Config
    said = sentences(config)
    yield "| setting | default | |"
    yield "|---|---|---|"
    for field in dataclasses.fields(config):
        text = re.sub(r"([|$<])", r"\\\1", said.get(field.name, ""))
        default = "that of the variant" if field.default is None else f"`{field.default}`"
        yield f"| `--{field.name.replace('_', '-')}` | {default} | {text} |"
    yield ""
    yield f"Logged terms: {', '.join(f'`{term}`' for term in terms(name))}."
    yield f"Outputs of the trained model: {', '.join(f'`{output}`' for output in outputs(name))}."


class Recipe(SphinxDirective):
    """The directive ``recipe``, with the name of a recipe."""

    required_arguments = 1

    def run(self) -> list[nodes.Node]:
        """Parse the generated Markdown in place."""
        name = self.arguments[0]
        self.env.note_dependency(str(recipes.path_of(name)))
        self.env.note_dependency(str(GOLDEN / f"{name}.txt"))
        return self.parse_text_to_nodes(StringList(list(lines(name)), source=str(recipes.path_of(name))))


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the directive."""
    app.add_directive("recipe", Recipe)
    return {"parallel_read_safe": True}
