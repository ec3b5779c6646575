# The manual says of `Retry(on=...)`: classes, or a function that is asked. A function that looks at
# the error must be accepted and decide: a server's 503 is worth another attempt, its 404 is not.

import faulthandler
import sys

faulthandler.dump_traceback_later(60, exit=True)  # the watchdog


def fail(text):
    print("FAIL:", text)
    sys.stdout.flush()
    sys.exit(1)


from stagekit import Registry, Retry, run


class Answer(Exception):
    def __init__(self, status):
        super().__init__(status)
        self.status = status


if __name__ == "__main__":
    statuses = [503, 503, 404, 200]
    try:
        retry = Retry(5, on=lambda error: getattr(error, "status", 0) >= 500, wait=0)
    except (TypeError, ValueError) as error:
        fail(f"a function is refused: {error}")
    registry = Registry()

    def ask() -> int:
        status = statuses.pop(0)
        if status != 200:
            raise Answer(status)
        return status

    registry.add(ask, id="ask", retries=retry)
    report = run(registry=registry, check=False).report("ask")
    if (report.outcome.value, len(report.attempts)) != ("failed", 3):
        fail(
            f"{report.outcome.value} after {len(report.attempts)} attempts, expected failed after 3"
        )
    print("ok")
