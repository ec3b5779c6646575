"""What becomes of a run whose decider does what it should not, and what a run without one pays."""

from __future__ import annotations

import sys
import threading
import time
from functools import partial
from typing import Any, Callable, Iterator, List, Optional

import pytest
from typing_extensions import Annotated

from stagekit import CancelToken, Each, Progress, Registry, Result, Reuse, Skip, StageCall, run
from stagekit.errors import DeciderError, NoValueError
from stagekit.events import Outcome, Reason, StageProgress, StageReused, StageSkipped, StageStarted
from stagekit.hooks.tally import Tally, why_ended
from stagekit.testing import RecordingHook


class Deciding:
    """A decider made of two functions."""

    def __init__(
        self,
        before: Callable[[StageCall], Any] = lambda _: None,
        after: Callable[[StageCall, Any], object] = lambda _, __: None,
    ) -> None:
        self.before = before
        self.after = after


def one(**options: Any) -> Registry:
    """Return a registry of one stage, that returns 7."""
    registry = Registry()

    @registry.stage(id="seven", **options)
    def seven() -> int:
        return 7

    return registry


def error_of(answer: Any, registry: Optional[Registry] = None) -> str:
    """Return what the first stage fails with if a decider answers so."""
    decider = Deciding(lambda _: answer)
    result = run(registry=registry or one(), decider=decider, check=False, executor="inline")
    report = result.failures[0]
    assert isinstance(report.error, DeciderError)
    assert (Reason.DECIDER_FAILED, ()) == (report.reason, report.attempts)
    return str(report.error)


@pytest.mark.parametrize(
    ("answer", "text"),
    [
        (7, "returned 7; it may return None, Reuse(value) or Skip(why)"),
        (True, "returned True; it may return None, Reuse(value) or Skip(why)"),
        (Reuse(None), "reuses what the stage may not return: it returned None, although its"),
        (Skip(7), "returned Skip(...) without a text that says why"),  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]
    ],
)
def test_an_answer_that_means_nothing_is_refused(answer: Any, text: str) -> None:
    """The error says what may be returned instead."""
    assert f"Deciding.before, asked about seven, {text}" in error_of(answer)


def test_an_async_decider_is_refused() -> None:
    """Nobody would await it; and nothing is left that complains of that."""

    async def before(_: StageCall) -> None:
        """Decide nothing."""

    result = run(registry=one(), decider=Deciding(before), check=False)
    assert "is async; write it as a plain method" in str(result.report("seven").error)


def ints(**options: Any) -> Registry:
    """Return a registry of a stage for each item of a list."""
    registry = Registry()

    @registry.stage(id="load")
    def load() -> List[int]:
        return [1, 2, 3]

    @registry.stage(id="row", **options)
    def row(raw: Annotated[int, Each()]) -> str:
        return str(raw)

    return registry


def test_an_item_cannot_be_skipped() -> None:
    """The list would lack it without a word."""
    decider = Deciding(lambda call: Skip("no") if call.item == 1 else None)
    result = run(registry=ints(), decider=decider, check=False)
    assert "asked about item 1 of row, skips an item; skip the whole stage" in str(
        result.failures[0].error
    )
    assert 1 == result.failures[0].item


def test_an_each_stage_is_reused_as_a_list() -> None:
    """Anything else would break who takes it."""
    decider = Deciding(lambda call: Reuse("ab") if call.is_mapped else None)
    result = run(registry=ints(), decider=decider, check=False)
    assert "reuses str for a stage that is called for each item: its value" in str(
        result.failures[0].error
    )


def test_a_skip_may_be_raised() -> None:
    """As a stage's own code would say it."""

    def before(_: StageCall) -> None:
        raise Skip("not on Mondays")

    report = run(registry=one(), decider=Deciding(before)).report("seven")
    assert (Outcome.SKIPPED, "not on Mondays") == (report.outcome, report.note)


def test_what_is_made_for_each_attempt_is_no_argument() -> None:
    """It does not exist yet, and would tell nothing."""
    registry = Registry()

    @registry.stage(id="told")
    def told(token: CancelToken, number: int = 3, *, progress: Progress) -> None:
        """Take both."""

    seen: List[Any] = []
    run(registry=registry, decider=Deciding(lambda call: seen.append(call.arguments)))
    assert [{}] == seen


