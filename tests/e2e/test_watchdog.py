"""systemd's watchdog: the process shows that it lives as long as every worker turns."""

import contextlib
import ctypes
import os
import pathlib
import signal
import socket
import threading

import pytest

import harness
import wire

PTRACE_DETACH, PTRACE_SEIZE, PTRACE_INTERRUPT = 17, 0x4206, 0x4207
WAIT_FOR_THREADS = 0x40000000  # __WALL
PERIOD = 2.0  # seconds


class Manager:
    """The service manager's end of NOTIFY_SOCKET."""

    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(path)

    def receive(self, limit=harness.START_DEADLINE):
        """The next message, or None after limit seconds."""
        self.socket.settimeout(limit)
        try:
            return self.socket.recv(1000)
        except TimeoutError:
            return None

    def expect(self, start):
        """Signs of life may come at any time; the next of all others must start so."""
        message = self.receive()
        while message == b"WATCHDOG=1" != start:
            message = self.receive()
        assert message and message.startswith(start), message


@pytest.fixture
def manager(tmp_path, monkeypatch):
    it = Manager(str(tmp_path / "notify"))
    monkeypatch.setenv("NOTIFY_SOCKET", it.socket.getsockname())
    monkeypatch.setenv("WATCHDOG_USEC", str(int(PERIOD * 1e6)))
    yield it
    it.socket.close()


def check_signs_of_life(manager, count):
    for _ in range(count):
        manager.expect(b"WATCHDOG=1")


@contextlib.contextmanager
def hanging(pid, name):
    """The one thread of that name stands still, as in an endless loop."""
    libc = ctypes.CDLL(None, use_errno=True)
    libc.ptrace.argtypes = [ctypes.c_long, ctypes.c_long, ctypes.c_void_p, ctypes.c_void_p]
    tasks = pathlib.Path(f"/proc/{pid}/task")
    thread = next(int(task.name) for task in tasks.iterdir()
                  if task.joinpath("comm").read_text() == f"{name}\n")
    if libc.ptrace(PTRACE_SEIZE, thread, None, None) != 0:
        pytest.skip(f"ptrace is not permitted: {os.strerror(ctypes.get_errno())}")
    assert libc.ptrace(PTRACE_INTERRUPT, thread, None, None) == 0
    os.waitpid(thread, WAIT_FOR_THREADS)
    try:
        yield
    finally:
        libc.ptrace(PTRACE_DETACH, thread, None, None)


@pytest.mark.parametrize("threads", [1, 2], ids=["1-thread", "2-threads"])
def test_an_idle_and_a_busy_proxy_live(cluster, manager, threads):
    cluster.add_server()
    proxy = cluster.start_proxy(threads=threads)
    manager.expect(b"READY=1\n")
    check_signs_of_life(manager, 4)
    stop = threading.Event()

    def ask():
        with proxy.raw() as client:
            while not stop.is_set():
                assert client.call("PING") == b"+PONG\r\n"

    client = threading.Thread(target=ask)
    client.start()
    try:
        check_signs_of_life(manager, 4)
    finally:
        stop.set()
        client.join()


def test_a_worker_that_hangs_ends_the_signs_of_life(cluster, manager):
    cluster.add_server()
    proxy = cluster.start_proxy(threads=2)
    manager.expect(b"READY=1\n")
    check_signs_of_life(manager, 1)
    with hanging(proxy.pid, "ringfold-w1"):
        harness.wait_until(lambda: "worker 1 has not turned for" in proxy.stderr(), "the warning")
        while manager.receive(0.001) is not None:
            pass  # what was said before
        assert manager.receive(PERIOD) is None
    check_signs_of_life(manager, 3)
    assert "all workers turn again" in proxy.stderr()


def test_a_drain_lives_until_its_end(cluster, manager):
    server = cluster.add_server()
    proxy = cluster.start_proxy(threads=2)
    manager.expect(b"READY=1\n")
    with proxy.raw() as client:
        assert client.call("SET", "key", "value") == b"+OK\r\n"
        server.pause()
        client.send(wire.encode("GET", "key"))
        proxy.process.send_signal(signal.SIGTERM)
        manager.expect(b"STOPPING=1\n")
        check_signs_of_life(manager, 4)
        server.resume()
        assert client.reply() == b"$5\r\nvalue\r\n"
    assert proxy.process.wait(harness.STOP_DEADLINE) == 0


def test_what_is_meant_for_another_process_is_not_answered(cluster, manager, monkeypatch):
    monkeypatch.setenv("WATCHDOG_PID", str(os.getpid()))
    cluster.add_server()
    cluster.start_proxy()
    manager.expect(b"READY=1\n")
    assert manager.receive(PERIOD) is None
