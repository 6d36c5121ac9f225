"""Runs `ringfold-bench load` for the tests, and what stands between it and a server: a relay that
spoils replies."""

import json
import os
import pathlib
import selectors
import signal
import socket
import subprocess
import threading

import harness

BENCH = pathlib.Path(os.environ.get("RINGFOLD_BENCH_BINARY",
                                    harness.BINARY.parent / "ringfold-bench")).resolve()
GOOD, BAD_USAGE, COULD_NOT_START, WRONG_REPLIES = 0, 2, 3, 4
DEADLINE = 120


def place(endpoint):
    return f"unix:{endpoint}" if isinstance(endpoint, str) else f"{endpoint[0]}:{endpoint[1]}"


class Load:
    """One run in the background. endpoint: of a server, or of a relay. Usage:

        load = Load(cluster, endpoint, "-n", 1000)
        ...
        result = load.finish()            # the only run of the JSON
    """

    def __init__(self, directory, endpoint, *arguments, protocol="redis"):
        self.json = directory / "load.json"
        words = ["load", place(endpoint), "--protocol", protocol, "--json", self.json, *arguments]
        if harness.IO:
            words += ["--io", harness.IO]
        self.process = subprocess.Popen([BENCH, *map(str, words)], text=True,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        self.out = self.err = None

    def interrupt(self):
        self.process.send_signal(signal.SIGINT)

    def finish(self, code=GOOD):
        self.end(code)
        return json.loads(self.json.read_text())["runs"][0]

    def end(self, code=GOOD):
        try:
            self.out, self.err = self.process.communicate(timeout=DEADLINE)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.communicate()
            raise
        assert self.process.returncode == code, self.out + self.err
        assert not any(word in self.err for word in harness.SANITIZER_WORDS), self.err


def load(server, *arguments, code=GOOD):
    """Runs to the end; the JSON's only run."""
    protocol = "memcached" if server.program == "memcached" else "redis"
    return Load(server.directory, server.endpoint, *arguments, protocol=protocol).finish(code)


def bench(*arguments):
    """The program by itself."""
    return subprocess.run([BENCH, *map(str, arguments)], capture_output=True, text=True,
                          timeout=DEADLINE, check=False)


class Relay:
    """Stands between the load generator and a server, in a thread, and passes each chunk of replies
    through spoil(first, chunk), where first is how many bytes of the connection's replies came
    before it."""

    def __init__(self, server, spoil):
        self.server = server
        self.spoil = spoil
        self.listener = socket.create_server(("127.0.0.1", 0))
        self.endpoint = self.listener.getsockname()
        self.wake, self.bell = socket.socketpair()
        self.thread = threading.Thread(target=self._run)
        self.thread.start()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.bell.close()
        self.thread.join()
        self.listener.close()
        self.wake.close()

    def _run(self):
        with selectors.DefaultSelector() as selector:
            selector.register(self.listener, selectors.EVENT_READ, None)
            selector.register(self.wake, selectors.EVENT_READ, None)
            sockets = []
            while True:
                for key, _ in selector.select():
                    if key.fileobj is self.wake:
                        for each in sockets:
                            each.close()
                        return
                    if key.fileobj is self.listener:
                        sockets += self._accept(selector)
                    else:
                        self._pass_on(selector, key)

    def _accept(self, selector):
        client, _ = self.listener.accept()
        upstream = socket.create_connection(self.server.endpoint)
        state = {"seen": 0}
        selector.register(client, selectors.EVENT_READ, (upstream, None))
        selector.register(upstream, selectors.EVENT_READ, (client, state))
        return [client, upstream]

    def _pass_on(self, selector, key):
        target, state = key.data
        try:
            chunk = key.fileobj.recv(65536)
            if chunk and state is not None:
                spoiled = self.spoil(state["seen"], chunk)
                state["seen"] += len(chunk)
                chunk = spoiled
            if chunk:
                target.sendall(chunk)
                return
            target.shutdown(socket.SHUT_WR)
        except OSError:
            pass
        selector.unregister(key.fileobj)
