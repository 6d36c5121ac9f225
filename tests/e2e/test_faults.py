"""Servers that die, hang, refuse or want a password; unix sockets and IPv6."""

import re
import socket
import time

import pytest

import harness
import wire

TIMEOUT_MS = 300


def key_name(index):
    """Keys that all servers get a share of. The number comes first: with fnv1a_64, keys that differ
    in their last characters only are neighbours on the ring, and most go to one server."""
    return f"{index}-in-front"


def names_by_key(cluster, count=200):
    """Which server holds which key, asked of the servers themselves."""
    keys = [key_name(index) for index in range(count)]
    cluster.proxy.client().mset({key: "value" for key in keys})
    homes = {}
    for server in cluster.servers:
        with server.raw() as direct:
            for key in keys:
                if direct.value("EXISTS", key):
                    homes[key] = server.name
    assert len(homes) == count
    return homes


def keys_at(homes, name):
    return [key for key, home in homes.items() if home == name]


def keys_elsewhere(homes, name):
    return [key for key, home in homes.items() if home != name]


def is_error_naming(reply, name):
    return (isinstance(reply, wire.ErrorReply) and reply.startswith("ERR ringfold: ")
            and f'"{name}"' in reply)


def wait_for_service(cluster, key):
    with cluster.proxy.raw() as client:
        harness.wait_until(lambda: client.call("GET", key) == b"$5\r\nvalue\r\n",
                           f"service for {key} to return")


@pytest.fixture
def four_alone(cluster):
    cluster.add_servers(4)
    cluster.start_proxy(hash_tag="{}", timeout_ms=5000)
    return cluster


def test_a_killed_server_costs_only_its_own_requests(four_alone):
    homes = names_by_key(four_alone)
    victim = four_alone.servers[1]
    mine, others = keys_at(homes, victim.name)[0], keys_elsewhere(homes, victim.name)
    with four_alone.proxy.raw() as waiting, four_alone.proxy.raw() as other:
        victim.pause()  # so that the requests are in flight when it dies
        waiting.send(wire.encode("GET", mine) * 50 + wire.encode("GET", others[0]))
        for key in others:
            assert other.call("GET", key) == b"$5\r\nvalue\r\n"
        begin = time.monotonic()
        victim.kill()
        replies = waiting.replies(51)
        assert time.monotonic() - begin < TIMEOUT_MS / 1000 * 5
        assert all(is_error_naming(wire.parse(reply), victim.name) for reply in replies[:50])
        assert replies[50] == b"$5\r\nvalue\r\n"
        for key in others:
            assert other.call("GET", key) == b"$5\r\nvalue\r\n"
        assert is_error_naming(other.value("GET", mine), victim.name)
        assert other.call("PING") == b"+PONG\r\n"
    victim.start()
    victim.client().set(mine, "value")
    wait_for_service(four_alone, mine)


def test_split_commands_with_a_dead_server(four_alone):
    """One failed server fails its part; the client stays connected."""
    homes = names_by_key(four_alone)
    victim = four_alone.servers[2]
    victim.kill()
    mine, others = keys_at(homes, victim.name), keys_elsewhere(homes, victim.name)
    with four_alone.proxy.raw() as client:
        reply = client.value("MGET", *mine[:3], *others[:3])
        if isinstance(reply, list):  # an error element for each key of the dead server
            assert all(is_error_naming(element, victim.name) for element in reply[:3])
            assert reply[3:] == [b"value"] * 3
        else:
            assert is_error_naming(reply, victim.name)
        assert client.value("MGET", *others) == [b"value"] * len(others)
        for command in (("DEL", mine[0], others[0]), ("MSET", mine[1], 1, others[1], 1),
                        ("EXISTS", *mine, *others), ("DBSIZE",), ("KEYS", "*"), ("FLUSHALL",)):
            assert is_error_naming(client.value(*command), victim.name), command
        assert client.call("SET", others[0], "again") == b"+OK\r\n"


def test_a_restarted_server_serves_again(four_alone):
    homes = names_by_key(four_alone)
    for victim in four_alone.servers:
        key = keys_at(homes, victim.name)[0]
        victim.kill()
        with four_alone.proxy.raw() as client:
            assert is_error_naming(client.value("GET", key), victim.name)
        victim.start()
        victim.client().set(key, "value")
        wait_for_service(four_alone, key)