@pytest.mark.parametrize("retries", [0, 2])
def test_a_value_that_cannot_be_kept_is_not_made_again(retries: int) -> None:
    """The decider has failed, not the stage."""
    kept: List[Any] = []

    def after(call: StageCall, value: Any) -> None:
        kept.append((call.stage_id, value))
        raise OSError("disk full")

    registry = one(retries=retries)
    result = run(registry=registry, decider=Deciding(after=after), check=False)
    assert ([("seven", 7)], 1) == (kept, len(result.report("seven").attempts))
    assert "Deciding.after, asked about seven, raised OSError: disk full" in str(
        result.report("seven").error
    )


@pytest.mark.filterwarnings("ignore:SK224")
@pytest.mark.parametrize("executor", ["inline", "threads"])
def test_a_value_that_came_too_late_is_not_kept(executor: str) -> None:
    """Its attempt has failed."""
    kept: List[Any] = []
    registry = Registry()

    @registry.stage(id="slow", timeout=0.05)
    def slow(token: CancelToken) -> int:
        token.wait(5) if executor == "threads" else time.sleep(0.1)
        return 1

    decider = Deciding(after=lambda _, value: kept.append(value))
    result = run(registry=registry, executor=executor, decider=decider, check=False)
    assert (Reason.TIMED_OUT, []) == (result.report("slow").reason, kept)


@pytest.mark.parametrize("executor", ["inline", "threads"])
def test_a_resource_whose_opening_could_not_be_kept_is_closed(executor: str) -> None:
    """It is open, though its stage has failed."""
    steps: List[str] = []
    registry = Registry()

    @registry.stage(id="connect")
    def connect() -> Iterator[int]:
        steps.append("opened")
        yield 1
        steps.append("closed")

    @registry.stage(id="use", depends_on="connect")
    def use(number: int) -> None:
        steps.append("used")

    def after(call: StageCall, _: Any) -> None:
        raise OSError(call.stage_id)

    result = run(registry=registry, executor=executor, decider=Deciding(after=after), check=False)
    assert (["opened", "closed"], {"failed": 1, "skipped": 1}) == (steps, result.counts())


@pytest.mark.parametrize("method", ["before", "after"])
@pytest.mark.parametrize("executor", ["inline", "threads"])
def test_ctrl_c_in_a_decider_cancels_the_run(executor: str, method: str) -> None:
    """Nothing new starts, and what has been done is kept."""

    def interrupt(call: StageCall, *_: Any) -> None:
        if call.stage_id == "second":
            raise KeyboardInterrupt

    registry = Registry()
    registry.add(lambda: 1, id="first")
    registry.add(lambda: 2, id="second", depends_on="first")
    registry.add(lambda: 3, id="third", depends_on="second")
    with pytest.raises(KeyboardInterrupt) as caught:
        run(registry=registry, executor=executor, decider=Deciding(**{method: interrupt}))
    result = vars(caught.value)["result"]
    assert isinstance(result, Result)
    kept = ["cancelled", "cancelled"] if method == "before" else ["succeeded", "cancelled"]
    assert ["succeeded", *kept] == [report.outcome.value for report in result.reports()]


def test_what_a_stopped_run_does_not_need_is_not_asked_about() -> None:
    """All three are ready; the first answer stops the run."""
    asked: List[str] = []

    def before(call: StageCall) -> None:
        asked.append(call.stage_id)
        raise ValueError("no")

    registry = Registry()
    for name in "abc":
        registry.add(lambda: None, id=name)
    result = run(registry=registry, decider=Deciding(before), check=False)
    assert (["a"], {"failed": 1, "cancelled": 2}) == (asked, result.counts())


def test_nothing_starts_before_the_decider_has_answered_for_all_that_is_ready() -> None:
    """So that they start by rank, whatever the order of the questions."""
    log: List[str] = []
    registry = Registry()
    for number, name in enumerate("abc"):
        registry.add(partial(log.append, name), id=name, priority=number)
    decider = Deciding(lambda call: log.append(f"{call.stage_id}?"))
    run(registry=registry, decider=decider, executor="threads", workers=1)
    assert ["a?", "b?", "c?"] == sorted(log[:3])
    assert ["c", "b", "a"] == log[3:]


def test_items_are_counted_though_some_are_reused() -> None:
    """Progress is told from the start of the stage on, and comes to its total."""
    hook = RecordingHook()
    decider = Deciding(lambda call: Reuse("x") if call.item in {0, 2} else None)
    run(registry=ints(), decider=decider, hooks=[hook], executor="inline")
    kinds = [type(each) for each in hook.events if getattr(each, "stage_id", "") == "row"]
    assert StageStarted is kinds[0]
    assert (3, 3) == [(each.done, each.total) for each in hook.of(StageProgress)][-1]


