"""``--json``: each command prints one document, and the schema that it names allows it."""

from __future__ import annotations

import json
from pathlib import Path
from typing import TYPE_CHECKING, Any, Dict, List, Tuple

import pytest

from stagekit.cli import app
from stagekit.errors import Code

if TYPE_CHECKING:
    from tests.cli.conftest import Cli, Write

jsonschema = pytest.importorskip("jsonschema")
SCHEMAS = Path(app.__file__).with_name("schemas")
FILES = {
    "bad.py": "from stagekit import stage\n@stage\ndef load(x: bytes, y: str) -> None: ...\n",
    "unreadable.py": "def (\n",
    "raises.py": "raise ValueError('\\x1b[31mno')\n",
    "impatient.py": "raise KeyboardInterrupt\n",
    "twice.py": "from stagekit import stage\n@stage(retries=-1)\ndef one() -> None: ...\n",
    "fails.py": "from stagekit import stage\n@stage\ndef one() -> None: raise ValueError\n",
    "stops.py": "from stagekit import stage\n@stage\ndef one() -> None: raise KeyboardInterrupt\n",
    "late.py": """
        import asyncio
        from stagekit import stage
        @stage
        async def one() -> None:
            await asyncio.sleep(60)
    """,
    "open.py": """
        from typing import Iterator
        from stagekit import stage
        @stage
        def one() -> Iterator[int]:
            yield 1
            raise ValueError
        @stage
        def two(one: int) -> None: ...
    """,
}
COMMANDS = ("run", "plan", "list", "graph", "bench", "explain")
PLANNING = ("run", "plan", "graph", "bench")
FAILURES: List[Tuple[str, List[str], int]] = [
    *((command, ["shop", "--unknown"], 2) for command in COMMANDS),
    *((command, ["shop", "more"], 2) for command in COMMANDS),
    *((command, ["shpo"], 3) for command in COMMANDS[:-1]),
    *((command, ["unreadable.py"], 3) for command in COMMANDS[:-1]),
    *((command, ["raises"], 3) for command in COMMANDS[:-1]),
    *((command, ["twice"], 3) for command in COMMANDS[:-1]),
    *((command, ["impatient"], 130) for command in COMMANDS[:-1]),
    *((command, ["bad"], 3) for command in PLANNING if command != "graph"),
    *((command, ["shop", "-s", "nowhere"], 3) for command in PLANNING),
    *((command, ["shop", "--exclude", "*"], 4) for command in PLANNING),
    *((command, ["shop", "--params", "none.toml"], 3) for command in PLANNING),
    *((command, [], 2) for command in COMMANDS[:-1]),
    ("explain", ["SK999"], 2),
    ("run", ["shop", "--workers", "0"], 2),
    ("run", ["shpo", "--help-params"], 3),
    ("run", ["shop", "--keep-going", "--fail-fast"], 2),
    ("run", ["shop", "--events", "nowhere/x"], 2),
    ("run", ["shop", "--", "word"], 2),
    ("run", ["fails"], 1),
    ("run", ["stops"], 130),
    ("run", ["late", "--deadline", "0"], 124),
    ("run", ["open"], 7),
    ("bench", ["fails"], 1),
    ("bench", ["stops"], 130),
    ("bench", ["late", "--deadline", "0"], 124),
    ("bench", ["shop", "--repeat", "0"], 2),
]


def document(text: str) -> Dict[str, Any]:
    """Return the one document of a text, which the schema that it names allows."""
    found: Dict[str, Any] = json.loads(text)
    name = found["schema"].replace("stagekit.", "").replace("/", "-")
    schema = json.loads((SCHEMAS / f"{name}.json").read_text(encoding="utf-8"))
    validator = jsonschema.Draft202012Validator
    validator.check_schema(schema)
    validator(schema).validate(found)
    return found


def asked(command: str) -> List[str]:
    """Return how a command is asked for a document."""
    return ["--format", "json"] if command == "graph" else ["--json"]


@pytest.mark.parametrize(
    ("command", "words", "code"), FAILURES, ids=lambda each: str(each).strip("[]")
)
def test_the_document_of_a_failure_is_what_its_schema_says(
    command: str, words: List[str], code: int, cli: Cli, shop: str, write: Write
) -> None:
    """Of every command, however it fails: it names its schema, and has the exit code."""
    assert shop
    for name, text in FILES.items():
        write(name, text)
    before, dashes, after = " ".join(words).partition("-- ")
    line = [*before.split(), *asked(command), *([dashes.strip(), after] if dashes else [])]
    done = cli(command, *line)
    found = document(done.out)
    assert (code, code) == (done.code, found["exit_code"])
    took_place = command == "run" and words[0:1] in ([each] for each in RAN)
    assert ("stagekit.run/1" if took_place else "stagekit.error/1") == found["schema"]
    assert "Traceback" not in done.out


RAN = ("fails", "stops", "late", "open")


@pytest.mark.parametrize(
    ("command", "schema"),
    [("run", "run"), ("plan", "plan"), ("list", "list"), ("graph", "plan"), ("bench", "bench")],
)
def test_the_document_of_success_is_what_its_schema_says(
    command: str, schema: str, cli: Cli, shop: str
) -> None:
    """One document on stdout."""
    few = ["--repeat", "2", "--warmup", "0"] if command == "bench" else []
    done = cli(command, shop, *few, *asked(command))
    assert 0 == done.code
    assert f"stagekit.{schema}/1" == document(done.out)["schema"]


@pytest.mark.parametrize("command", PLANNING)
def test_a_defect_of_stagekit_has_a_document_too(
    command: str, cli: Cli, shop: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Exit 5, with the code of defects."""

    def fail(*_: object, **__: object) -> None:
        raise RuntimeError("a defect")

    monkeypatch.setattr(f"stagekit.cli.commands.{command}.plan_of", fail)
    done = cli(command, shop, *asked(command))
    found = document(done.out)
    assert (5, 5) == (done.code, found["exit_code"])
    assert [Code.INTERNAL.value] == [each["code"] for each in found["error"]["problems"]]


def test_what_cannot_be_written_is_in_the_document(cli: Cli, shop: str) -> None:
    """A file that fails after the run: exit 74, and the document of the run says so."""
    if not Path("/dev/full").exists():
        pytest.skip("there is no /dev/full here")
    done = cli("run", shop, "--events", "/dev/full", "--json")
    assert (74, 74) == (done.code, document(done.out)["exit_code"])


def test_explain_prints_its_pages_as_a_document(cli: Cli) -> None:
    """One of a code, all of them without; each with its title and its text."""
    (page,) = document(cli("explain", "201", "--json").out)["codes"]
    assert ("SK201", True) == (page["code"], page["text"].startswith("# SK201: " + page["title"]))
    pages = document(cli("explain", "--json").out)["codes"]
    assert [each.value for each in Code] == [each["code"] for each in pages]
