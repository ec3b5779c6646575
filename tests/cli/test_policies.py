"""``stagekit run`` with deadlines, slots, undoing: options, exit codes, summary, documents."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any, Dict, List, Sequence

import pytest

from tests.cli.test_run import masked, validated

if TYPE_CHECKING:
    from tests.cli.conftest import Cli, Write

SLOW = """
from stagekit import CancelToken, stage

@stage
def wait(token: CancelToken) -> bytes:
    token.wait()
    token.raise_if_cancelled()

@stage
def after(data: bytes) -> None: ...
"""
UNDO = """
from stagekit import stage

class Row(int): ...

def forget(row: Row) -> None:
    print("forget", int(row))
    {body}

@stage(undo=forget)
def insert() -> Row:
    return Row(7)

@stage
def check(row: Row) -> None:
    raise ValueError("bad row")
"""
RESOURCE = """
from typing import Iterator, List
from typing_extensions import Annotated
from stagekit import Each, Retry, stage

class Connection: ...

@stage
def connect() -> Iterator[Connection]:
    yield Connection()
    {body}

@stage
def numbers() -> List[int]:
    return [1, 2]

tries = []

@stage(retries=Retry(2, wait=0), resources={{"db": 1}})
def insert(connection: Connection, number: Annotated[int, Each()]) -> float:
    tries.append(number)
    if len(tries) == 1:
        raise OSError("try again")
    return number / 2
"""


def document(text: str) -> Dict[str, Any]:
    """Return the document of a run, which its schema allows."""
    return validated("run-1", json.loads(text))


def stage_of(told: Dict[str, Any], name: str) -> Dict[str, Any]:
    """Return what a document tells of one stage."""
    (found,) = [each for each in told["stages"] if each["id"].endswith(f":{name}")]
    return dict(found)


def test_a_deadline_that_has_passed_is_the_exit_code(cli: Cli, write: Write) -> None:
    """R22: 124; the summary says so, and which stages were cancelled because of it."""
    write("slow.py", SLOW)
    for deadline in ("0", "0.01"):
        done = cli("run", "slow.py", "--deadline", deadline, "--grace", "5", "-q")
        assert 124 == done.code, done.err
        told = "summary: 0 ran, 0 failed, 0 skipped, 2 cancelled in 0s (run r)\n"
        assert f"{told}deadline: passed; cancelled: wait, after\n" == masked(done.err)


def test_a_deadline_is_in_the_document(cli: Cli, write: Write) -> None:
    """Why a run was cancelled, for machines."""
    write("slow.py", SLOW)
    told = document(cli("run", "slow.py", "--deadline", "0", "--json").out)
    assert ("cancelled", 124) == (told["status"], told["exit_code"])
    assert ("deadline", []) == (told["cancel_reason"], told["abandoned"])


def test_who_does_not_end_in_time_is_named(cli: Cli, write: Write) -> None:
    """A thread cannot be ended: after the time of grace it is given up on, and named."""
    text = "    import threading\n    threading.Event().wait(20)"
    write("slow.py", SLOW.replace("    token.wait()", text))
    options = ("--executor", "threads", "--deadline", "0.05", "--grace", "0.05")
    done = cli("run", "slow.py", *options, "-q", "--json")
    assert 124 == done.code
    assert "\nabandoned: wait did not end, and may run on\n" in done.err
    assert ["slow:wait"] == document(done.out)["abandoned"]


@pytest.mark.parametrize(("body", "code"), [("", 1), ("raise OSError('locked')", 7)])
def test_a_failed_run_is_undone(body: str, code: int, cli: Cli, write: Write) -> None:
    """--rollback calls the undo of what succeeded; 7 where one of them failed."""
    write("flow.py", UNDO.format(body=body))
    done = cli("run", "flow.py", "--rollback", "--json")
    assert code == done.code
    assert "forget 7\n" in done.err
    told = "not undone: insert: OSError: locked" if body else "\nundone: insert"
    assert f"{told}\n" in done.err
    stage = stage_of(document(done.out), "insert")
    assert (not body, bool(body)) == (stage["undone"], bool(stage["undo_error"]))


HALF_WAY = """
from stagekit import stage

@stage(undo=lambda: print("undo half"))
def half() -> None:
    raise ValueError("half-way")
"""


@pytest.mark.parametrize(("more", "is_undone"), [([], False), (["--compensate-partial"], True)])
def test_what_failed_half_way_is_undone_on_request(
    more: List[str], is_undone: bool, cli: Cli, write: Write
) -> None:
    """--compensate-partial, which needs no --rollback beside it."""
    write("flow.py", HALF_WAY)
    done = cli("run", "flow.py", *(more or ["--rollback"]), "--json")
    assert (1, is_undone) == (done.code, "undo half\n" in done.err)


MUTATION = """
from stagekit import stage

@stage
def load() -> list:
    return [3, 1, 2]

@stage
def largest(numbers: list) -> int:
    numbers.sort()
    return numbers[-1]
