"""ringfold top: one report for scripts, and the screen of a terminal."""

import fcntl
import os
import pty
import re
import signal
import struct
import subprocess
import termios
import threading
import time

import pytest

import harness
from test_dashboard import Traffic

ESCAPES = re.compile(r"\x1b\[[0-9;?]*[a-zA-Z]")


def url(proxy):
    host, port = proxy.admin_endpoint
    return f"http://{host}:{port}"


def once(*words, env=None):
    return subprocess.run([harness.BINARY, "top", *words], capture_output=True, text=True,
                          timeout=30, check=False, env={**os.environ, **(env or {})})


def row_of(report, name):
    return next(line for line in report.splitlines() if line.startswith(f"  {name} "))


@pytest.fixture(name="proxy")
def proxy_fixture(cluster):
    cluster.add_servers(2)
    return cluster.start_proxy_with(cluster.one_pool(server_retry_timeout_ms=200), admin={})


def test_one_report(cluster, proxy):
    with Traffic(proxy):
        # Without --once as well: this is no terminal.
        for words in ([url(proxy), "--once"], [url(proxy)], [url(proxy)[len("http://"):]]):
            run = once(*words)
            assert run.returncode == 0, run.stderr
            assert "\x1b" not in run.stdout
            assert "all well" in run.stdout.splitlines()[1]
            assert re.search(r"^requests [1-9][\d.]*( k)?/s  errors 0/s  clients 1 ", run.stdout,
                             re.MULTILINE)
            assert re.search(r"^latency +\d\S* (us|ms)", run.stdout, re.MULTILINE)
            assert re.search(r" up +\d+ % +\d+ % ", row_of(run.stdout, "alpha"))
        cluster.servers[1].kill()
        harness.wait_until(lambda: "! server beta" in once(url(proxy)).stdout, "the dead server")
        assert " down " in row_of(once(url(proxy)).stdout, "beta")


def test_nobody_there_and_bad_usage(proxy):
    run = once(f"http://127.0.0.1:{harness.free_port()}")
    assert (run.returncode, run.stdout) == (3, "")
    assert run.stderr.startswith("ringfold: no answer from 127.0.0.1:")
    for bad in ("https://127.0.0.1:1", "127.0.0.1:x", "http://127.0.0.1:1/stats", "unix:/a", ""):
        run = once(bad)
        assert run.returncode == 2, bad
        assert "http://host:port" in run.stderr
    # Something else answers there.
    run = once(f"127.0.0.1:{proxy.endpoint[1]}")
    assert run.returncode == 3 and run.stderr.count("\n") == 1


def test_names_cannot_lead_the_terminal(cluster):
    server = cluster.add_server()
    pools = [{"name": "a\u009b31mb", "servers": [{"address": server.address, "name": "n\u009b2J"}]}]
    proxy = cluster.start_proxy_with(pools, admin={})
    run = once(url(proxy))
    assert run.returncode == 0
    assert "\u009b" not in run.stdout and "a?31mb" in run.stdout and "n?2J" in run.stdout


class Terminal:
    """ringfold top on a terminal of its own."""

    def __init__(self, *words, rows=24, columns=80, env=None):
        self.master, slave = pty.openpty()
        self.resize(rows, columns)
        self.before = termios.tcgetattr(slave)
        self.slave = slave
        self.process = subprocess.Popen([harness.BINARY, "top", *words], stdin=slave, stdout=slave,
                                        stderr=slave, env={**os.environ, **(env or {})})
        self.text = ""
        self.lock = threading.Lock()
        self.reader = threading.Thread(target=self._read)
        self.reader.start()

    def resize(self, rows, columns):
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, columns, 0, 0))

    def _read(self):
        while True:
            try:
                data = os.read(self.master, 65536)
            except OSError:
                return
            if not data:
                return
            with self.lock:
                self.text += data.decode("utf-8", "replace")

    def screens(self):
        """What was drawn, one text for each time that the whole screen was."""
        with self.lock:
            return self.text.split("\x1b[H")[1:]

    def last(self):
        """The lines of the last screen that is complete."""
        done = [screen for screen in self.screens() if "\x1b[J" in screen]
        return ESCAPES.sub("", done[-1]).split("\r\n") if done else []

    def wait_for(self, word):
        harness.wait_until(lambda: any(word in line for line in self.last()), word, 10)

    def type(self, text):
        os.write(self.master, text.encode())

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.wait()
        os.close(self.slave)
        self.reader.join()
        os.close(self.master)


@pytest.fixture(name="terminal")
def terminal_fixture():
    opened = []

    def open_terminal(*words, **options):
        opened.append(Terminal(*words, **options))
        return opened[-1]

    yield open_terminal
    for each in opened:
        each.close()


def test_a_screen_that_fits_and_refreshes(proxy, terminal):
    with Traffic(proxy):
        shown = terminal(url(proxy), rows=12, columns=60, env={"NO_COLOR": ""})
        shown.wait_for("all well")
        first = len(shown.screens())
        begin = time.monotonic()
        harness.wait_until(lambda: len(shown.screens()) >= first + 3, "three more screens", 10)
        assert time.monotonic() - begin > 1.5  # not without a pause
        lines = shown.last()
        assert len(lines) == 12 and all(len(line) <= 60 for line in lines)
        assert "make the window taller" in lines[-1]
        assert "\x1b[1;32m" in shown.screens()[-1]
        shown.resize(40, 120)
        shown.process.send_signal(signal.SIGWINCH)
        shown.wait_for("alpha")
    assert not any("make the window taller" in line for line in shown.last())
    shown.type("q")
    assert shown.process.wait(10) == 0
    harness.wait_until(lambda: shown.text.endswith("\x1b[?25h\x1b[?1049l"), "the last of it")
    assert termios.tcgetattr(shown.slave) == shown.before


def test_no_colors_where_they_are_not_wanted(proxy, terminal):
    shown = terminal(url(proxy), env={"NO_COLOR": "1"})
    shown.wait_for("all well")
    assert not re.search(r"\x1b\[[0-9;]*m", shown.text)
    shown.process.send_signal(signal.SIGTERM)
    assert shown.process.wait(10) == 0
    assert termios.tcgetattr(shown.slave) == shown.before


def test_the_connection_is_lost_and_found(proxy, terminal):
    shown = terminal(url(proxy))
    shown.wait_for("all well")
    proxy.process.send_signal(signal.SIGSTOP)
    try:
        shown.wait_for("CONNECTION LOST: no answer from 127.0.0.1:")
    finally:
        proxy.process.send_signal(signal.SIGCONT)
    harness.wait_until(lambda: "CONNECTION LOST" not in shown.last()[0], "it to be found")
    shown.type("q")
    assert shown.process.wait(10) == 0
