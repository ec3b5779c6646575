"""Tests of the small text functions."""

from __future__ import annotations

import string
from typing import List, Tuple

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stagekit._base import text

NAMES = ("shop:load_orders", "shop:clean", "shop:enrich", "ml.score:report", "etl.publish")


def edits(word: str) -> Tuple[str, ...]:
    """Return every text one edit away from *word*, with ``q`` as the letter typed by mistake."""
    places = range(len(word))
    missing = [word[:i] + word[i + 1 :] for i in places]
    added = [word[:i] + "q" + word[i:] for i in range(len(word) + 1)]
    changed = [word[:i] + "q" + word[i + 1 :] for i in places]
    swapped = [word[:i] + word[i : i + 2][::-1] + word[i + 2 :] for i in places]
    return tuple(dict.fromkeys(e for e in missing + added + changed + swapped if e != word))


@pytest.mark.parametrize("name", NAMES)
def test_a_typo_of_an_id_suggests_the_id(name: str) -> None:
    """Each text one edit away from an id suggests that id first."""
    for typo in edits(name):
        assert name == text.did_you_mean(typo, NAMES)[0], typo


@pytest.mark.parametrize("name", NAMES)
def test_a_typo_of_a_short_name_suggests_the_id(name: str) -> None:
    """Each text one edit away from a short name suggests the id that it is short for."""
    for typo in edits(text.short_name(name)):
        assert name == text.did_you_mean(typo, NAMES)[0], typo


def test_a_typo_of_a_type_suggests_the_type() -> None:
    """Types are words like others: letters apart, cases apart, words swapped."""
    types = ("Orders", "CleanOrders", "Customers", "list[Orders]", "int")
    for name in types:
        for typo in edits(name):
            assert name == text.did_you_mean(typo, types)[0], typo
    assert "Orders" == text.did_you_mean("orders", types)[0]
    assert ("CleanOrders",) == text.did_you_mean("CleanedOrders", ("CleanOrders", "Customers"))


def test_the_exact_short_name_comes_before_a_typo() -> None:
    """A word that is the short name of an id suggests that id, not one that is an edit away."""
    assert ("b:load", "a:loads") == text.did_you_mean("load", ("a:loads", "b:load"))


def test_a_wrong_module_suggests_the_stage_of_that_name() -> None:
    """An id of the wrong module suggests what has its short name."""
    assert "shop:clean" == text.did_you_mean("store.jobs:clean", NAMES)[0]


def test_nothing_is_suggested_where_nothing_is_near() -> None:
    """A word unlike all candidates suggests nothing; so does one letter."""
    assert () == text.did_you_mean("zebra", NAMES)
    assert () == text.did_you_mean("x", ("y",))
    assert () == text.did_you_mean("anything", ())


def test_at_most_three_are_suggested_in_one_order() -> None:
    """Suggestions are few, and do not depend on the order of candidates."""
    candidates = ["load_d", "load_c", "load_b", "load_a", "oad_a"]
    expected = ("load_a", "load_b", "load_c")
    assert expected == text.did_you_mean("load_", candidates)
    assert expected == text.did_you_mean("load_", candidates[::-1])


def test_among_very_many_candidates_a_typo_is_still_found() -> None:
    """Beyond the bound only near edits are looked for, and they are found."""
    many = [f"shop:stage{number}" for number in range(text.MOST_COMPARED + 1)]
    assert "shop:stage4242" in text.did_you_mean("shop:stge4242", many)
    assert () == text.did_you_mean("stage_four_thousand", many)


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("plain", "plain"),
        ("\x1b[31mred", "\\x1b[31mred"),
        ("a\r\nb\tc\x08", "a\\r\\nb\\tc\\x08"),
        ("\x9b2J\x7f", "\\x9b2J\\x7f"),
        ("abc\u202edef", "abc\\u202edef"),
        ("a\u200bb\ufeff", "a\\u200bb\\ufeff"),
        ("\u2028\U000e0041", "\\u2028\\U000e0041"),
        ("\ud800", "\\ud800"),
        ("grün 表", "grün 表"),
    ],
)
def test_what_a_terminal_would_obey_is_shown_instead(hostile: str, shown: str) -> None:
    """Control, bidirectional and zero-width characters become visible escapes."""
    assert shown == text.escape_control(hostile)


def test_line_ends_stay_where_they_are_asked_for() -> None:
    """``keep`` names the characters that are not escaped."""
    assert "a\nb\\x1b" == text.escape_control("a\nb\x1b", keep="\n")


@given(st.text(st.characters()))
@example("\ud800\x1b\x9b\u2066")
def test_escaped_text_is_harmless_whatever_it_was(hostile: str) -> None:
    """No character that a terminal would obey is left, and the text can be encoded."""
    shown = text.escape_control(hostile)
    assert shown.isprintable()
    assert shown == text.escape_control(shown)
    assert shown.encode().decode() == shown


