"""Options of ``run`` are checked at the door: every mistake at once, with what is allowed."""

from __future__ import annotations

import ast
import inspect
import re
from pathlib import Path
from typing import Any, Dict, List, Tuple

import click
import pytest

from stagekit import Registry, arun, plan, run
from stagekit._options import OPTIONS, PLANNING
from stagekit.cli import app
from stagekit.errors import UsageError

MISTAKES: List[Tuple[Dict[str, Any], List[str]]] = [
    ({"executor": "thread"}, ["executor takes 'auto', 'inline'", "did you mean 'threads'?"]),
    ({"executor": 3}, ["or an object with submit(), got 3"]),
    ({"workers": 0}, ["workers takes a whole number from 1 to 1024, got 0"]),
    ({"workers": True}, ["workers takes a whole number", "got True"]),
    ({"workers": 1.5}, ["got 1.5"]),
    ({"workers": 2000}, ["got 2000"]),
    ({"limits": {"asnyc": 2}}, ["limits names 'asnyc', which no stage", "did you mean 'async'?"]),
    ({"limits": {"async": 0}}, ['limits["async"] takes a whole number', "got 0"]),
    ({"on_failure": "contine"}, ["on_failure takes 'stop', 'continue' or", "did you mean"]),
    ({"on_failure": None}, ["on_failure takes", "got None"]),
    ({"arguments": "--fast"}, ["arguments takes a list of texts, got a text"]),
    ({"rollback": "yes"}, ["rollback takes True, False or a Rollback(on_cancel=, partial=)"]),
    ({"cancel": 1}, ["cancel takes a CancelToken, got 1"]),
    ({"grace": -1}, ["grace must be seconds", "got -1"]),
    ({"seed": "x"}, ["seed takes a whole number, got 'x'"]),
    ({"values": "text"}, ["values takes a list of objects", "write values=[...]"]),
    ({"values": b"text"}, ["values takes a list of objects"]),
]


@pytest.mark.parametrize(("options", "parts"), MISTAKES, ids=[repr(m[0]) for m in MISTAKES])
def test_a_wrong_option_is_refused_with_what_is_allowed(
    options: Dict[str, Any], parts: List[str]
) -> None:
    """Nothing has run, and the message has the value and its near miss."""
    registry = Registry()
    registry.add(lambda: pytest.fail("it ran"), id="stage")
    with pytest.raises(UsageError) as caught:
        run(registry=registry, **options)
    assert isinstance(caught.value, ValueError)
    assert [] == [part for part in parts if part not in str(caught.value)]


def test_every_wrong_option_is_told_at_once() -> None:
    """One error for all of them."""
    made = plan(registry=Registry())
    wrong: Any = "y"
    with pytest.raises(UsageError) as caught:
        run(made, executor="x", workers=0, on_failure=wrong, arguments="z")
    for part in ("executor takes", "workers takes", "on_failure takes", "arguments takes"):
        assert part in str(caught.value)


SIGNATURE = {
    name: parameter
    for name, parameter in inspect.signature(run).parameters.items()
    if name != "target"
}


def tree(annotation: str) -> str:
    """Return an annotation without the quotes and brackets that Pythons write differently."""
    return ast.dump(ast.parse(annotation, mode="eval"))


def test_the_signature_of_run_is_the_table() -> None:
    """Names, annotations and defaults, in one order: what is written out twice is written alike."""
    assert [(each.name, tree(each.type), each.default) for each in OPTIONS] == [
        (name, tree(each.annotation), each.default) for name, each in SIGNATURE.items()
    ]


def test_run_and_arun_have_one_signature() -> None:
    """And ``plan`` has the first part of it, which concerns planning."""
    ours = inspect.signature(run).parameters
    assert ours == inspect.signature(arun).parameters
    names = ["target", *(each.name for each in PLANNING)]
    assert {name: ours[name] for name in names} == dict(inspect.signature(plan).parameters)


def test_every_option_is_explained() -> None:
    """The docstring of ``run`` has a line for each, and so has the manual."""
    text = inspect.getdoc(run) or ""
    manual = (Path(__file__).parents[1] / "docs" / "manual.md").read_text("utf-8")
    listed = ["registry", "select", "exclude", "overrides", "strict"]
    assert [] == [
        each.name
        for each in OPTIONS
        if f"\n    {each.name}: " not in text and each.name not in listed
    ]
    assert [] == [each.name for each in OPTIONS if not re.search(rf"\b{each.name}\b", manual)]


def test_keys_and_flags_are_of_one_option_each() -> None:
    """No key of configuration and no flag means two options; a flag is read as its kind says."""
    keys = [each.key for each in OPTIONS if each.key]
    flags = [name for each in OPTIONS for flag in each.flags for name in flag.names]
    assert (len(keys), len(flags)) == (len(set(keys)), len(set(flags)))
    assert [] == [each.name for each in OPTIONS if len(each.flags) > 1 and not each.of_flags]


def test_the_command_line_has_each_flag_with_its_help() -> None:
    """``stagekit run`` is made from the table."""
    found = {name: each for each in app.stagekit.commands["run"].params for name in each.opts}
    for option in OPTIONS:
        for flag in option.flags:
            for name in flag.names:
                made = found[name]
                assert isinstance(made, click.Option)
                assert (flag.parameter, flag.help) == (made.name, made.help)


class Asked:
    """A decider that makes every call."""

    def before(self, call: Any) -> None:
        """Make the call."""

    def after(self, call: Any, value: Any) -> None:
        """Take what it returned."""


def test_a_decider_has_both_methods() -> None:
    """Anything else is refused with what is missing."""
    registry = Registry()
    registry.add(lambda: 7, id="seven")
    assert 7 == run(registry=registry, decider=Asked())["seven"]
    wrong: Any = object()
    with pytest.raises(UsageError, match=r"decider takes an object with before\(call\) and after"):
        run(registry=registry, decider=wrong)
