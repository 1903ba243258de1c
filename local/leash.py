"""Ties a child process to the life of its parent: `python -m local.leash PARENT COMMAND...`.

However the parent ends, even by kill -9, the child ends too, so nothing is left running that would
hold the data folder or answer on Discord twice.
"""

import ctypes
import os
import signal
import subprocess
import sys
import threading

PR_SET_PDEATHSIG = 1


def main(arguments: list[str]) -> int:
    """Become the command, or watch over it where the kernel offers no such tie."""
    parent, command = int(arguments[0]), arguments[1:]
    if sys.platform != "linux":
        return _watch(command)
    ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
    if os.getppid() == parent:  # else it died before the kernel knew what to do then
        os.execvp(command[0], command)  # noqa: S606 - the supervisor's own command
    return 1


def _watch(command: list[str]) -> int:
    child = subprocess.Popen(command, stdin=subprocess.DEVNULL)  # noqa: S603 - see above
    signal.signal(signal.SIGTERM, lambda *_: child.terminate())

    def end_with_parent() -> None:
        sys.stdin.buffer.read()  # returns when the parent, which holds the other end, is gone
        child.kill()

    threading.Thread(target=end_with_parent, daemon=True).start()
    return child.wait()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
