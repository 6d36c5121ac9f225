"""A new process takes the listening sockets of the one that runs."""

import contextlib
import json
import os
import threading

import pytest

import harness
import wire

DEPTH = 40


def start(cluster, pools, takeover, threads=1, admin=None):
    """A process of its own folder, for its log, that knows the place of the take-over."""
    directory = cluster.directory / f"proxy{len(os.listdir(cluster.directory))}"
    directory.mkdir()
    proxy = harness.Proxy(directory, pools, threads=threads, admin=admin,
                          takeover_socket=str(takeover))
    proxy.start()
    # The sockets accept, whoever listens: that says nothing.
    harness.wait_until(lambda: " ready, " in proxy.stderr(), "ringfold to be ready")
    return proxy


def fail_to_start(directory, pools, **options):
    """What a process says that cannot take over at directory / "takeover"."""
    config = directory / "failing.toml"
    options = {"takeover_socket": str(directory / "takeover"), **options}
    if harness.IO:
        options["io"] = harness.IO
    config.write_text(harness.toml(options, pools, {"listen": ""}))
    result = harness.ringfold("-c", config)
    assert result.returncode == harness.EXIT_COULD_NOT_START, result.stderr
    return result.stderr


def await_end(proxy):
    """It drains by itself."""
    process, proxy.process = proxy.process, None
    assert process.wait(harness.START_DEADLINE) == 0, proxy.stderr()
    assert "another process has taken over: draining" in proxy.stderr()


class Visitors:
    """Clients that come, ask many deep, and come again when they are told to go."""

    def __init__(self, endpoints):
        self.stop = threading.Event()
        self.broken, self.counts = [], []
        self.threads = [threading.Thread(target=self._visit, args=(endpoint,))
                        for endpoint in endpoints]

    def _visit(self, endpoint):
        count = 0
        request = wire.encode("INCR", "visits") * DEPTH
        try:
            while not self.stop.is_set():
                with wire.RawClient(endpoint) as client, contextlib.suppress(
                        wire.ConnectionClosed, ConnectionResetError, BrokenPipeError):
                    while not self.stop.is_set():
                        client.send(request)
                        for _ in range(DEPTH):
                            assert client.reply().startswith(b":")
                            count += 1
        except Exception as error:  # pylint: disable=broad-except
            self.broken.append(error)
        self.counts.append(count)

    def __enter__(self):
        for thread in self.threads:
            thread.start()
        return self

    def __exit__(self, *_):
        self.stop.set()
        for thread in self.threads:
            thread.join()


@pytest.mark.parametrize("threads", [(1, 1, 1), (2, 1, 2), (1, 2, 2)],
                         ids=["same", "fewer-and-more", "more"])
def test_nobody_is_refused_and_nothing_is_lost(cluster, tmp_path, threads):
    server = cluster.add_server()
    path = str(tmp_path / "clients.sock")
    pools = cluster.one_pool(listen=[f"127.0.0.1:{harness.free_port()}", f"unix:{path}"])
    proxy = start(cluster, pools, tmp_path / "takeover", threads[0])
    visits = server.client()
    with Visitors(proxy.endpoints * 4) as visitors:
        try:
            for count in threads[1:]:
                before = int(visits.get("visits") or 0)
                harness.wait_until(lambda seen=before: visitors.broken
                                   or int(visits.get("visits") or 0) > seen + 5000, "traffic")
                successor = start(cluster, pools, tmp_path / "takeover", count)
                await_end(proxy)
                proxy = successor
        finally:
            visitors.stop.set()
    assert not visitors.broken, visitors.broken[0]
    # Whatever was executed was answered.
    assert sum(visitors.counts) == int(visits.get("visits"))
    assert os.path.exists(path)
    proxy.stop()
    assert not os.path.exists(path) and not (tmp_path / "takeover").exists()


