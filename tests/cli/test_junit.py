"""``--junit-xml``: the stages of a run as test results, as CI servers read them."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING, Dict, List, Set
from xml.etree import ElementTree as ET

import pytest

if TYPE_CHECKING:
    from tests.cli.conftest import Cli, Write

# What the schema of Jenkins (junit-10.xsd) allows: attributes, those that must be there, elements.
ALLOWED: Dict[str, Set[str]] = {
    "testsuites": {"name", "time", "tests", "failures", "errors"},
    "testsuite": {"name", "tests", "failures", "errors", "skipped", "time", "timestamp"},
    "testcase": {"name", "time", "classname"},
    "failure": {"type", "message"},
    "error": {"type", "message"},
    "skipped": {"type", "message"},
}
NEEDED: Dict[str, Set[str]] = {
    "testsuite": {"name", "tests", "failures", "errors"},
    "testcase": {"name", "time", "classname"},
}
WITHIN = {
    "testsuites": {"testsuite"},
    "testsuite": {"testcase"},
    "testcase": {"failure", "error", "skipped"},
}
MIXED = """
from typing import Iterator, List
from typing_extensions import Annotated
from stagekit import Each, stage

@stage
def load() -> List[int]:
    return [1, 0, 2]

@stage
def share(n: Annotated[int, Each()]) -> float:
    return 1 / n

@stage
def total(share: List[float]) -> float:
    return sum(share)

@stage(critical=False)
def extra() -> None:
    raise ValueError("not needed")
"""
HOSTILE = r"""
from stagekit import stage

TEXT = "]]> </failure><testcase/> & \x00\x0b\x1b[31m\ufffe \ud800 \u2028 \n  two\ttabs"

@stage
def hostile() -> None:
    raise ValueError(TEXT)
"""


def read(path: str) -> ET.Element:
    """Return the one suite of a file, all of which the schema of Jenkins allows."""
    root = ET.parse(path).getroot()  # noqa: S314 - we have written it
    assert "testsuites" == root.tag
    for each in root.iter():
        assert set(each.attrib) <= ALLOWED[each.tag]
        assert NEEDED.get(each.tag, set()) <= set(each.attrib)
        assert {child.tag for child in each} <= WITHIN.get(each.tag, set())
        assert re.fullmatch(r"\d+\.\d{3}", each.get("time", "0.000"))
    (suite,) = root
    cases = list(suite)
    for attribute, tag in (("failures", "failure"), ("errors", "error"), ("skipped", "skipped")):
        assert int(suite.attrib[attribute]) == sum(c.find(tag) is not None for c in cases)
    assert str(len(cases)) == suite.get("tests") == root.get("tests")
    return suite


def ends(suite: ET.Element) -> Dict[str, List[str]]:
    """Return for each case how it ended: nothing where it passed."""
    return {each.attrib["name"]: [child.tag for child in each] for each in suite}


def test_each_stage_is_a_case(cli: Cli, shop: str) -> None:
    """With its module, its name and its time."""
    assert 0 == cli("run", shop, "--junit-xml", "r.xml").code
    suite = read("r.xml")
    assert {"load": [], "total": [], "announce": []} == ends(suite)
    assert {"shop"} == {each.get("classname") for each in suite}
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT[\d:]{8}\+00:00", suite.attrib["timestamp"])


def test_failures_are_told_with_their_text(cli: Cli, write: Write) -> None:
    """With place and item; what was skipped says why; what may fail is no failure."""
    write("mixed.py", MIXED)
    done = cli("run", "mixed", "--keep-going", "--junit-xml", "r.xml")
    assert 1 == done.code
    suite = read("r.xml")
    expected = {"load": [], "share": ["failure"], "total": ["skipped"], "extra": ["skipped"]}
    assert expected == ends(suite)
    failure = suite[[each.get("name") for each in suite].index("share")][0]
    assert "ZeroDivisionError" == failure.get("type")
    assert failure.attrib["message"].startswith("stage `share` failed at item 1: ZeroDivision")
    text = failure.text or ""
    assert "mixed.py:12" in text
    assert "Traceback (most recent call last):" in text
    assert text.endswith("item 1: 0: ZeroDivisionError: division by zero")
    messages = {each.attrib["name"]: each[0].attrib["message"] for each in suite if len(each)}
    assert "'mixed:share' failed with ZeroDivisionError" in messages["total"]
    assert messages["extra"].startswith("it may fail: stage `extra` failed: ValueError")


def test_hostile_texts_are_shown_as_they_are(cli: Cli, write: Write) -> None:
    """No character that XML cannot have, and no element of a user's."""
    write("hostile.py", HOSTILE)
    assert 1 == cli("run", "hostile", "--junit-xml", "r.xml").code
    suite = read("r.xml")
    assert {"hostile": ["failure"]} == ends(suite)
    text = suite[0][0].text or ""
    assert "]]> </failure><testcase/> & \\x00\\x0b\\x1b[31m\\ufffe \\ud800 \\u2028" in text


