"""Clients that send without end, read slowly or not at all, or just sit there: memory stays bounded
and the others are served."""

import resource
import select
import time

import pytest

import harness
import wire
from memcached_wire import line
from test_limits import MIB, PoliteClient, pattern


def push(client, data, most):
    """Sends data again and again until the proxy stops reading; how much that was. The last copy
    may be sent in part."""
    view = memoryview(data)
    sent = 0
    client.socket.setblocking(False)
    while select.select([], [client.socket], [], 1.0)[1]:
        assert sent < most, f"the proxy has taken {sent} bytes and takes more"
        sent += client.socket.send(view[sent % len(data):])
    client.socket.settimeout(wire.REPLY_DEADLINE)
    return sent


def test_a_server_that_never_answers_does_not_fill_memory(cluster):
    """Without timeout_ms: those who ask it wait and are not read, the others are served."""
    cluster.add_servers(2)
    proxy = cluster.start_proxy(server_pending_limit=20000)
    with proxy.raw() as probe:
        for index in range(20):
            probe.call("SET", f"{index}-p", "1")
        probe.call("SET", "a", "1")
    first, second = cluster.servers
    frozen, alive = (first, second) if first.client().exists("a") else (second, first)
    polite = alive.client().keys("*-p")[0]
    frozen.pause()
    begin = proxy.rss()
    request = wire.encode("GET", "a") * 1000
    clients = [proxy.raw() for _ in range(6)]
    try:
        for client in clients:
            push(client, request, 20 * MIB)
        with proxy.raw() as other:
            for _ in range(1000):
                assert other.call("SET", polite, "x") == b"+OK\r\n"
        # Of each client may be kept what one tick brings: all receive buffers, 4 MiB.
        assert proxy.rss() - begin < len(clients) * 4 * MIB + 10 * MIB
        frozen.resume()
        for client in clients:
            assert set(client.replies(1000)) == {b"$1\r\n1\r\n"}
    finally:
        for client in clients:
            client.close()


