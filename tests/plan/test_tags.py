"""Tags in a selection: what no stage carries is warned of, with its near misses."""

from __future__ import annotations

import pytest

from stagekit import PlanError, Registry, plan, run
from stagekit.errors import Code, StagekitWarning


def shop() -> Registry:
    """Return a registry of three stages, of which two have tags."""
    registry = Registry()
    registry.add(lambda: 1, id="load", tags=["nightly", "io"])
    registry.add(lambda: 2, id="total", tags=["slow"], depends_on="load")
    registry.add(lambda: 3, id="show", depends_on="total")
    return registry


@pytest.mark.parametrize(
    ("text", "fix"),
    [
        ("tag:nigthly", "tag:nightly"),
        ("+tag:slwo+2", "+tag:slow+2"),
        ("show tag:Slow", "tag:slow"),
        ("tag:io,tag:nightl", "tag:nightly"),
    ],
)
def test_a_mistyped_tag_gets_its_near_miss(text: str, fix: str) -> None:
    """The plan warns of it, with the whole word to copy."""
    (warning,) = plan(registry=shop(), select=text).warnings
    assert (Code.UNKNOWN_TAG, (fix,)) == (warning.code, warning.fixes)
    assert f"did you mean `tag:{fix.strip('+2').partition(':')[2]}`?" in warning.notes


def test_a_tag_that_is_like_none_is_told_with_those_that_there_are() -> None:
    """Each tag once, in the order of the steps; control characters are shown escaped."""
    made = plan(registry=shop(), select="show tag:x\x1b")
    assert ("show",) == made.order
    (warning,) = made.warnings
    assert (
        "SK226: the selection `tag:x\\x1b` means no stage: none of this target has that tag\n"
        "    there is: `nightly`, `io`, `slow`" == str(warning)
    )
    bare = Registry()
    bare.add(lambda: 1, id="load")
    (warning,) = plan(registry=bare, select="load tag:x").warnings
    assert ("there is: no tag at all",) == warning.notes


@pytest.mark.parametrize("text", ["tag:x*", "load", "tag:", "tag:slow", "tag:io+"])
def test_what_is_no_unknown_tag_is_not_warned_of(text: str) -> None:
    """Patterns may mean nothing, and what cannot be read is told otherwise."""
    try:
        assert () == plan(registry=shop(), select=["show", text]).warnings
    except PlanError as error:
        assert [Code.BAD_SELECTION] == [each.code for each in error.problems]  # noqa: PT017


def test_what_is_left_out_is_warned_of_only_where_it_is_mistyped() -> None:
    """A tag that is never wanted need not be there."""
    assert () == plan(registry=shop(), exclude="tag:flaky").warnings
    (warning,) = plan(registry=shop(), exclude="tag:nigthly").warnings
    assert ("tag:nightly",) == warning.fixes


def test_a_strict_plan_is_refused_for_an_unknown_tag() -> None:
    """As for every warning; without ``strict`` a run goes on and warns."""
    with pytest.raises(PlanError, match="SK226"):
        plan(registry=shop(), select="load tag:nigthly", strict=True)
    with pytest.warns(StagekitWarning, match="SK226"):
        assert 1 == run(registry=shop(), select="load tag:nigthly", executor="inline")["load"]
