"""Servers that fail are taken out, their keys moved, failed or missed, and they come back."""

import pytest

import harness
import wire
from memcached_wire import line, store
from test_faults import is_error_naming, key_name, keys_at, names_by_key
from test_memcached_servers import holders

RETRY_MS = 400
EJECTION = {"auto_eject_hosts": True, "server_failure_limit": 2,
            "server_retry_timeout_ms": RETRY_MS, "timeout_ms": 300}


def wait_for_log(cluster, text):
    harness.wait_until(lambda: text in cluster.proxy.stderr(), f"the log to say {text!r}")


def is_running(server):
    return server.process is not None and server.process.poll() is None


def redis_holders(cluster, keys):
    """Which running server holds each key."""
    homes = {}
    for server in cluster.servers:
        if not is_running(server):
            continue
        with server.raw() as direct:
            for key in keys:
                if direct.value("EXISTS", key):
                    homes[key] = server.name
    return homes


@pytest.mark.parametrize("threads", [1, 2])
def test_the_keys_of_a_dead_server_move_and_return(cluster, threads):
    cluster.add_servers(4)
    cluster.start_proxy(threads=threads, **EJECTION)
    homes = names_by_key(cluster)
    victim = cluster.servers[1]
    mine = keys_at(homes, victim.name)
    victim.kill()
    clients = [cluster.proxy.raw() for _ in range(8)]
    try:
        def served():
            return all(client.call("SET", mine[0], "moved") == b"+OK\r\n" for client in clients)
        harness.wait_until(served, "the keys to move")
        assert f'server "{victim.name}"' in cluster.proxy.stderr()
        wait_for_log(cluster, "is ejected after 2 failures in a row: it ")
        for client in clients:
            for key in mine:
                assert client.call("SET", key, "moved") == b"+OK\r\n"
        assert set(redis_holders(cluster, mine)) == set(mine)
        victim.start()
        for _ in range(threads):
            wait_for_log(cluster, "is back after ")
        victim.client().mset({key: "returned" for key in mine})
        harness.wait_until(lambda: all(client.value("GET", mine[0]) == b"returned"
                                       for client in clients), "the keys to return")
        for client in clients:
            assert {client.value("GET", key) for key in mine} == {b"returned"}
    finally:
        for client in clients:
            client.close()


@pytest.mark.skipif(harness.NUTCRACKER is None, reason="nutcracker is not installed (Debian: apt "
                                                       "install nutcracker)")
@pytest.mark.parametrize("distribution, dead", [("ketama", [2]), ("modula", [0]),
                                                ("ketama", [0, 3])])
def test_keys_move_where_twemproxy_moves_them(cluster, distribution, dead):
    cluster.add_servers(4)
    options = {"distribution": distribution, "hash": "fnv1a_64"}
    cluster.start_proxy(**options, **EJECTION)
    nutcracker = cluster.add_nutcracker(**options, auto_eject_hosts=True, server_failure_limit=1,
                                        server_retry_timeout=60000)
    for index in dead:
        cluster.servers[index].kill()
    keys = [key_name(index) for index in range(300)]
    homes = []
    for proxy in (cluster.proxy, nutcracker):
        for key in keys:
            def stored():
                # nutcracker closes the client's connection with the server's.
                try:
                    with proxy.raw() as client:
                        return client.call("SET", key, "x") == b"+OK\r\n"
                except wire.ConnectionClosed:
                    return False
            harness.wait_until(stored, f"{key} to be stored")
        homes.append(redis_holders(cluster, keys))
        for server in cluster.servers:
            if is_running(server):
                server.flush()
    assert homes[0] == homes[1]
    assert len(homes[0]) == len(keys)


def test_keys_may_fail_instead(cluster):
    cluster.add_servers(3)
    cluster.start_proxy(on_failure="error", **EJECTION)
    homes = names_by_key(cluster)
    victim = cluster.servers[0]
    mine, others = keys_at(homes, victim.name), [k for k in homes if homes[k] != victim.name]
    victim.kill()
    with cluster.proxy.raw() as client:
        harness.wait_until(lambda: b"is ejected" in client.call("GET", mine[0]), "the ejection")
        for key in mine:
            assert is_error_naming(client.value("SET", key, "x"), victim.name)
        for key in others:
            assert client.call("GET", key) == b"$5\r\nvalue\r\n"
        assert is_error_naming(client.value("MGET", mine[0], others[0]), victim.name)
        victim.start()
        victim.client().set(mine[0], "again")
        harness.wait_until(lambda: client.call("GET", mine[0]) == b"$5\r\nagain\r\n", "the return")


@pytest.mark.skipif(harness.MEMCACHED is None, reason="memcached is not installed (Debian: apt "
                                                      "install memcached)")
def test_keys_may_be_missed_instead(cluster):
    cluster.add_memcacheds(3)
    cluster.start_proxy(protocol="memcached", on_failure="miss", **EJECTION)
    keys = [key_name(index).encode() for index in range(100)]
    with cluster.proxy.memcached() as client:
        for key in keys:
            assert client.set(key, "value") == b"STORED\r\n"
        homes = dict(zip(keys, holders(cluster.servers, keys)))
        victim = cluster.servers[2]
        mine = keys_at(homes, victim.name)
        others = [key for key in keys if key not in mine]
        victim.kill()
        harness.wait_until(lambda: client.call("get", mine[0]) == b"END\r\n", "the ejection")
        for key in mine:
            assert client.call("gets", key) == b"END\r\n"
            assert client.call("mg", key, "v") == b"EN\r\n"
            assert client.set(key, "x").startswith(b"SERVER_ERROR ringfold: server ")
        assert [key for key, _ in client.get(*keys)] == others
        quiet = line("mg", mine[0], "v", "q") + store("set", mine[0], "x", b"noreply")
        assert client.ask(quiet + line("mn")) == b"MN\r\n"
        victim.start()
        harness.wait_until(lambda: client.set(mine[0], "x") == b"STORED\r\n", "the return")


def test_with_all_servers_dead_every_request_gets_an_error(cluster):
    cluster.add_servers(2)
    cluster.start_proxy(**EJECTION)
    for server in cluster.servers:
        server.kill()
    with cluster.proxy.raw() as client:
        for index in range(200):
            replies = client.pipeline([("GET", key_name(index)), ("MGET", "a", key_name(index)),
                                       ("DBSIZE",), ("PING",)])
            assert all(reply.startswith(b"-ERR ringfold: server ") for reply in replies[:3])
            assert replies[3] == b"+PONG\r\n"


def test_a_frozen_server_is_ejected_and_returns(cluster):
    cluster.add_servers(2)
    cluster.start_proxy(**EJECTION)
    homes = names_by_key(cluster)
    victim = cluster.servers[0]
    key = keys_at(homes, victim.name)[0]
    victim.pause()
    with cluster.proxy.raw() as client:
        assert is_error_naming(client.value("GET", key), victim.name)
        harness.wait_until(lambda: client.call("GET", key) == b"$-1\r\n", "the key to move")
        victim.resume()
        harness.wait_until(lambda: client.call("GET", key) == b"$5\r\nvalue\r\n", "the return")
