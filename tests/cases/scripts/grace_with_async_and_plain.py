# `stagekit run --grace S`: after Ctrl-C the run waits S seconds at most for a plain stage that does not
# end, also when an `async def` stage was running beside it, and every time. The signal comes when
# both have begun; the stage would go on for 4 seconds more. Twenty-five runs, five at a time.

import faulthandler
import sys

faulthandler.dump_traceback_later(60, exit=True)  # the watchdog


def fail(text):
    print("FAIL:", text)
    sys.stdout.flush()
    sys.exit(1)


import os
import signal
import subprocess
import tempfile
import threading
import time

SCRIPT = """
import asyncio, time
from stagekit import stage

@stage
def plain() -> int:
    print("up", flush=True)
    time.sleep(4)
    return 1

@stage
async def waits() -> float:
    await asyncio.sleep(4)
    return 1.0
"""


def once(folder, waited):
    process = subprocess.Popen(
        [sys.executable, "-m", "stagekit", "run", "mixed", "--grace", "0.5"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        universal_newlines=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    while "up" not in process.stdout.readline() and process.poll() is None:
        pass
    time.sleep(0.3)
    process.send_signal(signal.SIGINT)
    since = time.monotonic()
    process.communicate(timeout=30)
    waited.append(time.monotonic() - since)


if __name__ == "__main__":
    if os.name == "nt":
        print("skipped: no SIGINT to send")
        sys.exit(0)
    folder, waited = tempfile.mkdtemp(), []
    with open(os.path.join(folder, "mixed.py"), "w") as file:
        file.write(SCRIPT)
    for _ in range(5):
        threads = [threading.Thread(target=once, args=(folder, waited)) for _ in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    late = [round(seconds, 1) for seconds in waited if seconds > 2.5]
    if late or len(waited) != 25:
        fail(f"grace of 0.5 s: {len(late)} of {len(waited)} runs ended after {late} s")
    print("ok")
