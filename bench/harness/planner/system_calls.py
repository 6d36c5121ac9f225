"""System calls a request, counted only when asked for: tracing slows what it traces, so it has
runs of its own."""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import tempfile
import time

from planner.errors import StartError

ATTACH_DEADLINE = 5.0


def parse_strace(text):
    """The calls of `strace -c`'s last line."""
    match = re.search(r"^\s*100\.00\s+[\d.]+\s+(?:\d+\s+)?(\d+)\s+(?:\d+\s+)?total\s*$", text,
                      re.MULTILINE)
    return int(match.group(1)) if match else None


class CallCounter:
    """Counts the system calls of some processes, between start() and stop(), by `strace -c`."""

    def __init__(self, pids):
        self.path = shutil.which("strace")
        if self.path is None:
            raise StartError("--syscalls needs strace: apt install strace")
        self.pids = pids
        self.process = None
        self.out = None

    def start(self):
        handle, self.out = tempfile.mkstemp(prefix="ringfold-strace-")
        os.close(handle)
        words = [self.path, "-c", "-f", "-q", "-o", self.out]
        for pid in self.pids:
            words += ["-p", str(pid)]
        self.process = subprocess.Popen(words, stderr=subprocess.PIPE, stdin=subprocess.DEVNULL,
                                        text=True, start_new_session=True)
        end = time.monotonic() + ATTACH_DEADLINE
        while not all(self._is_traced(pid) for pid in self.pids):
            if self.process.poll() is not None or time.monotonic() > end:
                self.process.kill()
                said = self.process.communicate()[1].strip()
                self.remove()
                raise StartError(f"--syscalls: strace may not attach: {said or 'no reason given'}")
            time.sleep(0.02)

    @staticmethod
    def _is_traced(pid):
        """True when every thread of the process has a tracer."""
        try:
            texts = [(task / "status").read_text()
                     for task in pathlib.Path(f"/proc/{pid}/task").iterdir()]
        except OSError:
            return False
        return all("TracerPid:\t0\n" not in text for text in texts)

    def stop(self):
        """The calls since start(); None when strace does not tell."""
        self.process.send_signal(signal.SIGINT)
        self.process.communicate(timeout=20)
        calls = parse_strace(pathlib.Path(self.out).read_text(errors="replace"))
        self.remove()
        return calls

    def remove(self):
        pathlib.Path(self.out).unlink(missing_ok=True)
