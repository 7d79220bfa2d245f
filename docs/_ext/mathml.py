"""Formulas as MathML, which browsers draw themselves: nothing is fetched, so that pages can be read offline."""

from __future__ import annotations

from docutils import nodes
from latex2mathml.converter import convert
from sphinx.application import Sphinx
from sphinx.errors import ExtensionError
from sphinx.writers.html5 import HTML5Translator


def mathml(formula: str, display: str) -> str:
    """A formula as a MathML element.

    Raises:
        ExtensionError: It is no LaTeX that can be converted.
    """
    try:
        return convert(formula, display=display)
    except Exception as error:  # of many classes of the library's own
        raise ExtensionError(f"the formula {formula!r} cannot be converted to MathML ({error!r})") from error


def inline(writer: HTML5Translator, node: nodes.math) -> None:
    """Write a formula in a line of text."""
    writer.body.append(mathml(node.astext(), "inline"))
    raise nodes.SkipNode


def block(writer: HTML5Translator, node: nodes.math_block) -> None:
    """Write a formula of its own; blank lines part several."""
    for formula in filter(str.strip, node.astext().split("\n\n")):
        writer.body.append(f'<div class="math">{mathml(formula, "block")}</div>')
    raise nodes.SkipNode


def setup(app: Sphinx) -> dict[str, bool]:
    """Register the renderer ``mathml``."""
    app.add_html_math_renderer("mathml", inline_renderers=(inline, None), block_renderers=(block, None))
    return {"parallel_read_safe": True}
