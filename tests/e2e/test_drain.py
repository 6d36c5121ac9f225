"""SIGTERM and its time limit: what is answered in time is not lost, the rest is cut off."""

import signal
import subprocess
import time

import pytest

import harness
import memcached_wire
import wire
from test_faults import is_error_naming, keys_at, keys_elsewhere, names_by_key

CUT_OFF = "had not answered when drain_timeout_ms was over"
EXIT_DEADLINE = 10  # seconds beyond the limit; a loaded machine may need some of them


def start_proxy(cluster, drain_timeout_ms, threads=1, **pool):
    pools = [{"name": "main", "servers": harness.server_lines(cluster.servers), **pool}]
    return cluster.start_proxy_with(pools, threads=threads, drain_timeout_ms=drain_timeout_ms)


def wait_until_read(clients):
    harness.wait_until(lambda: not any(wire.unread_by_peer(client.socket) for client in clients),
                       "the proxy to read the requests")


def terminate(proxy):
    """Sends SIGTERM; returns when the drain has begun, with the time it was sent at."""
    begin = time.monotonic()
    proxy.process.send_signal(signal.SIGTERM)
    harness.wait_until(lambda: not harness.accepts(proxy.endpoint), "the listener to close")
    return begin


@pytest.mark.parametrize("threads", [1, 2])
def test_what_is_answered_in_time_is_not_lost(cluster, threads):
    cluster.add_servers(2)
    proxy = start_proxy(cluster, 60_000, threads, listen=f"unix:{cluster.directory}/proxy.sock")
    clients = [proxy.raw() for _ in range(16)]
    for index, client in enumerate(clients):
        assert client.call("MSET", *sum(((f"{index}-{n}", n) for n in range(50)), ())) == b"+OK\r\n"
    for server in cluster.servers:
        server.pause()
    for index, client in enumerate(clients):
        client.send(b"".join(wire.encode("GET", f"{index}-{n}") for n in range(50)))
    wait_until_read(clients)
    terminate(proxy)
    for server in cluster.servers:
        server.resume()
    for client in clients:
        expected = b"".join(b"$%d\r\n%d\r\n" % (len(str(n)), n) for n in range(50))
        assert client.read_to_end() == expected
        client.close()
    assert proxy.process.wait(EXIT_DEADLINE) == 0
    assert "cut off" not in proxy.stderr()


@pytest.mark.parametrize("threads", [1, 2])
def test_a_server_that_never_answers_does_not_hold_up_the_end(cluster, threads):
    cluster.add_servers(4)
    proxy = start_proxy(cluster, 700, threads, hash_tag="{}")
    homes = names_by_key(cluster)
    victim = cluster.servers[1]
    mine, others = keys_at(homes, victim.name)[0], keys_elsewhere(homes, victim.name)
    victim.pause()
    clients = [proxy.raw() for _ in range(8)]
    for client in clients:
        client.send(wire.encode("GET", others[0]) + wire.encode("GET", mine)
                    + wire.encode("MGET", mine, others[0]) + wire.encode("GET", others[1]))
    for client in clients:
        assert client.reply() == b"$5\r\nvalue\r\n"
    wait_until_read(clients)
    begin = terminate(proxy)
    for client in clients:
        first, second = wire.parse(client.reply()), wire.parse(client.reply())
        assert is_error_naming(first, victim.name) and CUT_OFF in first
        assert is_error_naming(second, victim.name) and CUT_OFF in second
        assert client.reply() == b"$5\r\nvalue\r\n"
        assert client.read_to_end() == b""
        client.close()
    assert proxy.process.wait(EXIT_DEADLINE) == 0
    assert 0.69 < time.monotonic() - begin < 0.7 + EXIT_DEADLINE
    log = proxy.stderr()
    assert "the drain has taken drain_timeout_ms (700)" in log
    assert f'server "{victim.name}" ({victim.address}) {CUT_OFF}' in log
    assert sum(int(line.split("cut off: ")[1].split()[0]) for line in log.splitlines()
               if "cut off: " in line) == 8
    assert log.rstrip().endswith("stopped")


def test_a_client_that_never_reads_does_not_hold_up_the_end(cluster):
    cluster.add_servers(1)
    proxy = start_proxy(cluster, 500)
    with proxy.raw() as silent, proxy.raw() as other:
        assert other.call("SET", "big", b"x" * (32 << 20)) == b"+OK\r\n"
        silent.send(wire.encode("GET", "big") * 4)
        wait_until_read([silent])
        begin = time.monotonic()
        proxy.process.send_signal(signal.SIGTERM)
        assert proxy.process.wait(EXIT_DEADLINE) == 0
        assert time.monotonic() - begin > 0.49
    assert "cut off: 1 clients" in proxy.stderr()


def test_without_a_limit_the_end_waits(cluster):
    cluster.add_servers(1)
    proxy = start_proxy(cluster, 0)
    server = cluster.servers[0]
    with proxy.raw() as client:
        assert client.call("SET", "key", "value") == b"+OK\r\n"
        server.pause()
        client.send(wire.encode("GET", "key"))
        wait_until_read([client])
        terminate(proxy)
        with pytest.raises(subprocess.TimeoutExpired):
            proxy.process.wait(1)
        server.resume()
        assert client.read_to_end() == b"$5\r\nvalue\r\n"
    assert proxy.process.wait(EXIT_DEADLINE) == 0


def test_a_second_signal_exits_at_once(cluster):
    cluster.add_servers(1)
    proxy = start_proxy(cluster, 60_000, listen=f"unix:{cluster.directory}/proxy.sock")
    with proxy.raw() as client:
        assert client.call("SET", "key", "value") == b"+OK\r\n"
        cluster.servers[0].pause()
        client.send(wire.encode("GET", "key"))
        wait_until_read([client])
        terminate(proxy)
        proxy.process.send_signal(signal.SIGTERM)
        assert proxy.process.wait(EXIT_DEADLINE) == 128 + signal.SIGTERM
        assert client.read_to_end() == b""
    assert "SIGTERM again: exiting at once" in proxy.stderr()
    cluster.proxy = None  # its exit code is not that of a drain


@pytest.mark.skipif(harness.MEMCACHED is None, reason="memcached is not installed")
def test_memcached_clients_are_told_in_their_own_words(cluster):
    server = cluster.add_memcached()
    proxy = start_proxy(cluster, 500, protocol="memcached")
    with proxy.memcached() as client:
        assert client.set("key", "value") == b"STORED\r\n"
        server.pause()
        client.send(memcached_wire.line("get", "key"))
        wait_until_read([client])
        begin = terminate(proxy)
        words = f'SERVER_ERROR ringfold: server "{server.name}" {CUT_OFF}\r\n'
        assert client.read_to_end() == words.encode()
        assert time.monotonic() - begin > 0.49
    assert proxy.process.wait(EXIT_DEADLINE) == 0