def test_a_successor_that_fails_changes_nothing(cluster, tmp_path):
    cluster.add_server()
    pools = cluster.one_pool(listen=f"unix:{tmp_path / 'clients.sock'}")
    proxy = start(cluster, pools, tmp_path / "takeover")
    with harness.socket.socket() as taken, proxy.raw() as client:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        other = f"127.0.0.1:{taken.getsockname()[1]}"
        bad = [{**pools[0], "listen": [pools[0]["listen"], other]}]
        assert "cannot listen on" in fail_to_start(tmp_path, bad)
        assert client.call("PING") == b"+PONG\r\n"
    with proxy.raw() as client:
        assert client.call("SET", "k", "v") == b"+OK\r\n"
    # It can still be taken over from.
    successor = start(cluster, pools, tmp_path / "takeover")
    await_end(proxy)
    with successor.raw() as client:
        assert client.call("GET", "k") == b"$1\r\nv\r\n"
    successor.stop()


def test_a_place_that_was_left_over_is_taken(cluster, tmp_path):
    cluster.add_server()
    pools = cluster.one_pool(listen=f"127.0.0.1:{harness.free_port()}")
    proxy = start(cluster, pools, tmp_path / "takeover")
    assert (tmp_path / "takeover").stat().st_mode & 0o777 == 0o600
    proxy.process.kill()
    proxy.process.wait()
    assert (tmp_path / "takeover").exists()
    # The kernel closes the sockets of a process that was killed in its own time.
    harness.wait_until(lambda: not harness.accepts(proxy.endpoint), "the sockets to close")
    start(cluster, pools, tmp_path / "takeover").stop()


def test_addresses_that_the_successor_does_not_want_are_closed(cluster, tmp_path):
    cluster.add_server()
    first, second = (f"127.0.0.1:{harness.free_port()}" for _ in range(2))
    proxy = start(cluster, cluster.one_pool(listen=[first, second]), tmp_path / "takeover", 2)
    successor = start(cluster, cluster.one_pool(listen=first), tmp_path / "takeover")
    await_end(proxy)
    assert not harness.accepts(harness.parse_listen(second))
    # Every one of the two sockets that the process before had is served.
    for _ in range(30):
        with successor.raw() as client:
            assert client.call("PING") == b"+PONG\r\n"
    successor.stop()


def who_answers(listen):
    """The process that an admin endpoint is part of."""
    with wire.connect(harness.parse_listen(listen)) as connection:
        connection.sendall(b"GET /stats HTTP/1.1\r\nHost: localhost\r\n\r\n")
        answer = b""
        while part := connection.recv(65536):
            answer += part
    return json.loads(answer.partition(b"\r\n\r\n")[2])["pid"]


@pytest.mark.parametrize("kind", ["tcp", "unix"])
def test_the_admin_endpoint_changes_hands(cluster, tmp_path, kind):
    server = cluster.add_server()
    pools = cluster.one_pool(listen=f"127.0.0.1:{harness.free_port()}")
    path = tmp_path / "admin.sock"
    listen = f"unix:{path}" if kind == "unix" else f"127.0.0.1:{harness.free_port()}"
    proxy = start(cluster, pools, tmp_path / "takeover", admin={"listen": listen})
    with proxy.raw() as client:
        server.pause()
        try:
            client.send(wire.encode("GET", "k"))
            successor = start(cluster, pools, tmp_path / "takeover", admin={"listen": listen})
            # The process before still has something to do, but soon is not the one that answers.
            harness.wait_until(
                lambda: all(who_answers(listen) == successor.pid for _ in range(20)),
                "the endpoint to change hands")
            assert proxy.process.poll() is None
        finally:
            server.resume()
        assert client.reply() == b"$-1\r\n"
    await_end(proxy)
    assert path.exists() == (kind == "unix")
    successor.stop()
    assert not path.exists()


def test_another_kind_of_ring_is_refused(cluster, tmp_path):
    if harness.IO:
        pytest.skip("the kind of ring is given")
    cluster.add_server()
    pools = cluster.one_pool(listen=f"127.0.0.1:{harness.free_port()}")
    proxy = start(cluster, pools, tmp_path / "takeover")
    if "io_uring: " not in proxy.stderr():
        pytest.skip("this machine has no io_uring")
    said = fail_to_start(tmp_path, pools, io="epoll")
    assert "the process that runs is on io_uring, this one on epoll" in said
    with proxy.raw() as client:
        assert client.call("PING") == b"+PONG\r\n"
    proxy.stop()
