"""What follows when a call of a managed run ends: another attempt, or an outcome."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Optional

from stagekit._run.state.actions import Abandon, Ended, Recall, Retrying, Stop, WithdrawnError
from stagekit._run.state.columns import BAD_VALUE, CRASHED, INTERRUPTED, RAISED, RUNNING, TIMED_OUT
from stagekit._run.state.mapped import Fan
from stagekit._run.state.state import SECOND, Call
from stagekit._run.state.tearing import Tearing

if TYPE_CHECKING:
    from stagekit._plan.policy import Policy

MOST_CRASHES = 3  # how often a call that killed its worker is tried again at most


class Judging(Tearing):
    """The rules of ends."""

    def judged(self, ticket: int, ended: Ended, took: int = 0) -> Ended:
        """Return how an attempt has ended: one whose time limit has passed before has failed.

        Args:
            ticket: of the attempt.
            ended: what became of it.
            took: how long, where nobody could look at the clock meanwhile.
        """
        call = self.running.get(ticket)
        if call is None or ended.how == TIMED_OUT:
            return ended
        policy = self.policies.get(call.step)
        limit = None if policy is None else policy.timeout
        if limit is not None and took >= limit * SECOND and not call.why:
            call.is_late = True
        if not call.is_late:
            return ended
        error = timeout_error(self.policies[call.step])
        if ended.how != INTERRUPTED:
            error.__cause__ = ended.error
        return Ended(None, error, TIMED_OUT)

    def judge(self, call: Call, ended: Ended) -> None:
        """Decide what the end of an attempt means."""
        if ended.error is None:
            self._returned(call, ended.value)
        elif isinstance(ended.error, WithdrawnError):
            self._withdrawn(call)
        elif ended.how == INTERRUPTED or (call.why and ended.how == CRASHED):
            self._cancelled(call, ended.error)
        else:
            self._failed(call, ended.error, ended.how)

    def give_up(self, ticket: int, call: Call) -> None:
        """Wait no longer for a call."""
        del self.running[ticket]
        self.queue.release(call.lane, call.demand)
        self.abandoned.append(call.step)
        self.keeping.leak(call.step)
        error = timeout_error(self.policies[call.step]) if call.is_late else None
        self.actions.append(Abandon(ticket, call.step, error))
        if error is not None:
            self._final(call, error, TIMED_OUT)
        else:
            self._cancelled(call, None)

    def force(self, ticket: int, call: Call) -> None:
        """End a call that did not obey, or give up on it where that cannot be done."""
        if self.limits.can_kill[call.lane]:
            self.actions.append(Stop(ticket, force=True, why=call.why))
            self.set_timer(self.limits.grace + SECOND, "lost", ticket)
        else:
            self.give_up(ticket, call)

    def drop(self) -> None:
        """Have nothing new start: no stage, no item; after a cancel no other attempt either."""
        if self.running:
            self.actions.append(Recall())
        for _, item, step in self.queue.clear():
            call = self.calls.get((step, item))
            if call is None:
                continue
            if self.is_ending:
                self._cancelled(call, None)
            else:
                self.push(step, item)
        for step, fan in tuple(self.fans.items()):
            fan.is_stopped = True
            if step in self.fans and fan.is_over:
                self._cancel(step, None)
        if self.is_ending:
            self._drop_backing(None)

    def succeed(self, step: int, value: Any) -> None:
        """Record the value of a stage."""
        self.fans.pop(step, None)
        self.scheduler.succeed(step, value)
        self.decided.append(step)
        self.over(step)

    def fail(self, step: int, error: BaseException, how: int) -> None:
        """Record that a stage has failed for good; it may stop the run."""
        self.fans.pop(step, None)
        scheduler = self.scheduler
        was_stopped = scheduler.is_stopped
        scheduler.fail(step, error, how)
        self.decided.append(step)
        self.over(step)
        if scheduler.is_stopped and not was_stopped:
            self.drop()
            if self.on_failure == "cancel":
                self.ask_all("stopped")

    def _cancel(self, step: int, error: Optional[BaseException]) -> None:
        self.fans.pop(step, None)
        if self.scheduler.status[step] == RUNNING:
            self.scheduler.cancel(step, error)
            self.decided.append(step)
            self.over(step)

    def over(self, step: int) -> None:
        """Tell the resources of a stage that has ended, whatever its outcome."""
        keeping = self.keeping
        if not keeping.resources:
            return
        if step not in keeping.opened:
            keeping.ended(step)
        for child in keeping.parent_ended(step):
            if not self.scheduler.skip_blocked(child):
                keeping.want(child)

    def _returned(self, call: Call, value: Any) -> None:
        del self.calls[call.step, call.item]
        if call.item < 0:
            if call.step in self.keeping.resources:
                self.keeping.opened.append(call.step)
            self.succeed(call.step, value)
            return
        fan = self.fans[call.step]
        fan.values[call.item] = value
        self.decided.append(len(self.lanes) + call.step)
        self._item_ended(call.step, fan)

    def _withdrawn(self, call: Call) -> None:
        """Begin it later after all, where only new stages are not to begin."""
        call.attempts -= 1
        if call.attempts and not self.is_ending:
            self.push(call.step, call.item)
        else:
            self._cancelled(call, None)

    def _failed(self, call: Call, error: BaseException, how: int) -> None:
        call.crashes += how == CRASHED
        delay = self._delay(call, error, how)
        if delay is None:
            self._final(call, error, how)
            return
        serial = self.number()
        self.backing[serial] = call
        self.set_timer(delay, "retry", serial)
        self.actions.append(Retrying(call.step, call.item, call.attempts, delay, error))

    def _final(self, call: Call, error: BaseException, how: int) -> None:
        del self.calls[call.step, call.item]
        if call.item < 0:
            self.fail(call.step, error, how)
            return
        fan = self.fans[call.step]
        fan.failed[call.item] = (error, how)
        self.decided.append(len(self.lanes) + call.step)
        if self.on_failure != "continue":
            fan.is_stopped = True
            fan.under_way -= self._forget_items(call.step)
        if self.on_failure == "cancel" and self.scheduler.plan.critical[call.step]:
            for ticket, other in tuple(self.running.items()):
                if other.step == call.step:
                    self.ask(ticket, other, "stopped", self.limits.grace)
        self._item_ended(call.step, fan)

    def _cancelled(self, call: Call, error: Optional[BaseException]) -> None:
        del self.calls[call.step, call.item]
        if call.item < 0:
            self._cancel(call.step, error)
            return
        fan = self.fans[call.step]
        fan.is_stopped = True
        fan.left += 1  # it has no value
        self._item_ended(call.step, fan)

    def _item_ended(self, step: int, fan: Fan) -> None:
        fan.left -= 1
        fan.under_way -= 1
        if not fan.is_over:
            return
        first = fan.first_failure()
        if first is not None:
            error, how = fan.failed[first]
            self.fail(step, error, how)
        elif fan.left:
            self._cancel(step, None)
        else:
            self.succeed(step, fan.value)

    def _delay(self, call: Call, error: BaseException, how: int) -> Optional[int]:
        """Return after how many nanoseconds to try again, or None."""
        policy = self.policies.get(call.step)
        retry = None if policy is None else policy.retry
        if retry is None or how == BAD_VALUE or call.attempts >= retry.attempts or self.is_ending:
            return None
        if call.item >= 0 and self.fans[call.step].is_stopped:
            return None
        if how == CRASHED and call.crashes > MOST_CRASHES:
            return None
        if how == RAISED and not retry.accepts(error):
            return None
        delay = int(retry.delay(call.attempts, self.chance()) * SECOND)
        deadline = self.limits.deadline
        return None if deadline is not None and self.now + delay >= deadline else delay

    def _drop_backing(self, step: Optional[int]) -> None:
        for serial, call in tuple(self.backing.items()):
            if step is None or call.step == step:
                del self.backing[serial]
                self._cancelled(call, None)

    def _forget_items(self, step: int) -> int:
        """Drop the items of a stage that do not run; return how many of them had begun."""
        waiting = [item for _, item, _ in self.queue.clear(step)]
        for serial, call in tuple(self.backing.items()):
            if call.step == step:
                del self.backing[serial]
                waiting.append(call.item)
        begun = [item for item in waiting if (step, item) in self.calls]
        for item in begun:
            del self.calls[step, item]
        return len(begun)


def timeout_error(policy: Policy) -> BaseException:
    """Return what a stage is said to have failed with whose time limit has passed."""
    from stagekit.errors import StageTimeoutError

    return StageTimeoutError(policy.timeout or 0.0)