def test_a_server_that_is_down_at_the_start_is_used_once_it_is_there(cluster):
    servers = cluster.add_servers(2)
    late = servers[1]
    late.kill()
    cluster.start_proxy()
    with cluster.proxy.raw() as client:
        replies = [client.value("SET", key_name(index), "value") for index in range(100)]
        assert replies.count(b"OK") > 10
        errors = [reply for reply in replies if reply != b"OK"]
        assert len(errors) > 10
        assert all(is_error_naming(reply, late.name) for reply in errors)
        late.start()
        harness.wait_until(lambda: all(client.value("SET", key_name(index), "value") == b"OK"
                                       for index in range(100)), "the late server to be used")


def test_a_stopped_server_times_out(cluster):
    cluster.add_servers(4)
    cluster.start_proxy(timeout_ms=TIMEOUT_MS)
    homes = names_by_key(cluster)
    victim = cluster.servers[0]
    mine, others = keys_at(homes, victim.name)[0], keys_elsewhere(homes, victim.name)
    victim.pause()
    with cluster.proxy.raw() as client, cluster.proxy.raw() as other:
        begin = time.monotonic()
        client.send(wire.encode("GET", mine) * 3 + wire.encode("GET", others[0]))
        assert other.call("GET", others[0]) == b"$5\r\nvalue\r\n"
        replies = client.replies(4)
        elapsed = time.monotonic() - begin
        for reply in replies[:3]:
            error = wire.parse(reply)
            assert is_error_naming(error, victim.name)
            assert "timed out" in error
        assert replies[3] == b"$5\r\nvalue\r\n"
        assert TIMEOUT_MS / 1000 * 0.9 < elapsed < TIMEOUT_MS / 1000 + 5
        assert client.call("PING") == b"+PONG\r\n"
        victim.resume()
        # Late replies to requests that timed out must not become the replies of later ones.
        victim.client().set(mine, "value")
        wait_for_service(cluster, mine)
        for index in range(50):
            assert client.call("GET", mine) == b"$5\r\nvalue\r\n"
            assert client.value("ECHO", index) == b"%d" % index


def test_without_a_timeout_requests_wait(cluster):
    cluster.add_servers(1)
    cluster.start_proxy(timeout_ms=0)
    server = cluster.servers[0]
    with cluster.proxy.raw() as client:
        client.call("SET", "key", "value")
        server.pause()
        client.send(wire.encode("GET", "key"))
        client.socket.settimeout(1.0)
        with pytest.raises(socket.timeout):
            client.reply()
        client.socket.settimeout(wire.REPLY_DEADLINE)
        server.resume()
        assert client.reply() == b"$5\r\nvalue\r\n"


def test_a_client_that_leaves_does_not_disturb_others(four_alone):
    homes = names_by_key(four_alone)
    victim = four_alone.servers[0]
    key = keys_at(homes, victim.name)[0]
    victim.pause()
    leaving = four_alone.proxy.raw()
    leaving.send(wire.encode("GET", key) * 100)
    staying = four_alone.proxy.raw()
    staying.send(wire.encode("SET", key, "mine") + wire.encode("GET", key))
    leaving.close()
    victim.resume()
    assert staying.replies(2) == [b"+OK\r\n", b"$4\r\nmine\r\n"]
    staying.close()


def test_a_half_closed_client_gets_its_replies(four_alone):
    with four_alone.proxy.raw() as client:
        client.send(b"".join(wire.encode("SET", key_name(index), index) for index in range(100)))
        client.socket.shutdown(socket.SHUT_WR)
        assert client.read_to_end() == b"+OK\r\n" * 100


# Passwords and databases of the servers


@pytest.mark.parametrize("unix", [False, True])
def test_password_and_database_are_set_before_the_first_request(cluster, unix):
    cluster.add_servers(2, unix=unix, options=["--requirepass", "secret"])
    proxy = cluster.start_proxy(password="secret", database=5)
    client = proxy.client(single_connection_client=True)
    for index in range(200):
        assert client.set(key_name(index), index)
        assert client.get(key_name(index)) == b"%d" % index
    held = [server.client(password="secret", db=5).dbsize() for server in cluster.servers]
    assert sum(held) == 200 and min(held) > 10
    assert [server.client(password="secret", db=0).dbsize() for server in cluster.servers] == [0, 0]
    with proxy.raw() as raw:
        assert raw.call("SELECT", 5) == b"+OK\r\n"
        assert isinstance(raw.value("SELECT", 0), wire.ErrorReply)


