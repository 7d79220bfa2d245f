"""Which display suits where the output goes."""

import io
import logging

import pytest

from zerosum.training.display import Live, Plain, Silent, display


@pytest.mark.parametrize(
    ("environment", "kind"),
    [
        ({}, Plain),
        ({"FORCE_COLOR": "1"}, Live),
        ({"TTY_COMPATIBLE": "1"}, Live),
        ({"TTY_COMPATIBLE": "0"}, Plain),
        ({"FORCE_COLOR": "1", "NO_COLOR": "1"}, Plain),
    ],
    ids=str,
)
def test_a_pipe_gets_a_live_display_only_where_asked(monkeypatch, environment, kind):
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE", "NO_COLOR"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert isinstance(display(), kind)


@pytest.mark.parametrize(("colour", "kind"), [("", Live), ("1", Plain)])
def test_a_terminal_gets_a_live_display_unless_it_is_to_be_without_colour(monkeypatch, colour, kind):
    for name in ("FORCE_COLOR", "TTY_COMPATIBLE"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setenv("NO_COLOR", colour)
    monkeypatch.setattr("sys.stdout.isatty", lambda: True, raising=False)
    assert isinstance(display(), kind)


def test_there_is_a_display_where_there_is_no_output(monkeypatch):
    monkeypatch.setattr("sys.stdout", None)
    shown = display()
    shown.note("said to nobody")
    assert isinstance(shown, Plain)


def test_plain_lines_are_written_as_they_are(capsys):
    Plain().note("runs/[bold]:smile:  " + "long " * 60)
    assert capsys.readouterr().out == "runs/[bold]:smile:  " + "long " * 60 + "\n"


def test_plain_lines_go_to_a_stream_that_is_given(capsys):
    stream = io.StringIO()
    Plain(stream).terms({"round": 3, "examples": 48, "seconds": 0.5, "terms": {"generator/adversarial": 0.25}})
    assert stream.getvalue() == "round 3  48 examples  0.5 s  generator/adversarial 0.25\n"
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("kind", [Silent, Plain])
def test_notes_are_logged(caplog, kind):
    with caplog.at_level(logging.INFO, "zerosum"):
        kind().note("threads changed 100%")
    assert [(r.name, r.levelname, r.getMessage()) for r in caplog.records] == [
        ("zerosum", "INFO", "threads changed 100%")
    ]
