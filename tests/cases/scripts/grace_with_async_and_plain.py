# `stagekit run --grace S`: after Ctrl-C the run waits S seconds at most for a plain stage that does not
# end, also when an `async def` stage was running beside it, and every time. The signal comes when
# both have begun; the stage would go on for ten minutes more. Twenty-five runs, five at a time.

import faulthandler
import sys

faulthandler.dump_traceback_later(250, exit=True)  # the watchdog


def fail(text):
    print("FAIL:", text)
    sys.stdout.flush()
    sys.exit(1)


import os
import signal
import subprocess
import tempfile
import threading

SCRIPT = """
import asyncio, time
from stagekit import stage

@stage
def plain() -> int:
    print("up", flush=True)
    time.sleep(600)
    return 1

@stage
async def waits() -> float:
    print("up", flush=True)
    await asyncio.sleep(600)
    return 1.0
"""


LATE = 100  # seconds: many times what a slow machine needs, and less than the stage takes


def once(folder, ended):
    process = subprocess.Popen(
        [sys.executable, "-m", "stagekit", "run", "mixed", "--grace", "0.5"],
        cwd=folder,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        universal_newlines=True,
        preexec_fn=lambda: signal.signal(signal.SIGINT, signal.default_int_handler),
    )
    for _ in range(2):
        while "up" not in process.stdout.readline() and process.poll() is None:
            pass
    process.send_signal(signal.SIGINT)
    try:
        process.communicate(timeout=LATE)
        ended.append(process.returncode)
    finally:
        process.kill()


if __name__ == "__main__":
    if os.name == "nt":
        print("skipped: no SIGINT to send")
        sys.exit(0)
    folder, ended = tempfile.mkdtemp(), []
    with open(os.path.join(folder, "mixed.py"), "w") as file:
        file.write(SCRIPT)
    for _ in range(5):
        threads = [threading.Thread(target=once, args=(folder, ended)) for _ in range(5)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
    if ended != [130] * 25:
        fail(f"grace of 0.5 s: of 25 runs {len(ended)} ended in time, with {ended}")
    print("ok")
