"""Texts of users in every name: nothing of them reaches a terminal, or a page, as markup."""

from __future__ import annotations

import io
import warnings
from typing import Any, Callable, Dict, List

from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from stagekit import CancelToken, Registry, plan, run
from stagekit.errors import StagekitError
from stagekit.hooks import PlainProgress

PIECES = [
    "a",
    "\x1b[31m",
    "\x07",
    "\u202e",
    "\ud800",
    "[red]",
    "<b>",
    "&",
    '"',
    "\r",
    "\u200b",
    "\x9b",
]
TEXTS = st.lists(st.sampled_from(PIECES), min_size=1, max_size=4).map(
    lambda each: "a" + "".join(each)
)

SLOW = [HealthCheck.too_slow, HealthCheck.data_too_large, HealthCheck.filter_too_much]


def said_by(call: Callable[..., Any], *arguments: Any, **options: Any) -> List[str]:
    """Return the errors and warnings that a call shows."""
    with warnings.catch_warnings(record=True) as caught:
        warnings.simplefilter("always")
        try:
            call(*arguments, **options)
        except StagekitError as error:
            return [str(error), *(str(each.message) for each in caught)]
    return [str(each.message) for each in caught]


def nothing() -> None:
    """Do nothing."""


def hostile(text: str) -> Registry:
    """Return stages that have a text wherever a declaration takes one."""

    def fails() -> int:
        raise ValueError(text)

    registry = Registry()
    registry.add(fails, id="fails", retries=1)
    for name, options in (
        ("slots", {"resources": {text: 1}}),
        ("tags", {"tags": [text]}),
        ("after", {"depends_on": text}),
        ("where", {"executor": text}),
        ("id", {"id": text}),
    ):
        said = said_by(registry.add, nothing, **{"id": name, **options})
        assert [] == [each for each in said if not _is_harmless(each)]
    return registry


def _is_harmless(text: str) -> bool:
    return text.replace("\n", " ").isprintable()


@settings(max_examples=25, deadline=None, suppress_health_check=SLOW)
@given(text=TEXTS)
def test_texts_of_users_are_harmless_wherever_they_are_shown(text: str) -> None:
    """In errors and warnings of plans and runs, in progress, reports and drawings."""
    registry = hostile(text)
    cancelled = CancelToken()
    cancelled.cancel(text)
    asked: List[Dict[str, Any]] = [
        {},
        {"select": text},
        {"params": {text: text}},
        {"limits": {text: 0}},
        {"limits": {text + "z": 1}},
        {"keep": [text]},
        {"order": [text]},
        {"executor": text},
        {"cancel": cancelled},
        {"on_failure": "continue"},
    ]
    shown = [each for options in asked for each in said_by(run, registry=registry, **options)]
    shown += said_by(plan, text, registry=registry)
    shown += said_by(plan, registry=registry, strict=True)
    stream = io.StringIO()
    some: Dict[str, Any] = {
        "target": ["fails", "slots"],
        "registry": registry,
        "on_failure": "continue",
    }
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")
        result = run(**some, check=False, hooks=[PlainProgress(stream)])
        made = plan(["fails", "slots"], registry=registry)
    shown += [stream.getvalue(), str(result), repr(result), repr(made), made.explain()]
    shown += [made.to_tree(), made.to_mermaid(), made.to_dot(), made.to_svg(), *result.warnings]
    assert [] == [each for each in shown if not _is_harmless(each)]
    assert "<b>" not in made.to_svg()
    assert "<b>" not in made.to_mermaid()
