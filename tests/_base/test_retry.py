"""``Retry``: refused where it makes no sense, and a wait that stays within its bounds."""

from __future__ import annotations

import asyncio
import concurrent.futures
import copy
import pickle
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from stagekit._base.retry import MAX_ATTEMPTS, MAX_SECONDS, Retry, retry_of, seconds_mistake
from stagekit.errors import BadValueError, PlanError, StageCancelledError, StagekitError

NO_COUNTS = [0, -1, True, False, 1.5, 10**9, "3", None, float("nan")]
NO_SECONDS = [-1, -0.5, float("nan"), float("inf"), 10**20, 10**400, "5", True, None]


@pytest.mark.parametrize("attempts", NO_COUNTS)
def test_attempts_are_a_whole_number_of_at_least_one(attempts: Any) -> None:
    """Booleans, fractions and numbers beyond a thousand are refused."""
    with pytest.raises(ValueError, match=r"^Retry: attempts must be a whole number from 1 to"):
        Retry(attempts)


@pytest.mark.parametrize("name", ["wait", "max_wait"])
@pytest.mark.parametrize("seconds", NO_SECONDS, ids=repr)
def test_a_wait_is_a_number_of_seconds_that_a_clock_can_hold(name: str, seconds: Any) -> None:
    """What would wait for ever, or not at all, is refused."""
    with pytest.raises(ValueError, match=rf"^Retry: {name} must be seconds from 0 to 31,622,400"):
        Retry(2, **{name: seconds})


@pytest.mark.parametrize("backoff", [0, 0.5, -2, float("nan"), float("inf"), 10**400, True, "2"])
def test_a_backoff_never_shortens_a_wait(backoff: Any) -> None:
    """It is a number from 1 to 1,000."""
    with pytest.raises(ValueError, match=r"^Retry: backoff must be a number from 1 to 1,000"):
        Retry(2, backoff=backoff)


@pytest.mark.parametrize("jitter", [-0.1, 1.1, float("nan"), float("inf"), "yes", None])
def test_jitter_is_a_part_of_a_wait(jitter: Any) -> None:
    """It is a number from 0 to 1, or says whether there is any."""
    with pytest.raises(ValueError, match=r"^Retry: jitter must be a number from 0 to 1"):
        Retry(2, jitter=jitter)


@pytest.mark.parametrize(
    "on",
    [
        *(BaseException, KeyboardInterrupt, SystemExit, GeneratorExit, asyncio.CancelledError),
        *(concurrent.futures.CancelledError, StageCancelledError, (), (ValueError, "OSError"), 3),
        *((ValueError, KeyboardInterrupt), ValueError(), None),
    ],
    ids=repr,
)
def test_what_ends_a_run_is_never_tried_again(on: Any) -> None:
    """Only subclasses of ``Exception`` are taken, and of those none that says cancelled."""
    with pytest.raises(ValueError, match=r"^Retry: on "):
        Retry(2, on=on)


def test_all_mistakes_are_told_at_once() -> None:
    """One message has every argument that is wrong, with its value."""
    with pytest.raises(ValueError, match="Retry") as caught:
        Retry(0, on=(), wait=-1, backoff=0, jitter=2, max_wait=-3)
    assert (
        "Retry: attempts must be a whole number from 1 to 1,000, got 0; "
        "on must name at least one class of errors, got (); "
        "wait must be seconds from 0 to 31,622,400, got -1; "
        "max_wait must be seconds from 0 to 31,622,400, got -3; "
        "backoff must be a number from 1 to 1,000, got 0; "
        "jitter must be a number from 0 to 1, True or False, got 2"
    ) == str(caught.value)


def test_waits_grow_up_to_the_longest() -> None:
    """Each is *backoff* times the one before."""
    retry = Retry(9, wait=1, backoff=3, jitter=False, max_wait=20)
    assert [1.0, 3.0, 9.0, 20.0, 20.0] == [retry.delay(n, 0.5) for n in range(1, 6)]


def test_jitter_takes_a_random_part_off() -> None:
    """All of a wait may go where it is 1, and half of it where it is one half."""
    assert [10.0, 5.0] == [Retry(2, wait=10).delay(1, chance) for chance in (0.0, 0.5)]
    half = Retry(2, wait=10, jitter=0.5)
    assert [10.0, 7.5, 5.0] == [half.delay(1, chance) for chance in (0.0, 0.5, 1.0)]
    assert (1.0, 0.0) == (Retry(2, jitter=True).jitter, Retry(2, jitter=False).jitter)


