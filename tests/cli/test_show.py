"""``stagekit list``, ``plan``, ``graph`` and ``explain``: what they print."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest

from stagekit.cli.commands.explain import page
from stagekit.errors import Code
from tests.cli.test_run import validated

if TYPE_CHECKING:
    from tests.cli.conftest import Cli, Write

LIST = """\
load      shop.py:17  io       Read the orders.
total     shop.py:23           Add them up.
announce  shop.py:29  io late
"""
PLAN = """\
shop      3 stages · 3 levels · at most 1 at once

  level  stage     needs   gives
  1      load              Orders
  2      total     Orders  Total
  3      announce

  order only
    announce after total
"""

CARRIED = """
from typing import Iterator, List
from typing_extensions import Annotated
from stagekit import Each, stage

class Db: ...
def drop(db: Db) -> None: ...
@stage
def db() -> Iterator[Db]:
    \"\"\"Open it.\"\"\"
    yield Db()

@stage(retries=2, timeout=5, resources={"net": 1}, tags=["io"])
def pages(db: Db) -> List[str]:
    return ["a"]

@stage(executor="threads")
def size(page: Annotated[str, Each()]) -> int:
    \"\"\"Count.\"\"\"
    return len(page)

@stage(undo=drop)
def store(sizes: List[int], db: Db) -> bytes:
    return b""
"""


def test_a_list_has_names_places_tags_and_descriptions(cli: Cli, shop: str) -> None:
    """One line a stage, in the order of declaration, columns below each other."""
    assert (0, LIST, "") == cli("list", shop)[:3]


def test_a_list_has_stages_that_cannot_be_planned(cli: Cli, write: Write) -> None:
    """Listing looks at declarations, and says what may be set; nothing has to fit."""
    write("bad.py", "from stagekit import stage\n@stage\ndef load(x: bytes) -> None: ...\n")
    expected = "load  bad.py:3\n\nparameters\n  load.x  bytes  required\n"
    assert (0, expected) == cli("list", "bad")[:2]
    write("worse.py", "from stagekit import stage\n@stage\ndef load(x: 'Nothing') -> None: ...\n")
    assert (0, "load  worse.py:3\n") == cli("list", "worse")[:2]


def test_a_list_is_harmless_to_print(cli: Cli, write: Write) -> None:
    """Descriptions may hold anything, terminals are not told."""
    text = "from stagekit import stage\n@stage(description='\\x1b[31m\\u202e')\ndef load(): ...\n"
    write("bad.py", text)
    assert "load  bad.py:3  \\x1b[31m\\u202e\n" == cli("list", "bad").out


def test_a_list_tells_what_a_stage_is_besides_a_call(cli: Cli, write: Write) -> None:
    """Retries, limits, place, slots, items, resources and undoing, behind the description."""
    write("carried.py", CARRIED)
    expected = """
db     carried.py:9       Open it.  [a resource]
pages  carried.py:14  io  [up to 3 attempts · at most 5.0 s each · takes 1 net]
size   carried.py:18      Count.  [once for each of page · on threads]
store  carried.py:23      [undone by drop]
"""
    assert (0, expected[1:], "") == cli("list", "carried")[:3]
    document = validated("list-1", json.loads(cli("list", "carried", "--json").out))
    policies = [each["policy"] for each in document["stages"]]
    assert ["resource", "call", "call", "call"] == [each["kind"] for each in policies]
    assert (3, 5.0, {"net": 1}) == (
        policies[1]["retry"]["attempts"],
        policies[1]["timeout"],
        policies[1]["slots"],
    )
    assert (["page"], "threads") == (policies[2]["each"], policies[2]["executor"])
    assert "drop" == policies[3]["undo"]


def test_lists_and_plans_are_documents_of_their_schemas(cli: Cli, shop: str, write: Write) -> None:
    """``list-1`` and ``plan-1`` hold; a stage without a policy has none."""
    document = validated("list-1", json.loads(cli("list", shop, "--json").out))
    assert not any("policy" in each for each in document["stages"])
    validated("plan-1", json.loads(cli("plan", shop, "--json").out))
    write("planned.py", CARRIED)
    validated("plan-1", json.loads(cli("plan", "planned", "--json").out))


def test_a_list_of_names_that_are_not_unique_is_of_ids(cli: Cli, write: Write) -> None:
    """What is shown can be typed."""
    text = """
    from stagekit import Registry
    r = Registry()
    r.add(lambda: 1, id="a:x")
    r.add(lambda: 2, id="b:x")
    """
    write("twice.py", text)
    assert "a:x  twice.py:4\nb:x  twice.py:5\n" == cli("list", "twice:r").out


def test_a_plan_is_a_table(cli: Cli, shop: str) -> None:
    """No stage is called for it."""
    assert (0, PLAN, "") == cli("plan", shop)[:3]


def test_a_graph_is_drawn(cli: Cli, shop: str) -> None:
    """The tree is the default; the others are those of ``Plan``."""
    assert (0, "load ─▶ total ─▶ announce\n", "") == cli("graph", shop)[:3]
    assert cli("graph", shop).out == cli("graph", shop, "--format", "tree").out
    assert cli("graph", shop, "--format", "mermaid").out.startswith("flowchart ")
    assert cli("graph", shop, "--format", "svg").out.startswith("<svg ")
    assert cli("graph", shop, "--format", "dot").out.startswith('digraph "shop" {\n')
    document = json.loads(cli("graph", shop, "--format", "json").out)
    assert document == json.loads(cli("plan", shop, "--json").out)


@pytest.mark.parametrize("word", ["SK201", "sk201", "201", " SK201 "])
def test_a_code_is_explained(word: str, cli: Cli) -> None:
    """The page is printed as text: code is indented, headings have no marks."""
    done = cli("explain", word)
    assert 0 == done.code
    lines = done.out.split("\n")
    assert f"SK201: {page(Code.MISSING_PROVIDER).title}" == lines[0]
    assert "    $ stagekit plan shop" in lines
    assert "```" not in done.out
    assert "\n# " not in done.out


def test_all_codes_are_listed(cli: Cli) -> None:
    """Without a code, each with its title."""
    expected = "".join(f"{code.value}  {page(code).title}\n" for code in Code)
    assert (0, expected, "") == cli("explain")[:3]


def test_headings_are_bold_on_a_terminal(cli: Cli) -> None:
    """And nothing else is."""
    lines = cli("explain", "SK201", "--color", "always").out.split("\n")
    bold = [line for line in lines if "\x1b" in line]
    assert ["\x1b[1mWrong\x1b[0m", "\x1b[1mRight\x1b[0m"] == bold[1:]