def test_the_rest_of_the_items_goes_on_where_a_decider_fails_one() -> None:
    """With ``on_failure="continue"``, as where a call fails; retries do not count."""
    made: List[int] = []
    registry = Registry()
    registry.add(lambda: [1, 2, 3], id="load", provides=List[int])

    @registry.stage(id="row", retries=1)
    def row(raw: Annotated[int, Each()]) -> int:
        made.append(raw)
        return raw

    def before(call: StageCall) -> None:
        if call.item == 0:
            raise ValueError("no")

    result = run(registry=registry, decider=Deciding(before), on_failure="continue", check=False)
    assert ([2, 3], 0) == (sorted(made), result.failures[0].item)


def test_a_value_that_is_elsewhere_is_fetched_by_who_takes_it() -> None:
    """A handle is passed on, and never fetched for a stage that does not take it."""
    fetches: List[int] = []

    class Far:
        """A value that is elsewhere."""

        is_handle = True

        def fetch(self) -> int:
            """Bring it here."""
            fetches.append(1)
            return 40

        def __getitem__(self, item: int) -> Any:
            raise NotImplementedError

    registry = one()
    registry.add(lambda: None, id="later", depends_on="seven")
    decider = Deciding(lambda call: Reuse(Far()) if call.stage_id == "seven" else None)
    result = run(registry=registry, decider=decider)
    assert [] == fetches
    assert 40 == result["seven"]

    @registry.stage(id="next")
    def following(number: int) -> str:
        return f"{number + 2}"

    assert "42" == run(registry=registry, decider=decider)["next"]


def test_words_of_a_decider_are_shown() -> None:
    """In the text, the HTML and the JSON of a result, and beside the board; never as control."""
    hook = RecordingHook()
    registry = one()
    registry.add(lambda: 8, id="eight", provides=str)
    registry.add(lambda: None, id="last", depends_on="eight")

    @registry.stage(id="needs")
    def needs(text: str) -> None:
        """Take it."""

    answers = {"seven": Reuse(1, "from\x1b[2J run r1"), "eight": Skip("only on Mondays")}
    decider = Deciding(lambda call: answers.get(call.stage_id))
    result = run(registry=registry, decider=decider, hooks=[hook])
    text = str(result)
    assert "\x1b" not in text
    assert "only on Mondays" in result._repr_mimebundle_()["text/html"]
    assert "because eight gave no value" in result._repr_mimebundle_()["text/html"]
    assert '"note": "only on Mondays"' in result.to_json()
    with pytest.raises(NoValueError, match="because 'eight' was skipped, as the decider says: on"):
        result["needs"]
    tally = Tally(hook.events[0], 0.0)  # type: ignore[arg-type]  # pyright: ignore[reportArgumentType]  # the first event of a run
    (reused,), skipped = hook.of(StageReused), hook.of(StageSkipped)
    assert "from\\x1b[2J run r1" == why_ended(tally, reused)
    assert ["only on Mondays", "eight gave no value"] == [why_ended(tally, e) for e in skipped]


def test_a_failed_run_names_what_a_decider_skipped() -> None:
    """Beside what failed."""
    registry = Registry()
    registry.add(lambda: 8, id="eight", provides=str)

    @registry.stage(id="needs")
    def needs(text: str) -> None:
        """Take it."""

    registry.add(lambda: 1 / 0, id="fails")
    decider = Deciding(lambda call: Skip("no") if call.stage_id == "eight" else None)
    result = run(registry=registry, decider=decider, check=False, on_failure="continue")
    with pytest.raises(Exception, match="skipped because eight was skipped: needs"):
        result.raise_for_failures()


def test_a_run_without_a_decider_pays_nothing() -> None:
    """No function of ours that decides is called, nor is the module loaded."""
    called: List[str] = []

    def profile(frame: Any, event: str, _: object) -> None:
        if event == "call":
            called.append(f"{frame.f_globals.get('__name__')}.{frame.f_code.co_name}")

    registry = ints(retries=1)
    threading.setprofile(profile)
    sys.setprofile(profile)
    try:
        run(registry=registry, executor="threads", workers=2)
    finally:
        sys.setprofile(None)
        threading.setprofile(None)
    assert any("state.run_state" in each for each in called)
    wrong = ("_run.deciding.", "state.decisions.", "._decide", ".answered", ".awaits", "._keep")
    assert [] == [each for each in called if any(word in each for word in wrong)]