@given(
    wait=st.floats(0, MAX_SECONDS),
    backoff=st.floats(1, 1000),
    jitter=st.floats(0, 1),
    max_wait=st.floats(0, MAX_SECONDS),
    number=st.integers(1, MAX_ATTEMPTS - 1),
    chance=st.floats(0, 1, exclude_max=True),
)
@example(wait=1.0, backoff=1000.0, jitter=0.0, max_wait=60.0, number=999, chance=0.0)
@example(wait=0.0, backoff=1000.0, jitter=1.0, max_wait=60.0, number=999, chance=0.0)
def test_a_delay_is_never_below_nothing_nor_above_the_longest(
    wait: float, backoff: float, jitter: float, max_wait: float, number: int, chance: float
) -> None:
    """Nor does a power overflow; and without chance no wait is shorter than the one before."""
    retry = Retry(MAX_ATTEMPTS, wait=wait, backoff=backoff, jitter=jitter, max_wait=max_wait)
    delay = retry.delay(number, chance)
    longest = retry.delay(number, 0.0)
    assert 0.0 <= delay <= longest <= max_wait
    assert delay >= longest * (1 - jitter) * (1 - 1e-9)
    assert longest >= retry.delay(max(1, number - 1), 0.0)


def test_it_accepts_the_errors_it_names() -> None:
    """Their subclasses too, and no others."""
    retry = Retry(2, on=(OSError, KeyError))
    errors = (OSError(), ConnectionError(), KeyError(), LookupError(), KeyboardInterrupt())
    assert [True, True, True, False, False] == [retry.accepts(error) for error in errors]
    assert (OSError,) == Retry(2, on=OSError).on


@pytest.mark.parametrize(
    "error",
    [
        *(StageCancelledError("enough"), BadValueError("None"), PlanError(())),
        *(concurrent.futures.CancelledError(), asyncio.CancelledError(), SystemExit(1)),
    ],
    ids=repr,
)
def test_it_never_accepts_what_another_attempt_cannot_mend(error: BaseException) -> None:
    """A cancelled stage, a broken promise and a plan that is wrong are final."""
    assert not Retry(2, on=Exception).accepts(error)
    assert not Retry(2, on=StagekitError).accepts(error)


def test_retries_is_the_number_of_calls_after_the_first() -> None:
    """``retries=2`` is three attempts, and ``retries=0`` is no retry."""
    assert Retry(3) == retry_of(2)
    assert (None, None) == (retry_of(0), retry_of(Retry(1)))
    retry = Retry(4, wait=1)
    assert retry is retry_of(retry)


@pytest.mark.parametrize("seconds", [*NO_SECONDS, 0, 0.0, -0.0, 31_622_401], ids=repr)
def test_a_time_limit_is_more_than_nothing(seconds: object) -> None:
    """What a clock cannot measure, or what is up at once, is no limit."""
    assert "must be seconds, more than 0 and at most 31,622,400" == seconds_mistake(seconds)


@pytest.mark.parametrize("seconds", [1, 0.001, 5e-324, MAX_SECONDS])
def test_any_other_number_is_a_time_limit(seconds: float) -> None:
    """Whole or not, up to a year."""
    assert seconds_mistake(seconds) is None


def test_a_retry_is_data() -> None:
    """Equal by its parts, hashable, readable, pickled and copied; nothing of it changes."""
    retry = Retry(3, on=(OSError, KeyError), wait=1)
    same = Retry(3, on=(OSError, KeyError), wait=1.0)
    assert (retry, hash(retry)) == (same, hash(same))
    assert retry != Retry(3)
    assert retry == pickle.loads(pickle.dumps(retry)) == copy.deepcopy(retry)  # noqa: S301 - ours
    assert (
        "Retry(3, on=(OSError, KeyError), wait=1.0, backoff=2.0, jitter=1.0, max_wait=60.0)"
    ) == repr(retry)
    assert "Retry(3, on=Exception," in repr(Retry(3))
    with pytest.raises(AttributeError, match="'attempts'"):
        retry.attempts = 4
    with pytest.raises(AttributeError, match="'wait'"):
        del retry.wait
