"""What is for people fits a terminal of 40, 80 and 160 columns: words stay whole."""

from __future__ import annotations

import os

import pytest

from stagekit._base.columns import fold, seen_width, table, terminal_columns, wrapped

ROWS = [("level", "stage", "needs"), ("1", "load_orders", ""), ("2", "write", "Orders, Customers")]
ROLES = ("dim", "strong", "")


def painted(role: str, text: str) -> str:
    """Paint as the command line does."""
    return f"\x1b[1m{text}\x1b[0m" if role else text


def test_a_table_that_fits_is_one() -> None:
    """Its cells stand side by side."""
    assert [
        "level  stage        needs",
        "1      load_orders",
        "2      write        Orders, Customers",
    ] == table(ROWS, ROLES, 40)


def test_a_cell_breaks_at_words() -> None:
    """Where a little room is missing a cell gets more lines."""
    assert [
        "level  stage        needs",
        "1      load_orders",
        "2      write        Orders,",
        "                    Customers",
    ] == table(ROWS, ROLES, 32)


def test_a_table_without_room_is_folded() -> None:
    """Its cells stand below each other, each with the title of its column."""
    assert [
        "1  load_orders",
        "2  write",
        "     needs  Orders,",
        "            Customers",
    ] == table(ROWS, ROLES, 22)


@pytest.mark.parametrize("columns", [20, 22, 32, 40, 80])
def test_colour_takes_no_room(columns: int) -> None:
    """A painted table has the same lines as a plain one."""
    shown = table(ROWS, ROLES, columns, painted)
    assert list(map(seen_width, shown)) == list(map(seen_width, table(ROWS, ROLES, columns)))


def test_a_line_breaks_at_arrows_and_never_in_a_word() -> None:
    """That of the critical path, for one; a word longer than the line stays whole."""
    path = "  critical path  load → write_report → " + "x" * 30
    assert ["  critical path  load →", "    write_report →", "    " + "x" * 30] == wrapped(path, 24)


def test_an_excerpt_is_cut_and_its_caret_stays_below_it() -> None:
    """The words behind the carets are there."""
    source = "   22 │ raise ValueError('total does not match')"
    text = f"{source}\n      │ {'^' * 32} raised here"
    first, second = fold(text, 30).split("\n")
    assert "   22 │ raise ValueError('tot…" == first
    assert "      │ ^^^^^^^^^^ raised here" == second


def test_a_line_breaks_at_its_wide_gap_first() -> None:
    """What belongs together stays on a line: a number and its unit."""
    text = "  12 ran · 1 failed     0.90 s wall, 1.7 s work"
    assert "  12 ran · 1 failed\n    0.90 s wall, 1.7 s work" == fold(text, 30)


@pytest.mark.parametrize("said", [0, 132])
def test_a_terminal_without_a_size_has_80_columns(
    said: int, monkeypatch: pytest.MonkeyPatch
) -> None:
    """As one of a container, or over ssh: before Python 3.11 its width came as 0."""

    def size(*_: object) -> os.terminal_size:
        return os.terminal_size((said, 0))

    monkeypatch.setattr("shutil.get_terminal_size", size)
    assert (said or 80) == terminal_columns()
