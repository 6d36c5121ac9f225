"""`ringfold route` says where a key goes. Here: it says what the proxy does, and what twemproxy
would do."""

import random
import re
import subprocess

import pytest

import harness
import wire

DISTRIBUTIONS = ["ketama", "modula", "jump", "maglev", "rendezvous"]
HASHES = ["one_at_a_time", "md5", "crc16", "crc32", "crc32a", "fnv1_64", "fnv1a_64", "fnv1_32",
          "fnv1a_32", "hsieh", "murmur", "jenkins", "xxh3"]
PLACES = [(distribution, "fnv1a_64") for distribution in DISTRIBUTIONS]
PLACES += [("ketama", hash_name) for hash_name in HASHES if hash_name != "fnv1a_64"]


def random_keys(seed, count):
    """Distinct keys: text, tagged text, and any bytes."""
    dice = random.Random(seed)
    keys = set()
    while len(keys) < count:
        style = dice.randrange(4)
        if style == 0:
            keys.add(b"user:%d" % dice.randrange(1 << 40))
        elif style == 1:
            keys.add(b"{tag%d}:%d" % (dice.randrange(500), dice.randrange(1 << 30)))
        elif style == 2:
            keys.add(dice.randbytes(dice.randrange(0, 40)))
        else:
            keys.add(dice.choice([b"{}", b"}{", b"{", b"a{b"]) + dice.randbytes(8).hex().encode())
    return sorted(keys)


def ask_route(config, pool, keys):
    """The server name for each key; checks the form of the answer on the way."""
    text = "".join(key.hex() + "\n" for key in keys)
    done = subprocess.run([harness.BINARY, "route", "-c", config, "--pool", pool, "--hex", "-"],
                          input=text, text=True, capture_output=True, check=True,
                          timeout=harness.STOP_DEADLINE)
    lines = done.stdout.splitlines()
    assert len(lines) == len(keys)
    names = []
    for line, key in zip(lines, keys):
        shown, name, address = line.split("\t")
        assert shown == key.hex()
        assert address
        names.append(name)
    return names


def holders(servers, keys):
    """The name of the server that really holds each key, asked of all servers."""
    found = [[] for _ in keys]
    for server in servers:
        with server.raw() as direct:
            replies = direct.pipeline([("EXISTS", key) for key in keys])
        for index, reply in enumerate(replies):
            if reply == b":1\r\n":
                found[index].append(server.name)
    assert all(len(names) == 1 for names in found)
    return [names[0] for names in found]


def check(cluster, keys):
    """Writes the keys through the proxy, half by MSET and half one by one, and compares."""
    half = len(keys) // 2
    with cluster.proxy.raw() as client:
        pairs = [word for key in keys[:half] for word in (key, b"1")]
        replies = client.pipeline([("MSET", *pairs)] + [("SET", key, 1) for key in keys[half:]])
        assert set(replies) == {b"+OK\r\n"}
    assert ask_route(cluster.proxy.config, "main", keys) == holders(cluster.servers, keys)


def test_route_agrees_for_ten_thousand_keys(four, seed):
    keys = random_keys(seed, 10000)
    check(four, keys)


@pytest.mark.parametrize("distribution, hash_name", PLACES)
def test_route_agrees_for_every_distribution_and_hash(cluster, seed, distribution, hash_name):
    cluster.add_servers(4)
    cluster.start_proxy(distribution=distribution, hash=hash_name, hash_tag="{}",
                        servers=harness.server_lines(cluster.servers, [1, 2, 1, 3]))
    check(cluster, random_keys(seed, 1000))


def test_unnamed_servers_are_named_by_their_address(cluster, seed):
    cluster.add_servers(3)
    cluster.start_proxy(servers=[f"{server.address}:1" for server in cluster.servers])
    keys = random_keys(seed, 1000)
    with cluster.proxy.raw() as client:
        client.pipeline([("SET", key, 1) for key in keys])
    names = {server.name: server.address for server in cluster.servers}
    expected = [names[name] for name in holders(cluster.servers, keys)]
    assert ask_route(cluster.proxy.config, "main", keys) == expected


@pytest.mark.skipif(harness.NUTCRACKER is None, reason="nutcracker is not installed (Debian: apt "
                                                       "install nutcracker)")
@pytest.mark.parametrize("hash_tag", ["", "{}"])
@pytest.mark.parametrize("distribution", ["ketama", "modula"])
@pytest.mark.parametrize("hash_name", ["fnv1a_64", "md5", "crc16", "crc32", "murmur", "jenkins",
                                       "hsieh", "one_at_a_time"])
def test_keys_are_where_twemproxy_puts_them(cluster, seed, distribution, hash_name, hash_tag):
    cluster.add_servers(4)
    options = {"distribution": distribution, "hash": hash_name}
    if hash_tag:
        options["hash_tag"] = hash_tag
    cluster.start_proxy(**options)
    nutcracker = cluster.add_nutcracker(**options)
    keys = [key for key in random_keys(seed, 1000) if key]
    with nutcracker.raw() as client:
        replies = client.pipeline([("SET", key, "from twemproxy") for key in keys])
    assert set(replies) == {b"+OK\r\n"}
    assert ask_route(cluster.proxy.config, "main", keys) == holders(cluster.servers, keys)
    with cluster.proxy.raw() as client:
        replies = client.pipeline([("GET", key) for key in keys])
    assert set(replies) == {b"$14\r\nfrom twemproxy\r\n"}


def test_keys_as_arguments_and_from_stdin(four):
    config = four.proxy.config
    done = harness.ringfold("route", "-c", config, "--pool", "main", "alpha", "two words")
    assert done.returncode == 0
    lines = [line.split("\t") for line in done.stdout.splitlines()]
    assert [line[0] for line in lines] == ["alpha", "two words"]
    addresses = {server.name: server.address for server in four.servers}
    for _, name, address in lines:
        assert address == addresses[name]
    piped = harness.ringfold("route", "-c", config, "--pool", "main", "-",
                             input="alpha\ntwo words\n")
    assert piped.stdout == done.stdout
    in_hex = harness.ringfold("route", "-c", config, "--pool", "main", "--hex",
                              b"alpha".hex(), b"two words".hex())
    assert [line.split("\t")[1:] for line in in_hex.stdout.splitlines()] == [
        line[1:] for line in lines]


def test_bad_use_of_route(four):
    config = four.proxy.config
    unknown = harness.ringfold("route", "-c", config, "--pool", "nosuch", "key")
    assert unknown.returncode in (1, 2)
    assert "nosuch" in unknown.stderr and "main" in unknown.stderr  # says which pools there are
    no_hex = harness.ringfold("route", "-c", config, "--pool", "main", "--hex", "xyz")
    assert no_hex.returncode == 2
    assert re.search("hex", no_hex.stderr)
    assert harness.ringfold("route", "-c", "/nonexistent", "--pool", "main", "k").returncode == 1
    assert harness.ringfold("route", "--pool").returncode == 2


def test_one_server_pools_take_every_key(one):
    with one.proxy.raw() as client:
        assert client.call("SET", b"\xff" * 30, 1) == b"+OK\r\n"
    assert set(ask_route(one.proxy.config, "main", [b"a", b"", b"\xff"])) == {"alpha"}
    assert wire.parse(one.servers[0].raw().call("DBSIZE")) == 1
