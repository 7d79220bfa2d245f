"""Every public docstring is there and whole: arguments by name, errors by class."""

import ast
import re
from pathlib import Path

import pytest

import zerosum

ROOT = Path(zerosum.__file__).parent
MODULES = sorted(path.relative_to(ROOT.parent).as_posix() for path in ROOT.rglob("*.py"))
MANY = 3
"""From so many arguments on, each has a line of its own."""


def public(body, prefix=""):
    """Public functions and classes with what documents their arguments: of ``__init__``, the class."""
    for node in body:
        if isinstance(node, ast.FunctionDef) and not node.name.startswith("_"):
            yield prefix + node.name, node, node
        elif isinstance(node, ast.ClassDef) and not node.name.startswith("_"):
            yield prefix + node.name, node, None
            for inner in node.body:
                if isinstance(inner, ast.FunctionDef) and inner.name == "__init__":
                    yield prefix + node.name, node, inner
            yield from public(node.body, f"{prefix}{node.name}.")


def raised(node):
    """Classes a function raises itself, not in functions within it."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.FunctionDef | ast.ClassDef | ast.Lambda):
            continue
        if isinstance(child, ast.Raise) and child.exc is not None:
            error = child.exc.func if isinstance(child.exc, ast.Call) else child.exc
            yield ast.unparse(error)
        yield from raised(child)


def faults(tree):
    """What is wrong with the docstrings of a module, a sentence each."""
    if not ast.get_docstring(tree):
        yield "the module has no docstring"
    said = set()
    for name, documented, function in public(tree.body):
        doc = ast.get_docstring(documented)
        if not doc:
            # forward is what its module is; a method may take the words of the interface above it
            if name.endswith(".forward") or name.rpartition(".")[2] in said:
                continue
            yield f"{name} has no docstring"
            continue
        said.add(name.rpartition(".")[2])
        if function is None:
            continue
        listed = set(re.findall(r"^ +\**(\w+)(?:, \**\w+)*:", doc, re.M)) | set(
            re.findall(r"^ +\w+, (\w+):", doc, re.M)
        )
        given = [a.arg for a in (*function.args.posonlyargs, *function.args.args, *function.args.kwonlyargs)]
        given = [argument for argument in given if argument not in ("self", "cls", "ctx")]
        if listed & set(given) or len(given) >= MANY:
            missing = sorted(set(given) - listed)
            if missing:
                yield f"{name} says nothing of {', '.join(missing)}"
        for error in sorted(set(raised(function))):
            if error[0].isupper() and not re.search(rf"\b{error}\b", doc):
                yield f"{name} does not say that it raises {error}"


@pytest.mark.parametrize("module", [m for m in MODULES if not re.match(r"zerosum/cli/\w+\.py", m)])
def test_public_docstrings_are_whole(module):
    """Verbs of the command line are documented by their help."""
    assert list(faults(ast.parse((ROOT.parent / module).read_text()))) == []


def test_faults_are_found():
    text = '''
"""A module."""
def bare(): ...
def three(a, b, c):
    """Three."""
def half(a, b):
    """Half.

    Arguments:
        a: The first.
    """
def wrong(x):
    """Fails."""
    raise ValueError(x)
'''
    assert list(faults(ast.parse(text))) == [
        "bare has no docstring",
        "three says nothing of a, b, c",
        "half says nothing of b",
        "wrong does not say that it raises ValueError",
    ]


@pytest.mark.parametrize("module", MODULES)
def test_no_docstring_opens_with_a_question_word(module):
    """A docstring says what it is or returns, subject first: `Number of modes`, not `How many modes`."""
    text = (ROOT.parent / module).read_text()
    assert re.findall(r'^\s*[rf]?"""(?:What|Where|Who|How)\b.*', text, re.M) == []
