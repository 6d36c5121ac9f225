"""Servers given by host names that appear late, move and vanish, with the machine's real resolver.

ringfold runs in a mount namespace of its own, in which /etc/hosts is a file of the test's and no
name server is asked. Servers stand on different loopback addresses at the same port.
"""

import os
import shutil
import subprocess
import time

import pytest

import harness
import wire
from test_faults import is_error_naming, key_name

HOSTS_SIZE = 4096
# Arguments: the folder with the files, then the command.
ENTER = ("for file in hosts host.conf nsswitch.conf resolv.conf; do "
         'mount --bind "$0/$file" /etc/$file || exit 1; done; exec "$@"')
NO_ADDRESS = "has a host name without an address"


class PrivateNames:
    """The names of one test. Other programs do not see them."""

    def __init__(self, directory):
        self.directory = directory
        self.addresses = {}
        self.hosts = directory / "hosts"
        self.hosts.write_bytes(b"\n" * HOSTS_SIZE)
        (directory / "host.conf").write_text("multi on\n")  # a name may have several lines
        (directory / "nsswitch.conf").write_text("hosts: files\n")
        (directory / "resolv.conf").write_text("")

    def launcher(self):
        own = [] if os.geteuid() == 0 else ["--map-root-user"]
        return ["unshare", *own, "--mount", "--propagation", "private", "sh", "-c", ENTER,
                str(self.directory)]

    def why_not(self):
        """Why a mount namespace cannot be had here; None when it can."""
        if shutil.which("unshare") is None:
            return "unshare (Debian: util-linux) is not installed"
        for name in ("hosts", "host.conf", "nsswitch.conf", "resolv.conf"):
            if not os.path.exists(f"/etc/{name}"):
                return f"/etc/{name} does not exist, so nothing can be mounted there"
        done = subprocess.run([*self.launcher(), "true"], capture_output=True, text=True,
                              timeout=60, check=False)
        return None if done.returncode == 0 else f"no mount namespace: {done.stderr.strip()}"

    def set(self, **addresses):
        """Gives names (with dots for underscores) their addresses; without one the name vanishes.
        One write of always the same size, so that nobody reads half of it."""
        self.addresses.update(addresses)
        lines = [f"{address} {name.replace('_', '.')}\n"
                 for name, held in self.addresses.items() for address in held.split()]
        text = "".join(lines).encode()
        assert len(text) <= HOSTS_SIZE
        file = os.open(self.hosts, os.O_WRONLY)
        assert os.pwrite(file, text.ljust(HOSTS_SIZE, b"\n"), 0) == HOSTS_SIZE
        os.close(file)


@pytest.fixture
def names(cluster):
    private = PrivateNames(cluster.directory)
    reason = private.why_not()
    if reason is not None:
        pytest.skip(reason)
    return private


def add_server_at(cluster, host, port=None, name=None):
    """A redis-server at an address of the loopback net; with port, at the same port as another."""
    server = harness.RedisServer(cluster.directory, name or f"redis-{host}", host=host)
    server.port = port
    cluster.servers.append(server)
    server.start()
    assert port is None or server.port == port
    return server


def start_proxy(cluster, names, servers, threads=1, refresh_ms=0, **pool):
    return cluster.start_proxy_with([{"name": "main", "servers": servers, **pool}],
                                    launcher=names.launcher(), threads=threads,
                                    dns_refresh_ms=refresh_ms)


def wait_for_log(proxy, text):
    harness.wait_until(lambda: text in proxy.stderr(), f"{text!r} in the log")


def whoami(client):
    """Which of two_places() answers: each holds its name."""
    return client.value("GET", "whoami")


def two_places(cluster):
    """Two servers at one port: where the name points first, and where it moves to."""
    old = add_server_at(cluster, "127.0.0.2")
    new = add_server_at(cluster, "127.0.0.3", old.port)
    for server, name in ((old, "old"), (new, "new")):
        server.client().set("whoami", name)
    return old, new


@pytest.mark.parametrize("threads", [1, 2])
def test_a_name_that_appears_late(cluster, names, threads):
    """The start does not fail, the other server works, and the name is used once it is there."""
    near = add_server_at(cluster, "127.0.0.1", name="near")
    late = add_server_at(cluster, "127.0.0.2", name="late")
    proxy = start_proxy(cluster, names, [f"127.0.0.1:{near.port}:1 near",
                                         f"late.test:{late.port}:1 late"], threads=threads)
    wait_for_log(proxy, 'server "late" has no address, its requests fail: cannot resolve')
    keys = [key_name(index) for index in range(100)]
    clients = [proxy.raw() for _ in range(8)]
    for client in clients:
        replies = {key: client.value("SET", key, "value") for key in keys}
        errors = [key for key, reply in replies.items() if reply != b"OK"]
        assert 10 < len(errors) < 90
        for key in errors:
            assert is_error_naming(replies[key], "late") and NO_ADDRESS in replies[key]
    assert near.client().dbsize() == 100 - len(errors)
    names.set(late_test="127.0.0.2")
    wait_for_log(proxy, f'server "late" is now 127.0.0.2:{late.port} (had no address)')
    for client in clients:
        harness.wait_until(lambda: all(client.value("SET", key, "value") == b"OK" for key in keys),
                           "the name to be used")
        client.close()
    assert late.client().dbsize() == len(errors)