def test_large_requests_of_one_client_do_not_pile_up(cluster):
    """What one client may have under way is bounded in bytes as well: others wait behind them."""
    cluster.add_server()
    proxy = cluster.start_proxy()
    begin = proxy.rss()
    cluster.servers[0].pause()
    request = wire.encode("SET", "large", pattern(600_000))
    with proxy.raw() as client, proxy.raw() as polite:
        sent = push(client, request, 40 * MIB)
        # Beside what is under way, what one tick brings: all receive buffers, 4 MiB.
        assert proxy.rss() - begin < 12 * MIB
        polite.send(wire.encode("GET", "large"))
        cluster.servers[0].resume()
        assert polite.reply() == b"$600000\r\n" + pattern(600_000) + b"\r\n"
        client.send(request[sent % len(request):] if sent % len(request) else b"")
        count = -(-sent // len(request))
        assert client.replies(count) == [b"+OK\r\n"] * count


def test_a_full_line_refuses(cluster):
    """More clients than the line has room for: those behind get an error at once, none is lost."""
    room, count = 1024, 1200
    cluster.add_server()
    proxy = cluster.start_proxy(server_pending_limit=room)
    cluster.servers[0].client().set("a", "1")
    cluster.servers[0].pause()
    clients = [proxy.raw() for _ in range(count)]
    try:
        for client in clients:
            client.send(wire.encode("GET", "a"))
        waiting = select.poll()
        by_fd = {client.socket.fileno(): client for client in clients}
        for fd in by_fd:
            waiting.register(fd, select.POLLIN)
        harness.wait_until(lambda: len(waiting.poll(0)) == count - room - 1, "the refusals")
        refused = [by_fd[fd] for fd, _ in waiting.poll(0)]
        for client in refused:
            assert b"too much waits" in client.reply()
        cluster.servers[0].resume()
        for client in set(clients) - set(refused):
            assert client.reply() == b"$1\r\n1\r\n"
        assert refused[0].call("GET", "a") == b"$1\r\n1\r\n"
    finally:
        for client in clients:
            client.close()


@pytest.mark.heavy
def test_a_client_that_never_reads(cluster):
    """Thousands of pipelined GETs of 10 KiB: what it does not read stays with the servers."""
    cluster.add_servers(2)
    proxy = cluster.start_proxy()
    value = pattern(10240)
    proxy.client().mset({f"k{i}": value for i in range(100)})
    begin = proxy.rss()
    with PoliteClient(proxy), proxy.raw() as client:
        client.send(b"".join(wire.encode("GET", f"k{i % 100}") for i in range(5000)))
        assert proxy.rss() - begin < 25 * MIB
        expected = b"$10240\r\n" + value + b"\r\n"
        for _ in range(5000):
            assert client.reply() == expected


@pytest.mark.heavy
def test_memory_limit_closes_those_who_hold_most(cluster):
    cluster.add_server()
    proxy = cluster.start_proxy_with(
        [{"name": "pool", "servers": harness.server_lines(cluster.servers)}], memory_limit="64MiB")
    with proxy.raw() as client:
        assert client.call("SET", "big", pattern(8 * MIB)) == b"+OK\r\n"
        assert client.call("SET", "small", "x") == b"+OK\r\n"
    begin = proxy.rss()
    greedy = [proxy.raw() for _ in range(40)]
    try:
        with PoliteClient(proxy):
            for client in greedy:
                client.send(wire.encode("GET", "big"))
            harness.wait_until(lambda: "memory_limit is reached" in proxy.stderr(),
                               "a client to be closed")
            assert proxy.rss() - begin < 160 * MIB
        assert "memory is tight" in proxy.stderr()
    finally:
        for client in greedy:
            client.close()
    with proxy.raw() as client:
        harness.wait_until(lambda: client.call("GET", "small") == b"$1\r\nx\r\n", "service")
    harness.wait_until(lambda: proxy.rss() - begin < 20 * MIB, "the memory to be given back")


@pytest.mark.heavy
def test_ten_thousand_idle_clients_and_one_that_drips(cluster):
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if hard < 11000:
        pytest.skip(f"only {hard} files may be open here")
    resource.setrlimit(resource.RLIMIT_NOFILE, (hard, hard))
    clients = []
    try:
        cluster.add_server()
        proxy = cluster.start_proxy(backlog=4096)
        with proxy.raw() as client:
            assert client.call("SET", "a", "1") == b"+OK\r\n"
        begin = proxy.rss()
        clients = [proxy.raw() for _ in range(10000)]
        for client in clients:
            client.send(wire.encode("GET", "a"))
        for client in clients:
            assert client.reply() == b"$1\r\n1\r\n"
        assert (proxy.rss() - begin) / len(clients) < 1024
        with PoliteClient(proxy) as polite:
            for byte in wire.encode("SET", "drip", "x" * 50):
                rounds = polite.rounds
                clients[0].send(bytes([byte]))
                harness.wait_until(lambda: polite.rounds > rounds, "another round")
            assert clients[0].reply() == b"+OK\r\n"
    finally:
        for client in clients:
            client.close()
        resource.setrlimit(resource.RLIMIT_NOFILE, (soft, hard))


def test_idle_clients_are_closed_and_others_are_not(cluster):
    cluster.add_server()
    proxy = cluster.start_proxy(client_idle_timeout_ms=700)
    with proxy.raw() as idle, proxy.raw() as waiting, proxy.raw() as busy:
        assert idle.call("PING") == b"+PONG\r\n"
        assert waiting.call("SET", "a", "1") == b"+OK\r\n"
        cluster.servers[0].pause()
        waiting.send(wire.encode("GET", "a"))
        closed = []
        idle.socket.settimeout(0.1)
        while not closed:
            assert busy.call("PING") == b"+PONG\r\n"
            try:
                closed.append(idle.socket.recv(1))
            except TimeoutError:
                continue
        assert closed == [b""]
        cluster.servers[0].resume()
        assert waiting.reply() == b"$1\r\n1\r\n"
        assert busy.call("PING") == b"+PONG\r\n"


def test_clients_that_do_not_read_are_closed_and_slow_ones_are_not(cluster):
    cluster.add_server()
    proxy = cluster.start_proxy(client_idle_timeout_ms=500)
    value = pattern(16 * MIB)
    expected = b"$%d\r\n%s\r\n" % (len(value), value)
    with proxy.raw() as slow:
        assert slow.call("SET", "big", value) == b"+OK\r\n"
        begin = proxy.descriptors()
        with proxy.raw() as stuck:
            for client in (stuck, slow):
                client.send(wire.encode("GET", "big"))
            start = time.monotonic()
            heard = bytearray()
            while len(heard) < len(expected):
                heard += slow.socket.recv(65536)
                time.sleep(0.01)
            assert heard == expected
            assert time.monotonic() - start > 2  # far beyond the timeout
            slow.close()
            harness.wait_until(lambda: proxy.descriptors() < begin, "the end of both")
            # What it can still read is what its own kernel has; there is no more behind it.
            with pytest.raises((ConnectionError, wire.ConnectionClosed)):
                stuck.reply()


def test_without_descriptors_accepting_pauses_and_resumes(cluster, tmp_path, monkeypatch):
    launcher = tmp_path / "few-files"
    launcher.write_text(f'#!/bin/sh\nexec prlimit --nofile=20 {harness.BINARY} "$@"\n')
    launcher.chmod(0o755)
    monkeypatch.setattr(harness, "BINARY", launcher)
    cluster.add_server()
    proxy = cluster.start_proxy()
    with proxy.raw() as polite:
        assert polite.call("SET", "a", "1") == b"+OK\r\n"
        clients = [proxy.raw() for _ in range(30)]
        try:
            harness.wait_until(lambda: "could not be accepted" in proxy.stderr(), "the log")
            ticks = cpu_ticks(proxy)
            for client in clients:
                client.send(wire.encode("GET", "a"))
            for _ in range(100):
                assert polite.call("GET", "a") == b"$1\r\n1\r\n"
            # The last is served when the first have left: nothing is lost, and nothing spun.
            for client in clients:
                assert client.reply() == b"$1\r\n1\r\n"
                client.close()
            assert cpu_ticks(proxy) - ticks < 100  # a second of CPU time
        finally:
            for client in clients:
                client.close()


def cpu_ticks(proxy):
    with open(f"/proc/{proxy.pid}/stat", encoding="ascii") as stat:
        fields = stat.read().rpartition(")")[2].split()
    return int(fields[11]) + int(fields[12])


@pytest.mark.skipif(harness.MEMCACHED is None, reason="memcached is not installed (Debian: apt "
                                                      "install memcached)")
def test_a_frozen_memcached_does_not_fill_memory(cluster):
    cluster.add_memcached()
    proxy = cluster.start_proxy(protocol="memcached", server_pending_limit=20000)
    with proxy.memcached() as client:
        assert client.set("a", "1") == b"STORED\r\n"
    cluster.servers[0].pause()
    begin = proxy.rss()
    clients = [proxy.memcached() for _ in range(3)]
    try:
        for client in clients:
            push(client, line("get", "a") * 1000, 20 * MIB)
        # Of each client may be kept what one tick brings: all receive buffers, 4 MiB.
        assert proxy.rss() - begin < len(clients) * 4 * MIB + 10 * MIB
        cluster.servers[0].resume()
        for client in clients:
            assert set(client.replies(1000)) == {b"VALUE a 0 1\r\n1\r\nEND\r\n"}
    finally:
        for client in clients:
            client.close()
