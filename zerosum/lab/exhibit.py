"""The exhibit of a scene: a page, its figures as files, and its numbers."""

from __future__ import annotations

import json
from collections.abc import Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from zerosum.report import html as pages
from zerosum.training import files


@dataclass
class Exhibit:
    """The outcome of a scene.

    Arguments:
        title: Of the page.
        says: What was found, in a sentence or two.
    """

    title: str
    says: str
    numbers: list[dict[str, Any]] = field(default_factory=list)
    """Rows of all tables, each with the table's name."""
    figures: dict[str, bytes] = field(default_factory=dict)
    """Files by name."""
    _parts: list[str] = field(default_factory=list)

    def heading(self, text: str) -> None:
        """Begin a section."""
        self._parts.append(f"<h2>{pages.text(text)}</h2>")

    def text(self, text: str) -> None:
        """A paragraph."""
        self._parts.append(f"<p>{pages.text(text)}</p>")

    def plot(self, name: str, svg: str, caption: str) -> None:
        """A plot, also kept as a file.

        Arguments:
            name: Of the file, without its ending.
            svg: An ``svg`` element.
            caption: What it shows.
        """
        self.figures[f"{name}.svg"] = svg.encode()
        self._parts.append(pages.figure(svg, caption, wide=True))

    def film(self, name: str, frames: Sequence[tuple[str, str]], caption: str) -> None:
        """Plots with a scrubber; the last is also kept as a file.

        Arguments:
            name: Of the file, without its ending, and of the scrubber.
            frames: What each is called, and its ``svg`` element.
            caption: What they show.
        """
        self.figures[f"{name}.svg"] = frames[-1][1].encode()
        self._parts.append(pages.film(frames, name))
        self._parts.append(f"<p>{pages.text(caption)}</p>")

    def table(self, name: str, rows: Sequence[dict[str, Any]]) -> None:
        """A table of numbers, whose rows also go to ``numbers.json``."""
        head = list(rows[0])
        self.numbers += [{"table": name, **row} for row in rows]
        self._parts.append(f"<h2>{pages.text(name)}</h2>")
        self._parts.append(pages.table(([_said(row[key]) for key in head] for row in rows), head))

    @property
    def html(self) -> str:
        """The page; it needs nothing else and fetches nothing."""
        opening = [f"<h1>{pages.text(self.title)}</h1>", f'<p class="verdict">{pages.text(self.says)}</p>']
        return pages.page(self.title, [*opening, *self._parts])

    def write(self, folder: Path) -> Path:
        """Write the page, the figures and ``numbers.json`` to a folder; returns where the page is."""
        folder.mkdir(parents=True, exist_ok=True)
        for name, content in self.figures.items():
            files.replace(folder / name, content)
        rows = [json.dumps(row, default=_plain) for row in self.numbers]
        files.replace(folder / "numbers.json", ("[\n  " + ",\n  ".join(rows) + "\n]\n").encode())
        page = folder / "index.html"
        files.replace(page, self.html.encode())
        return page


def _plain(value: Any) -> Any:
    return [value.real, value.imag] if isinstance(value, complex) else float(value)


def _said(value: Any) -> str:
    if isinstance(value, complex):
        return (
            f"{value.real:.6g} {'+' if value.imag >= 0 else '-'} {abs(value.imag):.6g}i"
            if value.imag
            else _said(value.real)
        )
    return f"{value:.6g}" if isinstance(value, float) else str(value)
