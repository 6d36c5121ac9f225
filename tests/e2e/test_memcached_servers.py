"""memcached servers that die, and where keys are: as twemproxy puts them."""

import random
import re

import pytest

import harness
from memcached_wire import blocks, line, meta_set, store
from test_route import ask_route

pytestmark = pytest.mark.skipif(harness.MEMCACHED is None, reason="memcached is not installed "
                                                                  "(Debian: apt install memcached)")


def random_keys(seed, count):
    """Distinct keys as memcached takes them: 1 to 250 bytes, no blank, no control byte."""
    dice = random.Random(seed)
    keys = set()
    while len(keys) < count:
        style = dice.randrange(4)
        if style == 0:
            keys.add(b"user:%d" % dice.randrange(1 << 40))
        elif style == 1:
            keys.add(b"{tag%d}:%d" % (dice.randrange(500), dice.randrange(1 << 30)))
        else:
            longest = 40 if style == 2 else 250
            keys.add(bytes(dice.choice([*range(33, 127), *range(128, 256)])
                           for _ in range(dice.randrange(1, longest + 1))))
    return sorted(keys)


def holders(servers, keys):
    """The name of the one server that really holds each key."""
    found = {}
    for server in servers:
        with server.raw() as direct:
            for key in [key for part in range(0, len(keys), 200)
                        for key, _ in direct.get(*keys[part : part + 200])]:
                assert key not in found
                found[key] = server.name
    return [found[key] for key in keys]


@pytest.mark.skipif(harness.NUTCRACKER is None, reason="nutcracker is not installed (Debian: apt "
                                                       "install nutcracker)")
@pytest.mark.parametrize("distribution, hash_name, hash_tag", [
    ("ketama", "fnv1a_64", ""), ("ketama", "md5", "{}"), ("modula", "crc32", ""),
    ("modula", "fnv1a_64", "{}"), ("ketama", "murmur", ""), ("ketama", "one_at_a_time", "")])
def test_keys_are_where_twemproxy_puts_them(cluster, seed, distribution, hash_name, hash_tag):
    cluster.add_memcacheds(4)
    options = {"distribution": distribution, "hash": hash_name}
    if hash_tag:
        options["hash_tag"] = hash_tag
    cluster.start_proxy(protocol="memcached", **options)
    nutcracker = cluster.add_nutcracker(redis=False, **options)
    keys = random_keys(seed, 1000)
    with nutcracker.memcached() as client:
        # In portions: nutcracker 0.5.0 is not asked how well it pipelines.
        for part in range(0, len(keys), 50):
            requests = [store("set", key, "from twemproxy") for key in keys[part : part + 50]]
            assert set(client.pipeline(requests)) == {b"STORED\r\n"}
    assert ask_route(cluster.proxy.config, "main", keys) == holders(cluster.servers, keys)
    with cluster.proxy.memcached() as client:
        assert client.get(*keys) == [(key, b"from twemproxy") for key in keys]
        for key in keys:
            assert client.get(key) == [(key, b"from twemproxy")]


# Dead servers


def fill(cluster, count=200):
    """Which server holds which key."""
    keys = [b"%d-in-front" % index for index in range(count)]
    with cluster.proxy.memcached() as client:
        assert set(client.pipeline([store("set", key, key) for key in keys])) == {b"STORED\r\n"}
    homes = dict(zip(keys, holders(cluster.servers, keys)))
    assert len(set(homes.values())) == len(cluster.servers)
    return homes


def names_beta(reply):
    return re.fullmatch(rb'SERVER_ERROR ringfold: [^\r]*"beta"[^\r]*\r\n', reply)


@pytest.fixture
def without_beta(cluster):
    """Four servers of which beta was killed, and where keys are."""
    cluster.add_memcacheds(4)
    cluster.start_proxy(protocol="memcached", timeout_ms=5000)
    cluster.homes = fill(cluster)
    cluster.servers[1].kill()
    return cluster


def test_keys_of_a_dead_server_are_an_error_not_a_miss(without_beta):
    homes = without_beta.homes
    alive = [key for key, name in homes.items() if name != "beta"]
    dead = [key for key, name in homes.items() if name == "beta"]
    with without_beta.proxy.memcached() as client:
        found, last = blocks(client.call("get", *homes))
        assert [data for _, data in found] == alive
        assert names_beta(last)
        assert client.get(*alive) == [(key, key) for key in alive]
        found, last = blocks(client.call("gat", 0, *homes, *homes))
        assert [data for _, data in found] == alive * 2
        assert names_beta(last)
        for request in (line("get", dead[0]), line("get", *dead), line("gat", 0, *dead * 20),
                        store("set", dead[0], "x"), line("mg", dead[0], "v"),
                        line("mg", dead[0], "v", "q"), meta_set(dead[0], "x", "q"),
                        line("incr", dead[0], 1), line("delete", dead[0]),
                        line("flush_all", 1000), line("stats")):
            assert names_beta(client.ask(request)), request
        client.send(store("set", dead[0], "x", "noreply") + line("delete", dead[0], "noreply")
                    + line("mn"))
        assert client.reply() == b"MN\r\n"
        assert client.get(alive[0], alive[-1]) == [(alive[0], alive[0]), (alive[-1], alive[-1])]


def test_service_returns_with_the_server(without_beta):
    dead = [key for key, name in without_beta.homes.items() if name == "beta"]
    with without_beta.proxy.memcached() as client:
        assert names_beta(client.call("get", dead[0]))
        without_beta.servers[1].start()
        harness.wait_until(lambda: client.set(dead[0], "back") == b"STORED\r\n", "beta to return")
        assert client.get(dead[0]) == [(dead[0], b"back")]


def test_miss_on_error(cluster):
    cluster.add_memcacheds(4)
    cluster.start_proxy(protocol="memcached", miss_on_error=True)
    homes = fill(cluster)
    cluster.servers[1].kill()
    alive = [key for key, name in homes.items() if name != "beta"]
    with cluster.proxy.memcached() as client:
        assert client.get(*homes) == [(key, key) for key in alive]
        assert client.get(*homes) == [(key, key) for key in alive]
        found, last = blocks(client.call("gats", 0, *[*homes] * 5))
        assert [data for _, data in found] == alive * 5
        assert last == b"END\r\n"


def test_a_stopped_server_times_out_alone(cluster):
    cluster.add_memcacheds(4)
    cluster.start_proxy(protocol="memcached", timeout_ms=300)
    homes = fill(cluster)
    alive = [key for key, name in homes.items() if name != "beta"]
    cluster.servers[1].pause()
    with cluster.proxy.memcached() as client:
        found, last = blocks(client.call("get", *homes))
        assert [data for _, data in found] == alive
        assert names_beta(last)
        found, last = blocks(client.call("gat", 0, *[*homes] * 5))
        assert [data for _, data in found] == alive * 5
        assert names_beta(last)
    cluster.servers[1].resume()
    with cluster.proxy.memcached() as client:
        harness.wait_until(lambda: client.call("get", *homes).endswith(b"END\r\n"),
                           "beta to answer again")
        assert client.get(*homes) == [(key, key) for key in homes]