"""


@pytest.mark.parametrize(("options", "is_told"), [([], False), (["--check-mutation"], True)])
def test_a_stage_that_changes_its_argument_is_named_on_request(
    options: List[str], is_told: bool, cli: Cli, write: Write
) -> None:
    """--check-mutation is ``run(check_mutation=True)``."""
    write("flow.py", MUTATION)
    done = cli("run", "flow.py", *options, "-q")
    told = "stage `flow:largest` has changed its argument `numbers` (list) in place"
    assert (0, is_told) == (done.code, told in done.err)


def test_nothing_is_undone_unless_asked_for(cli: Cli, write: Write) -> None:
    """Without --rollback a failure leaves what was done as it is, and the summary says so."""
    write("flow.py", UNDO.format(body=""))
    done = cli("run", "flow.py", "--json")
    assert 1 == done.code
    assert "forget" not in done.err
    assert "\nnot undone: insert (ask for it with --rollback)\n" in done.err
    assert stage_of(document(done.out), "insert")["undone"] is None


@pytest.mark.parametrize("flag", ["", "--rollback", "--rollback-on-cancel"])
def test_after_ctrl_c_the_summary_says_what_was_not_undone(
    flag: str, cli: Cli, write: Write
) -> None:
    """--rollback does not undo then; --rollback-on-cancel does, and needs nothing beside it."""
    interrupted = UNDO.format(body="").replace('ValueError("bad row")', "KeyboardInterrupt")
    write("flow.py", interrupted)
    done = cli("run", "flow.py", *flag.split())
    is_told = "\nnot undone: insert (ask for it with --rollback-on-cancel)\n" in done.err
    is_undone = "\nundone: insert\n" in done.err
    assert (130, flag != "--rollback-on-cancel") == (done.code, is_told)
    assert is_undone != is_told


def test_a_run_that_succeeds_says_nothing_of_undoing(cli: Cli, write: Write) -> None:
    """What could be undone is to stay."""
    write("flow.py", UNDO.format(body="").replace('raise ValueError("bad row")', "pass"))
    done = cli("run", "flow.py")
    assert (0, False) == (done.code, "undone" in done.err)


def test_a_resource_that_cannot_be_closed_is_the_exit_code(cli: Cli, write: Write) -> None:
    """7, though every stage succeeded; the summary names it."""
    write("flow.py", RESOURCE.format(body="raise OSError('locked')"))
    done = cli("run", "flow.py", "--json")
    assert 7 == done.code
    assert "not closed: connect: OSError: locked" in done.err
    told = document(done.out)
    assert "builtins.OSError" == stage_of(told, "connect")["teardown_error"]["type"]
    tries = [(each["item"], each["number"]) for each in stage_of(told, "insert")["attempts"]]
    assert [(0, 1), (0, 2), (1, 1)] == sorted(tries)


@pytest.mark.parametrize("command", [("run",), ("bench", "--repeat", "1", "--warmup", "0")])
def test_a_limit_that_is_said_is_not_guessed(
    command: Sequence[str], cli: Cli, write: Write
) -> None:
    """Without it the warning says the flag."""
    name, *options = command
    write("flow.py", RESOURCE.format(body=""))
    guessed, said = (cli(name, "flow.py", *options, *more) for more in ((), ("--limit", "db=2")))
    assert "warning[SK225]" in guessed.err
    assert "\nhelp: --limit db=1\n" in guessed.err
    assert "SK225" not in said.err


def test_retries_and_progress_are_events(cli: Cli, write: Write) -> None:
    """Each line of --events is allowed by its schema."""
    write("flow.py", RESOURCE.format(body=""))
    done = cli("run", "flow.py", "--events", "-", "--limit", "db=1", "--limit", "async=3")
    assert 0 == done.code, done.err
    kinds = [validated("event-1", json.loads(line))["event"] for line in done.out.splitlines()]
    assert 1 == kinds.count("StageRetrying")


@pytest.mark.parametrize(
    ("options", "told"),
    [
        (["--deadline", "soon"], "'--deadline': takes a number of seconds, got 'soon'"),
        (["--grace", "-1"], "'--grace': takes a number of seconds, got '-1'"),
        (["--grace", "inf"], "'--grace': takes a number of seconds, got 'inf'"),
        (["--limit", "db"], "'--limit': takes a name and a whole number from 1 on, such as db=4"),
        (["--limit", "db=0"], "'--limit': takes a name and a whole number from 1 on"),
        (["--seed", "few"], "'--seed': 'few' is not a valid integer"),
        (["--limit", "bd=2"], "limits names 'bd', which no stage of the plan takes"),
    ],
)
def test_a_mistake_in_these_options_is_told(
    options: List[str], told: str, cli: Cli, write: Write
) -> None:
    """Exit code 2; which option, what was said, what is allowed."""
    write("flow.py", RESOURCE.format(body=""))
    done = cli("run", "flow.py", *options)
    assert (2, "") == (done.code, done.out)
    assert told in done.err