@pytest.mark.parametrize("threads", [1, 2])
def test_a_name_that_moves_is_followed_while_both_places_live(cluster, names, threads):
    """Nothing fails, and nobody has to fail first."""
    old, _ = two_places(cluster)
    names.set(cache_test="127.0.0.2")
    proxy = start_proxy(cluster, names, [f"cache.test:{old.port}:1 cache"], threads=threads,
                        refresh_ms=100)
    clients = [proxy.raw() for _ in range(8)]
    assert [whoami(client) for client in clients] == [b"old"] * 8
    names.set(cache_test="127.0.0.3")
    seen = set()
    for client in clients:
        def is_there():
            reply = whoami(client)
            seen.add(reply)
            return reply == b"new"
        harness.wait_until(is_there, "the new place")
        client.close()
    assert seen <= {b"old", b"new"}
    wait_for_log(proxy, f'pool "main": server "cache" is now 127.0.0.3:{old.port} '
                        f'(was 127.0.0.2:{old.port})')
    assert proxy.stderr().count(" is now ") == 1
    # The old place is let go: only this test is connected to it.
    harness.wait_until(lambda: old.client().info("clients")["connected_clients"] == 1,
                       "the old connections to close")
    assert "requests failed" not in proxy.stderr()


def test_a_failover_is_followed_without_a_refresh(cluster, names):
    """dns_refresh_ms = 0: the failing connections are what makes the proxy look again."""
    old, _ = two_places(cluster)
    names.set(cache_test="127.0.0.2")
    proxy = start_proxy(cluster, names, [f"cache.test:{old.port}:1 cache"])
    with proxy.raw() as client:
        assert whoami(client) == b"old"
        old.kill()
        harness.wait_until(lambda: is_error_naming(whoami(client), "cache"), "the failure")
        names.set(cache_test="127.0.0.3")
        begin = time.monotonic()
        replies = []

        def is_there():
            replies.append(whoami(client))
            return replies[-1] == b"new"
        harness.wait_until(is_there, "the new place")
        assert time.monotonic() - begin < 10  # about a second; much more would be a refresh
        assert all(is_error_naming(reply, "cache") for reply in replies[:-1])
    assert proxy.stderr().count(" is now ") == 1


def test_requests_at_the_old_place_are_answered_from_there(cluster, names):
    old, _ = two_places(cluster)
    names.set(cache_test="127.0.0.2")
    proxy = start_proxy(cluster, names, [f"cache.test:{old.port}:1 cache"], refresh_ms=100)
    with proxy.raw() as waiting, proxy.raw() as other:
        assert whoami(waiting) == b"old"
        old.pause()
        waiting.send(wire.encode("GET", "whoami") * 100)
        harness.wait_until(lambda: not wire.unread_by_peer(waiting.socket), "the requests")
        names.set(cache_test="127.0.0.3")
        wait_for_log(proxy, " is now ")
        harness.wait_until(lambda: whoami(other) == b"new", "the new place")
        waiting.send(wire.encode("GET", "whoami"))
        old.resume()
        assert waiting.replies(101) == [b"$3\r\nold\r\n"] * 100 + [b"$3\r\nnew\r\n"]


def test_a_name_that_vanishes_leaves_its_server_where_it_is(cluster, names):
    server = add_server_at(cluster, "127.0.0.2")
    names.set(cache_test="127.0.0.2")
    proxy = start_proxy(cluster, names, [f"cache.test:{server.port}:1 cache"], refresh_ms=100)
    with proxy.raw() as client:
        assert client.call("SET", "key", "value") == b"+OK\r\n"
        names.set(cache_test="")
        wait_for_log(proxy, f'server "cache" stays 127.0.0.2:{server.port}: cannot resolve')
        assert client.call("GET", "key") == b"$5\r\nvalue\r\n"
        names.set(cache_test="127.0.0.2")
        wait_for_log(proxy, f'server "cache" is still 127.0.0.2:{server.port}')
        assert client.call("GET", "key") == b"$5\r\nvalue\r\n"


def test_several_addresses_are_no_reason_to_move(cluster, names):
    port = harness.free_port()
    names.set(cache_test="127.0.0.3", flag_test="127.0.0.11")
    # The moves of a second name show that the first one was looked up in between.
    proxy = start_proxy(cluster, names, [f"cache.test:{port}:1 cache",
                                         f"flag.test:{port}:1 flag"], refresh_ms=100,
                        preconnect=False)
    names.set(cache_test="127.0.0.2 127.0.0.3")
    for address in ("127.0.0.12", "127.0.0.13", "127.0.0.14"):
        names.set(flag_test=address)
        wait_for_log(proxy, f'server "flag" is now {address}')
    assert 'server "cache" is' not in proxy.stderr()
    names.set(cache_test="127.0.0.9 127.0.0.2")
    wait_for_log(proxy, f'server "cache" is now 127.0.0.2:{port} (was 127.0.0.3:{port})')


def test_an_end_in_the_middle_of_everything(cluster, names):
    """SIGTERM while one name does not resolve and another moves."""
    old, _ = two_places(cluster)
    names.set(cache_test="127.0.0.2")
    proxy = start_proxy(cluster, names, [f"cache.test:{old.port}:1 cache",
                                         f"nowhere.test:{old.port}:1 nowhere"], threads=2,
                        refresh_ms=100)
    with proxy.raw() as client:
        keys = [key_name(index) for index in range(20)]
        for key in keys:
            client.value("SET", key, "value")
        names.set(cache_test="127.0.0.3")
    proxy.stop()
