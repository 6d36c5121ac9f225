"""Programs that the planner starts, and ends by their own id."""

import os
import pathlib
import random
import shutil
import signal
import socket
import subprocess
import time

from planner.errors import StartError, UsageError

START_DEADLINE = 30.0  # seconds
STOP_DEADLINE = 25.0   # a proxy drains for up to twenty


def bench_binary():
    """ringfold-bench itself, which has put its path there."""
    path = os.environ.get("RINGFOLD_BENCH")
    if not path:
        raise StartError("run this as `ringfold-bench compare` or `ringfold-bench capacity`")
    return path


def find(name, package):
    path = shutil.which(name, path=os.environ.get("PATH", "") + ":/usr/sbin:/sbin")
    if path is None:
        raise StartError(f"{name} is not installed: apt install {package}")
    return path


def free_port():
    """A port nothing listens on, from below the range of outgoing connections."""
    for _ in range(1000):
        port = random.SystemRandom().randrange(10000, 32768)
        with socket.socket() as probe:
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
            return port
    raise StartError("no free port was found on 127.0.0.1")


def connect(address, seconds=5.0):
    """address: HOST:PORT, [HOST]:PORT or unix:PATH, as load takes it."""
    if address.startswith("unix:"):
        connection = socket.socket(socket.AF_UNIX)
        connection.settimeout(seconds)
        connection.connect(address[len("unix:"):])
        return connection
    host, port = address.rsplit(":", 1)
    return socket.create_connection((host.strip("[]"), int(port)), timeout=seconds)


def accepts(address):
    try:
        connect(address).close()
    except OSError:
        return False
    return True


def finish_in_peace():
    """From here on no signal interrupts: what was started is being ended, results are written."""
    for number in (signal.SIGINT, signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, signal.SIG_IGN)


def parse_cores(text):
    """"0", "0,2" or "0-3" as a set of cores."""
    cores = set()
    try:
        for part in text.split(","):
            low, _, high = part.partition("-")
            cores |= set(range(int(low), int(high or low) + 1))
    except ValueError:
        raise UsageError(f"\"{text}\" names no cores: 0, 0,2 or 0-3") from None
    missing = cores - os.sched_getaffinity(0)
    if missing or not cores:
        raise UsageError(f"--pin {text}: this process may not run on core "
                         f"{', '.join(map(str, sorted(missing)))}")
    return cores


def pinning(cores):
    """A preexec_fn that keeps a program on its cores; None: wherever it likes."""
    return (lambda: os.sched_setaffinity(0, cores)) if cores else None


class Program:
    """One running program, with its output in a log. Ctrl-C does not reach it (a session of its
    own): what was measured must be kept first."""

    def __init__(self, words, log, cores=None):
        self.words = [str(word) for word in words]
        self.log = pathlib.Path(log)
        try:
            with open(self.log, "ab") as out:
                self.process = subprocess.Popen(self.words, stdout=out, stderr=out,
                                                stdin=subprocess.DEVNULL, start_new_session=True,
                                                preexec_fn=pinning(cores))
        except OSError as error:
            raise StartError(f"{self.words[0]}: {error.strerror}") from None

    @property
    def pid(self):
        return self.process.pid

    def has_ended(self):
        return self.process.poll() is not None

    def last_words(self):
        lines = self.log.read_text(errors="replace").strip().splitlines()
        return "; ".join(lines[-3:]) or "it said nothing"

    def wait_for(self, condition, what):
        """Polls until condition() is true. Fails when the program ends before, or takes too
        long."""
        end = time.monotonic() + START_DEADLINE
        while not condition():
            if self.has_ended():
                raise StartError(f"{' '.join(self.words)} ended with exit code "
                                 f"{self.process.returncode}: {self.last_words()}")
            if time.monotonic() > end:
                raise StartError(f"{' '.join(self.words)}: waited {START_DEADLINE:.0f} s for "
                                 f"{what}: {self.last_words()}")
            time.sleep(0.02)

    def wait_until_accepts(self, address):
        self.wait_for(lambda: accepts(address), f"{address} to accept connections")

    def stop(self):
        if self.has_ended():
            return
        self.process.send_signal(signal.SIGTERM)
        try:
            self.process.wait(STOP_DEADLINE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
