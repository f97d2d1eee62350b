"""Run a script that ends when the demo does: `python -m example_project.demo.leash FD SCRIPT ...`.

FD is the read end of a pipe whose write end only the demo holds. However the demo ends, the kernel
closes it; and nothing that the demo started shall go on without it.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading


def main() -> None:
    lifeline = int(sys.argv[1])
    sys.argv = sys.argv[2:]
    threading.Thread(target=end_with, args=[lifeline], daemon=True).start()
    runpy.run_path(sys.argv[0], run_name="__main__")


def end_with(lifeline: int) -> None:
    """End this process when the pipe `lifeline` is closed."""
    os.read(lifeline, 1)
    os.kill(os.getpid(), signal.SIGKILL)


if __name__ == "__main__":
    main()