def test_a_hostile_target_is_shown_as_it_is(cli: Cli) -> None:
    """It is the name of a suite and of a case."""
    assert 3 == cli("run", "evil\x01<&\x1b[31m.py", "--junit-xml", "r.xml").code
    assert {"evil\\x01<&\\x1b[31m.py": ["error"]} == ends(read("r.xml"))


@pytest.mark.parametrize(
    ("file", "code", "kind", "message"),
    [
        ("def (\n", 3, "SK011", "raised while it was imported"),
        (
            "from stagekit import stage\n@stage\ndef load(x: bytes) -> None: ...\n",
            3,
            "SK201",
            "nothing",
        ),
        ("import os\n", 4, "error", "no stages"),
        ("raise KeyboardInterrupt\n", 130, "error", "interrupted; no stage was run"),
    ],
)
def test_what_could_not_be_run_is_one_error(
    file: str, code: int, kind: str, message: str, cli: Cli, write: Write
) -> None:
    """So that nobody takes the file of an earlier run for this one's."""
    write("flow.py", file)
    write("r.xml", "old")
    done = cli("run", "flow.py", "--junit-xml", "r.xml")
    assert code == done.code
    suite = read("r.xml")
    assert {"flow.py": ["error"]} == ends(suite)
    error = suite[0][0]
    assert kind == error.get("type")
    assert message in error.attrib["message"] + (error.text or "")


def test_a_run_that_is_cancelled_is_written(cli: Cli, write: Write) -> None:
    """What ran is an error, what did not begin is skipped; and what could not be closed."""
    write(
        "late.py",
        """
        import asyncio
        from typing import Iterator
        from stagekit import stage
        @stage
        def base() -> Iterator[int]:
            yield 1
            raise OSError("not closed")
        @stage
        async def slow(base: int) -> str:
            await asyncio.sleep(60)
            return ""
        @stage
        def after(slow: str) -> None: ...
        """,
    )
    done = cli("run", "late", "--deadline", "0.3", "--junit-xml", "r.xml")
    assert 7 == done.code
    suite = read("r.xml")
    assert {"base": ["error"], "slow": ["error"], "after": ["skipped"]} == ends(suite)
    messages = {each.attrib["name"]: each[0].attrib["message"] for each in suite}
    assert "cancelled while it ran: deadline" == messages["slow"]
    assert "not closed: OSError: not closed" == messages["base"]


def test_a_file_that_cannot_be_written_is_told_before_the_run(
    cli: Cli, shop: str, tmp_path: Path
) -> None:
    """Exit 2; where it only fails at the end, exit 74 and the run is told all the same."""
    done = cli("run", shop, "--junit-xml", "nowhere/r.xml")
    assert 2 == done.code
    assert "error: --junit-xml nowhere/r.xml: there is no folder nowhere" in done.err
    assert "that is a folder" in cli("run", shop, "--junit-xml", str(tmp_path)).err
    if Path("/dev/full").exists():
        done = cli("run", shop, "--junit-xml", "/dev/full")
        assert 74 == done.code
        assert "error: --junit-xml /dev/full cannot be written: No space left on device" in done.err
        assert 3 == cli("run", "shpo", "--junit-xml", "/dev/full").code
