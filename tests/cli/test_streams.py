"""What is to be seen of a line before it is complete, and after its thread has ended."""

from __future__ import annotations

import os
import threading
from typing import TYPE_CHECKING, Callable, Generator

import pytest

from stagekit.cli import streams

if TYPE_CHECKING:
    from pathlib import Path

LIMIT = 60


class Screen:
    """A file that standard output leads to.

    Attributes:
        out: the stream to print to.
    """

    def __init__(self, file: Path) -> None:
        self._file = file
        self._like = file.open("w", encoding="utf-8", buffering=1)
        self.out = streams._wrapped(streams._Stream, self._like.fileno(), self._like, closes=False)

    def text(self) -> str:
        """Return what is to be seen by now."""
        return self._file.read_bytes().decode().replace(os.linesep, "\n")

    def close(self) -> None:
        """Close the file."""
        self.out.close()
        self._like.close()


@pytest.fixture
def screen(tmp_path: Path) -> Generator[Screen, None, None]:
    """Return a standard output as on a terminal."""
    made = Screen(tmp_path / "shown")
    yield made
    made.close()


def elsewhere(work: Callable[[], object]) -> None:
    """Do something in a thread, to its end."""
    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    thread.join(LIMIT)


def test_a_prompt_is_seen_at_once(screen: Screen) -> None:
    """What is flushed is written, though its line is not complete; another thread's stays."""
    print("Name? ", end="", file=screen.out)
    elsewhere(lambda: print("whole", file=screen.out, flush=True))
    assert "whole\n" == screen.text()
    screen.out.flush()
    assert "whole\nName? " == screen.text()


@pytest.mark.parametrize("text", ["\r 50%", "50%\r"])
def test_a_bar_is_seen_at_once(text: str, screen: Screen) -> None:
    """A text that returns to the start of its line is written as it comes."""
    print(text, end="", file=screen.out)
    assert text == screen.text()


def test_a_long_line_is_seen(screen: Screen) -> None:
    """What a thread writes without an end is not kept without bound."""
    print("." * 9000, end="", file=screen.out)
    assert "." * 9000 == screen.text()


def test_a_piece_is_seen_at_once_where_nothing_is_buffered(screen: Screen) -> None:
    """Under ``-u`` the text of a ``print`` is written whole, when the call ends."""
    screen.out.is_unbuffered = True

    class Piece:
        def __str__(self) -> str:
            return f"[{screen.text()}]"

    print("a", Piece(), end="", file=screen.out)
    assert "a []" == screen.text()


def test_what_a_thread_has_left_comes_before_the_next_line(screen: Screen) -> None:
    """The beginning of a line outlives its thread."""
    elsewhere(lambda: print("half", end=" ", file=screen.out))
    assert "" == screen.text()
    print("next", file=screen.out)
    assert "half next\n" == screen.text()


def test_the_last_thread_writes_what_others_have_begun(screen: Screen) -> None:
    """At the end of the process the line of a thread that was abandoned is written, too."""
    has_begun, is_over = threading.Event(), threading.Event()

    def work() -> None:
        print("half", end=" ", file=screen.out)
        has_begun.set()
        is_over.wait(LIMIT)

    thread = threading.Thread(target=work, daemon=True)
    thread.start()
    has_begun.wait(LIMIT)
    screen.out.flush()
    assert "" == screen.text()
    screen.out.close()
    assert "half " == screen.text()
    is_over.set()
    thread.join(LIMIT)


def test_a_child_process_begins_without_the_lines_of_its_parent(screen: Screen) -> None:
    """What the parent has begun is written by the parent alone."""
    print("half", end=" ", file=screen.out)
    screen.out.begin_again()
    print("whole", file=screen.out)
    assert "whole\n" == screen.text()