@pytest.mark.parametrize("unix", [False, True])
@pytest.mark.parametrize("server_options, pool_options, reason", [
    (["--requirepass", "secret"], {"password": "wrong"}, "password|AUTH"),
    (["--requirepass", "secret"], {"password": "wrong", "database": 3}, "password|AUTH"),
    (["--databases", "4"], {"database": 9}, "database|SELECT"),
    (["--requirepass", "secret", "--databases", "4"], {"password": "secret", "database": 9},
     "database|SELECT"),
])
def test_a_server_that_refuses_is_down_with_a_reason(cluster, unix, server_options, pool_options,
                                                     reason):
    server = cluster.add_server(unix=unix, options=server_options)
    proxy = cluster.start_proxy(**pool_options)
    with proxy.raw() as client:
        for command in (("SET", "key", "value"), ("GET", "key"), ("MGET", "a", "b")):
            reply = client.value(*command)
            if isinstance(reply, list):
                reply = reply[0]
            assert is_error_naming(reply, server.name), reply
            assert re.search(reason, reply, re.IGNORECASE), reply
        assert client.call("PING") == b"+PONG\r\n"
    password = "secret" if "--requirepass" in server_options else None
    assert server.client(password=password).dbsize() == 0
    assert server.client(password=password).info("keyspace") == {}


def test_a_server_that_wants_a_password_nobody_configured(cluster):
    cluster.add_server(options=["--requirepass", "secret"])
    proxy = cluster.start_proxy()
    with proxy.raw() as client:
        assert isinstance(client.value("GET", "key"), wire.ErrorReply)
        assert client.call("PING") == b"+PONG\r\n"


# Unix sockets and IPv6


def test_unix_sockets_on_both_sides(cluster):
    cluster.add_servers(4, unix=True)
    proxy = cluster.start_proxy(listen=f"unix:{cluster.directory}/proxy.sock")
    client = proxy.client()
    client.mset({key_name(index): index for index in range(500)})
    assert client.mget(key_name(index) for index in range(500)) == [b"%d" % i for i in range(500)]
    assert min(server.client().dbsize() for server in cluster.servers) > 20


def test_several_listeners(cluster):
    cluster.add_server()
    port = harness.free_port()
    proxy = cluster.start_proxy(listen=[f"127.0.0.1:{port}", f"unix:{cluster.directory}/p.sock"])
    for endpoint in proxy.endpoints:
        with proxy.raw(endpoint) as client:
            assert client.call("SET", "key", "value") == b"+OK\r\n"
            assert client.call("GET", "key") == b"$5\r\nvalue\r\n"


def test_a_stale_unix_socket_is_replaced(cluster):
    cluster.add_server()
    path = f"{cluster.directory}/proxy.sock"
    with socket.socket(socket.AF_UNIX) as left_behind:
        left_behind.bind(path)
    proxy = cluster.start_proxy(listen=f"unix:{path}")
    with proxy.raw() as client:
        assert client.call("PING") == b"+PONG\r\n"


def has_ipv6():
    try:
        with socket.socket(socket.AF_INET6) as probe:
            probe.bind(("::1", 0))
    except OSError:
        return False
    return True


@pytest.mark.skipif(not has_ipv6(), reason="this machine has no ::1")
def test_ipv6_on_both_sides(cluster):
    cluster.add_servers(2, host="::1")
    proxy = cluster.start_proxy(listen=f"[::1]:{harness.free_port('::1')}")
    client = proxy.client()
    client.mset({key_name(index): index for index in range(100)})
    assert client.mget(key_name(index) for index in range(100)) == [b"%d" % i for i in range(100)]
    assert min(server.client().dbsize() for server in cluster.servers) > 5


def test_several_connections_keep_the_order_of_a_client(cluster):
    cluster.add_servers(2)
    proxy = cluster.start_proxy(server_connections=4, threads=2)
    clients = [proxy.raw() for _ in range(16)]
    try:
        for client in clients:
            client.send(b"".join(wire.encode("SET", "key", index) + wire.encode("GET", "key")
                                 if client is clients[0] else wire.encode("PING")
                                 for index in range(500)))
        expected = []
        for index in range(500):
            expected += [b"+OK\r\n", b"$%d\r\n%d\r\n" % (len(str(index)), index)]
        assert clients[0].replies(1000) == expected
        for client in clients[1:]:
            assert client.replies(500) == [b"+PONG\r\n"] * 500
    finally:
        for client in clients:
            client.close()
