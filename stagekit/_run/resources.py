"""The resources of a run that have been opened, and who keeps each of them."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any, Callable, Dict, List, Optional

from stagekit._run.attempt import cut
from stagekit._run.keepers import AsyncKeeper, HereKeeper, ThreadKeeper

if TYPE_CHECKING:
    from stagekit._plan.plan import Plan
    from stagekit._run.backends.job import Job, Post
    from stagekit._run.backends.placement import Lanes


class Openings:
    """Opens and closes the resources of one run.

    Args:
        plan: what is run.
        lanes: where stages are carried out.
        post_end: takes how an opening ended.
        post: brings a message to the owner's thread.
    """

    def __init__(
        self, plan: Plan, lanes: Lanes, post_end: Post, post: Callable[[Callable[[], None]], object]
    ) -> None:
        self._plan = plan
        self._lanes = lanes
        self._post_end = post_end
        self._post = post
        self._keepers: Dict[int, Any] = {}
        self._closing: Dict[int, Any] = {}
        self._left: Dict[int, Any] = {}  # keepers that tear down what was set up too late

    def open(self, step: int, job: Job) -> None:
        """Begin to open a resource; how that ends is posted."""
        if self._plan.is_async[step]:
            keeper: Any = AsyncKeeper(job, self._lanes.loop(), self._post_end)
        elif self._lanes.is_inline:
            keeper = HereKeeper(job, self._post_end)
        else:
            keeper = ThreadKeeper(job, self._post_end)
        self._keepers[step] = keeper

    def close(self, step: int, closed: Callable[[Optional[BaseException]], None]) -> None:
        """Begin to close a resource; *closed* is called on the owner's thread."""
        keeper = self._closing[step] = self._keepers.pop(step)

        def end(error: Optional[BaseException]) -> None:
            if self._closing.pop(step, None) is None:
                return  # was given up on
            keeper.leave()
            closed(None if error is None else cut(error))

        def post(error: Optional[BaseException]) -> None:
            self._post(lambda: end(error))

        keeper.close(post)

    def stop_closing(self, step: int) -> None:
        """Ask a resource that is being closed to end that, as far as it can be asked."""
        keeper = self._closing.get(step)
        if keeper is not None:
            keeper.stop()

    def abandon_closing(self, step: int) -> None:
        """Wait no longer for a resource that is being closed."""
        keeper = self._closing.pop(step, None)
        if keeper is not None:
            keeper.give_up()

    def failed(self, step: int) -> None:
        """Take leave of a resource that could not be opened."""
        keeper = self._keepers.pop(step, None)  # none where it was never begun
        if keeper is not None:
            keeper.leave()

    def too_late(self, step: int) -> None:
        """Tear down what was opened after its time limit: it counts as failed."""
        keeper = self._left[step] = self._keepers.pop(step)
        keeper.abandon()

    def abandon(self, step: int) -> None:
        """Wait no longer for a resource to be opened; should it ever be, it is torn down."""
        keeper = self._keepers.pop(step, None)
        if keeper is not None:
            keeper.abandon()

    def wait(self, patience: float) -> List[int]:
        """Wait for what is being torn down that was set up too late; return what does not end.

        Args:
            patience: seconds, for each.
        """
        for keeper in self._keepers.values():  # of what may still be in use
            keeper.forsake()
        return [step for step, keeper in self._left.items() if not keeper.leave(patience)]
