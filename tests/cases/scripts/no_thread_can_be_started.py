# The machine gives no more threads (ulimit -u, ulimit -v, a container's pids limit). A run says so and
# ends: an error that names threads, no hang, no defect of stagekit (SK500), and nothing about "join".

import faulthandler
import sys

faulthandler.dump_traceback_later(60, exit=True)  # the watchdog


def fail(text):
    print("FAIL:", text)
    sys.stdout.flush()
    import os

    os._exit(1)


import os
import threading

from stagekit import Registry, run
from stagekit.errors import InternalError


class Connection:
    pass


def work():
    return 1


async def awork():
    return 1


def refuse(self):
    raise RuntimeError("can't start new thread")


def main():
    real, wrong = threading.Thread.start, []
    for name, executor, fns in (
        ("threads", "threads", [work, work]),
        ("async", "threads", [awork, work]),
        ("processes", "processes", [work]),
    ):
        registry, said = Registry(), []
        for number, fn in enumerate(fns):
            registry.add(fn, id=f"s{number}")

        def go():
            threading.Thread.start = refuse
            try:
                said.append(run(registry=registry, executor=executor, workers=2, grace=0.5))
            except BaseException as error:
                said.append(error)
            finally:
                threading.Thread.start = real

        thread = threading.Thread(target=go, daemon=True)
        real(thread)
        thread.join(8)
        threading.Thread.start = real
        if thread.is_alive():
            wrong.append(f"{name}: the run does not end (8 s)")
        elif isinstance(said[0], InternalError):
            wrong.append(f"{name}: InternalError: {said[0]}")
    if wrong:
        fail("; ".join(wrong))
    print("right")
    sys.stdout.flush()
    os._exit(0)


if __name__ == "__main__":
    main()
