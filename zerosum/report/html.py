"""Pages of HTML with everything inside them and nothing fetched, which can be mailed."""

from __future__ import annotations

import base64
import html
from collections.abc import Iterable, Sequence
from typing import Any


def page(title: str, parts: Iterable[str]) -> str:
    """A whole page.

    Arguments:
        title: Plain text.
        parts: HTML, in their order.
    """
    return PAGE.format(title=text(title), body="\n".join(parts), style=STYLE, script=SCRIPT)


def text(value: Any) -> str:
    """Anything as text of a page."""
    return html.escape(str(value))


def figure(content: str, caption: str, wide: bool = False) -> str:
    """A picture or a plot with what it shows.

    Arguments:
        content: HTML.
        caption: Plain text.
        wide: Let it be scrolled where the screen is narrow.
    """
    caption = f"<figcaption>{text(caption)}</figcaption>" if caption else ""
    content = f'<div class="wide">{content}</div>' if wide else content
    return f"<figure>{content}{caption}</figure>"


def image(png: bytes, alt: str) -> str:
    """A picture inside the page.

    Arguments:
        png: The file.
        alt: What it shows, for who cannot see it.
    """
    return f'<img alt="{text(alt)}" src="data:image/png;base64,{base64.b64encode(png).decode()}">'


def film(frames: Sequence[tuple[str, str]], name: str) -> str:
    """Pictures with a scrubber, the last one first.

    Arguments:
        frames: What each is called, and its picture, HTML.
        name: What the scrubber goes through.
    """
    top = len(frames) - 1
    shown = [
        f'<div class="frame" data-label="{text(label)}"{"" if i == top else " hidden"}>{content}</div>'
        for i, (label, content) in enumerate(frames)
    ]
    return (
        f'<figure class="film">{"".join(shown)}<figcaption><button type="button">play</button> '
        f'<input type="range" min="0" max="{top}" value="{top}" aria-label="{text(name)}"> '
        f"<output></output><noscript> {text(frames[-1][0])}</noscript></figcaption></figure>"
    )


def table(rows: Iterable[Iterable[Any]], head: Sequence[str] = ()) -> str:
    """A table, scrolled where the screen is narrow.

    Arguments:
        rows: Cells.
        head: Titles of the columns.
    """
    titles = "".join(f"<th>{text(cell)}</th>" for cell in head)
    body = "".join("<tr>" + "".join(f"<td>{text(cell)}</td>" for cell in row) + "</tr>" for row in rows)
    return f'<div class="wide"><table>{f"<tr>{titles}</tr>" if head else ""}{body}</table></div>'


STYLE = """
:root { color-scheme: light dark; --line: #8884; --soft: #777; }
body { font: 16px/1.5 system-ui, sans-serif; margin: 0 auto; max-width: 760px; padding: 16px; }
h1 { font-size: 1.6rem; margin: .4em 0; } h2 { font-size: 1.15rem; margin: 1.8em 0 .5em; }
.verdict { font-size: 1.1rem; border-left: 4px solid #4269d0; padding-left: 12px; }
figure { margin: 0; } img { max-width: 100%; height: auto; display: block; } svg { min-width: 560px; display: block; }
img { image-rendering: pixelated; border-radius: 4px; } .frame[hidden] { display: none; }
figcaption, p { margin: .4em 0; } figcaption { color: var(--soft); font-size: .9rem; }
.wide { overflow-x: auto; } table { border-collapse: collapse; font-size: .9rem; }
td, th { border-bottom: 1px solid var(--line); padding: 4px 16px 4px 0; text-align: left; vertical-align: top; }
input { vertical-align: middle; width: min(50%, 300px); }
"""

SCRIPT = """
for (const film of document.querySelectorAll(".film")) {
  const frames = [...film.querySelectorAll(".frame")], range = film.querySelector("input");
  const button = film.querySelector("button"), out = film.querySelector("output");
  let timer = null;
  const show = () => {
    frames.forEach((frame, i) => { frame.hidden = i != range.value; });
    out.textContent = frames[range.value].dataset.label;
  };
  const stop = () => { clearInterval(timer); timer = null; button.textContent = "play"; };
  range.addEventListener("input", () => { stop(); show(); });
  button.addEventListener("click", () => {
    if (timer) return stop();
    if (+range.value == frames.length - 1) range.value = 0;
    button.textContent = "stop";
    show();
    timer = setInterval(() => {
      range.value = +range.value + 1;
      show();
      if (+range.value == frames.length - 1) stop();
    }, 300);
  });
  show();
}
"""

PAGE = """<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta http-equiv="Content-Security-Policy" content="default-src 'none'; img-src data:; style-src 'unsafe-inline'; \
script-src 'unsafe-inline'">
<title>{title}</title>
<style>{style}</style>
</head>
<body>
{body}
<script>{script}</script>
</body>
</html>
"""
