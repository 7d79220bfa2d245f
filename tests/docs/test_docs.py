"""The code blocks of README and docs run as they stand; links between pages lead somewhere."""

import math
import re
import shlex
from pathlib import Path

import pytest

from zerosum.cli import main

ROOT = Path(__file__).parents[2]
PAGES = sorted([ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").rglob("*.md")])
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.MULTILINE | re.DOTALL)


def name(path):
    return str(path.relative_to(ROOT))


def test_there_are_pages_with_code():
    kinds = [kind for page in PAGES for kind, _ in BLOCK.findall(page.read_text())]
    assert kinds.count("python") >= 4
    assert kinds.count("console") >= 3


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_blocks_run_in_their_order(page, capsys):
    """Python blocks of a page share their names; console blocks are commands of zerosum after a dollar."""
    names = {"__name__": "__docs__"}
    for kind, code in BLOCK.findall(page.read_text()):
        if kind == "python":
            exec(compile(code, str(page), "exec"), names)
        elif kind == "console":
            for line in code.splitlines():
                words = shlex.split(line.removeprefix("$ "))
                assert words[0] == "zerosum", line
                assert main(words[1:]) == 0, line
        elif kind == "toml":
            import tomllib

            tomllib.loads(code)


@pytest.mark.parametrize("page", PAGES, ids=name)
def test_links_and_pictures_are_there(page):
    for target in re.findall(r"\]\(([^)#]+)(?:#[^)]*)?\)", page.read_text()):
        if not target.startswith(("http:", "https:")):
            assert (page.parent / target).exists(), f"{page.name} links to {target}"


def test_the_tree_in_the_readme_is_the_tree():
    """One line per room and per group of recipes, in the README's tree."""
    tree = (ROOT / "README.md").read_text()
    for path in (ROOT / "zerosum").iterdir():
        if path.name.startswith("_") or path.suffix == ".typed":
            continue
        assert path.name in tree, path.name
    for path in (ROOT / "zerosum" / "recipes").glob("[a-z]*/"):
        assert f"{path.name}/" in tree, path.name


def test_every_relative_path_of_the_readme_tree_exists():
    block = next(code for kind, code in BLOCK.findall((ROOT / "README.md").read_text()) if kind == "text")
    parents = []
    for line in block.splitlines():
        entry = line.split("#")[0].rstrip()
        if not entry.strip():
            continue
        depth = (len(entry) - len(entry.lstrip())) // 2
        parents = [*parents[:depth], entry.strip().rstrip("/")]
        for part in parents[-1].split(", "):
            assert (ROOT.joinpath(*parents[:-1]) / part).exists(), part


def test_the_recipe_in_the_docs_is_the_example():
    assert (ROOT / "examples" / "ring_r1.py").read_text() in (ROOT / "docs" / "own-recipe.md").read_text()


def test_the_table_of_losses_is_the_table():
    """Names, optimal critics and values as the pairs themselves state them."""
    from zerosum.losses import ADVERSARIAL

    text = (ROOT / "docs" / "losses.md").read_text().split("## Adversarial pairs")[1].split("## Penalties")[0]
    head, *rows = [
        [cell.strip() for cell in line.strip("|").split("|")] for line in text.splitlines() if line.startswith("| `")
    ]
    assert head[-1] == "at P = Q"
    assert [row[0].strip("`") for row in rows] == list(ADVERSARIAL)
    for (*_, optimal, value), loss in zip(rows, ADVERSARIAL.values(), strict=True):
        assert optimal == loss.optimal
        assert eval(value.replace("2 log", "2 * log").replace("log 2", "log(2)"), {"log": math.log}) == loss.value


def test_no_index_of_recipes_is_kept_by_hand():
    """Adding a recipe edits neither README nor an index: groups are named, recipes are found."""
    index = (ROOT / "docs" / "recipes" / "index.md").read_text()
    tree = (ROOT / "README.md").read_text().split("## The tree")[1]
    for path in (ROOT / "zerosum" / "recipes").glob("*/[a-z]*.py"):
        assert f"\n{path.stem}\n" not in index
        assert f"{path.stem}.py" not in tree
        assert f"\n{path.parent.name}/*\n" in index


@pytest.mark.parametrize("page", sorted((ROOT / "docs" / "recipes").glob("*/*.md")), ids=name)
def test_what_a_recipe_page_says_of_the_code_is_generated(page):
    assert f"```{{recipe}} {page.stem}\n```" in page.read_text()


def test_formulas_are_drawn_without_a_network():
    configuration = (ROOT / "docs" / "conf.py").read_text()
    assert 'html_math_renderer = "mathml"' in configuration
    assert "mathjax" not in configuration