class UnprintableError(Exception):
    """An error that cannot say what it is."""

    def __str__(self) -> str:
        raise SystemExit

    def __repr__(self) -> str:
        return 1  # type: ignore[return-value]  # pyright: ignore[reportReturnType]  # the point


class Impatient:
    """A value whose text is interrupted by the user."""

    def __repr__(self) -> str:
        raise KeyboardInterrupt


class Loud(str):
    """A text that runs code where it is printed."""

    __slots__ = ()

    def __format__(self, spec: str) -> str:
        raise RuntimeError(spec)


class LoudError(Exception):
    """An error whose text is not a plain one."""

    def __str__(self) -> str:
        return Loud("loud")


def test_an_error_that_cannot_be_printed_is_named() -> None:
    """An error whose text raises, or is no text, shows its type."""
    assert "<unprintable UnprintableError>" == text.safe_text(UnprintableError())
    assert "<unprintable UnprintableError>" == text.safe_repr(UnprintableError())
    assert "UnprintableError: <unprintable UnprintableError>" == text.error_line(UnprintableError())


def test_ctrl_c_in_the_text_of_a_value_is_ctrl_c() -> None:
    """An interrupt is the user's, and is not swallowed."""
    with pytest.raises(KeyboardInterrupt):
        text.safe_repr(Impatient())


def test_the_text_of_an_error_runs_no_more_code() -> None:
    """What comes back is a plain text, not a subclass."""
    assert str is type(text.safe_text(LoudError()))
    assert "LoudError: loud" == text.error_line(LoudError())


def test_a_long_message_is_cut_and_says_so() -> None:
    """A message beyond 64 KiB is cut there; its length and digest tell it from others."""
    shown = text.safe_text(ValueError("x" * 10_000_000))
    assert "x" * 65_536 + "… (10,000,000 characters, cut at 65,536; sha256 " == shown[:-14]
    assert shown != text.safe_text(ValueError("x" * 9_999_999 + "y"))
    assert "x" * 65_536 == text.safe_text("x" * 65_536)


def test_an_error_is_told_on_one_line() -> None:
    """Type and message on one harmless line; the type alone where there is no message."""
    assert "ValueError: two\\nlines \\x1b" == text.error_line(ValueError("two\nlines \x1b\n"))
    assert "ValueError" == text.error_line(ValueError())
    assert "ValueErro…" == text.error_line(ValueError("message"), limit=10)


def test_short_names_are_used_where_they_are_unambiguous() -> None:
    """The part after the last colon, or the whole id where two stages share it."""
    ids = ("a:load", "b:load", "b:clean", "etl.publish")
    expected = {"a:load": "a:load", "b:load": "b:load", "b:clean": "clean"}
    assert {**expected, "etl.publish": "etl.publish"} == text.short_names(ids)


@given(st.lists(st.text(string.ascii_lowercase + ":", min_size=1, max_size=5), unique=True))
def test_display_names_are_never_shared(ids: List[str]) -> None:
    """Each stage has a display name of its own."""
    names = text.short_names(ids)
    assert sorted(ids) == sorted(names)
    assert len(ids) == len(set(names.values()))


def test_counts_have_their_noun() -> None:
    """One is singular, all others plural, thousands are grouped."""
    assert "1 stage" == text.plural(1, "stage")
    assert "0 stages" == text.plural(0, "stage")
    assert "12,480 entries" == text.plural(12_480, "entry", "entries")


@pytest.mark.parametrize(
    ("duration", "shown"),
    [
        (-1.0, "0.0 ms"),
        (0.00042, "0.4 ms"),
        (0.0099, "9.9 ms"),
        (0.00999, "0.01 s"),
        (0.42, "0.42 s"),
        (0.994, "0.99 s"),
        (0.996, "1.0 s"),
        (4.94, "4.9 s"),
        (59.94, "59.9 s"),
        (59.96, "1 min 00 s"),
        (125.4, "2 min 05 s"),
        (3599.6, "1 h 00 min"),
        (360_060.0, "100 h 01 min"),
    ],
)
def test_durations_are_shown_with_a_fitting_unit(duration: float, shown: str) -> None:
    """Two or three digits that count, rounded into the next unit where they reach it."""
    assert shown == text.seconds(duration)


def test_padding_counts_columns_of_a_terminal() -> None:
    """Wide characters take two columns, combining ones none."""
    assert (4, 2, 1) == (text.width("load"), text.width("表"), text.width("e\u0301"))
    assert "表  |" == text.pad("表", 4) + "|"
    assert "toolong" == text.pad("toolong", 3)
