"""Large values, hostile bytes, many clients. While one client misbehaves, a polite one must keep
getting right answers."""

import os
import random
import socket
import threading

import pytest

import harness
import wire

MIB = 1 << 20
RSS_SLACK = 10 * MIB


class PoliteClient:
    """Writes and reads in a thread of its own, and checks every reply, until it is told to end."""

    def __init__(self, proxy):
        self.client = proxy.raw()
        self.rounds = 0
        self.failure = None
        self.ending = threading.Event()
        self.thread = threading.Thread(target=self._run)

    def _run(self):
        try:
            while not self.ending.is_set():
                number = self.rounds
                key = f"polite-{number % 100}"
                assert self.client.call("SET", key, number) == b"+OK\r\n"
                assert self.client.value("GET", key) == b"%d" % number
                assert self.client.value("MGET", key, "none") == [b"%d" % number, None]
                self.rounds += 1
        except Exception as error:  # pylint: disable=broad-except
            self.failure = error

    def __enter__(self):
        self.thread.start()
        return self

    def __exit__(self, *_):
        rounds = self.rounds
        harness.wait_until(lambda: self.failure or self.rounds > rounds,
                           "the polite client to get another answer")
        self.ending.set()
        self.thread.join()
        self.client.close()
        assert self.failure is None, repr(self.failure)


def pattern(size):
    """size bytes in which any two places look different."""
    block = random.Random(size).randbytes(min(size, 65521))  # a prime, so that it fits no buffer
    return (block * (size // max(len(block), 1) + 1))[:size]


@pytest.mark.parametrize("size", [
    0, 1, 2, 15, 16, 17, 63, 64, 65, 4095, 4096, 4097, 16383, 16384, 16385, 65535, 65536, 65537,
    262143, 262144, 262145, 1000000, MIB, 10 * MIB + 1])
def test_values_of_all_sizes(four, size):
    value = pattern(size)
    with four.proxy.raw() as client:
        replies = client.pipeline([("SET", "key", value), ("GET", "key"), ("STRLEN", "key"),
                                   ("MSET", "a", value, "b", "small", "c", value),
                                   ("MGET", "a", "b", "none", "c"), ("PING",)])
    bulk = b"$%d\r\n%s\r\n" % (size, value)
    assert replies[0] == b"+OK\r\n"
    assert replies[1] == bulk
    assert replies[2] == b":%d\r\n" % size
    assert replies[3] == b"+OK\r\n"
    assert replies[4] == b"*4\r\n%s$5\r\nsmall\r\n$-1\r\n%s" % (bulk, bulk)
    assert replies[5] == b"+PONG\r\n"


@pytest.mark.heavy
@pytest.mark.parametrize("size", [
    64 * MIB,
    pytest.param(512 * MIB, marks=pytest.mark.skipif(
        "RINGFOLD_BIG_TESTS" not in os.environ, reason="takes 4 GiB: set RINGFOLD_BIG_TESTS=1")),
])
def test_memory_returns_after_a_large_value(cluster, size):
    cluster.add_servers(4)
    proxy = cluster.start_proxy(timeout_ms=120000)
    value = bytes(pattern(MIB)) * (size // MIB)
    with proxy.raw(timeout=300) as client:
        for index in range(100):
            client.call("SET", f"key-{index}", "warm")
        before = proxy.rss()
        client.send(b"*3\r\n$3\r\nSET\r\n$3\r\nbig\r\n$%d\r\n" % size)
        client.send(value)
        client.send(b"\r\n")
        assert client.reply() == b"+OK\r\n"
        assert client.value("STRLEN", "big") == size
        assert client.value("GET", "big") == value
        assert client.call("DEL", "big") == b":1\r\n"
    harness.wait_until(lambda: proxy.rss() < before + RSS_SLACK,
                       f"memory to return to {before // MIB} MiB + 10 MiB, it is at "
                       f"{proxy.rss() // MIB} MiB", deadline=20)


def test_many_keys_in_one_command(four):
    with four.proxy.raw() as client:
        count = 100000
        pairs = [word for index in range(count) for word in (b"k%d" % index, b"%d" % index)]
        assert client.pipeline([("MSET", *pairs)]) == [b"+OK\r\n"]
        keys = pairs[::2]
        assert wire.parse(client.pipeline([("MGET", *keys)])[0]) == pairs[1::2]
        assert client.pipeline([("EXISTS", *keys)]) == [b":%d\r\n" % count]
        assert client.pipeline([("DEL", *keys)]) == [b":%d\r\n" % count]


def test_a_client_that_drips_a_large_request_holds_up_nobody(four):
    with PoliteClient(four.proxy) as polite, four.proxy.raw() as slow:
        slow.send(b"*3\r\n$3\r\nSET\r\n$4\r\nslow\r\n$%d\r\n" % (8 * MIB))
        value = pattern(8 * MIB)
        for begin in range(0, len(value), 256 * 1024):
            slow.send(value[begin:begin + 256 * 1024])
            rounds = polite.rounds
            harness.wait_until(lambda: polite.rounds > rounds or polite.failure, "a polite answer")
        slow.send(b"\r\n")
        assert slow.reply() == b"+OK\r\n"
        assert slow.value("STRLEN", "slow") == 8 * MIB


def test_a_client_that_does_not_read_holds_up_nobody(four):
    with four.proxy.raw() as client:
        client.call("SET", "key", pattern(100000))
    with PoliteClient(four.proxy) as polite, four.proxy.raw() as deaf:
        before = four.proxy.rss()
        deaf.socket.setblocking(False)
        requests = wire.encode("GET", "key") * 100
        sent = 0
        try:
            while sent < 20000:  # 2 GB of replies, if the proxy took them all
                deaf.socket.send(requests)
                sent += 100
        except (BlockingIOError, ConnectionError):
            pass
        for _ in range(20):
            rounds = polite.rounds
            harness.wait_until(lambda: polite.rounds > rounds or polite.failure, "a polite answer")
        assert four.proxy.rss() < before + 1200 * MIB  # client_output_limit is 1 GiB


# Hostile bytes


HOSTILE = {
    "negative bulk length": b"*2\r\n$3\r\nGET\r\n$-5\r\n",
    "null bulk": b"*2\r\n$3\r\nGET\r\n$-1\r\n",
    "overflowing bulk length": b"*2\r\n$3\r\nGET\r\n$99999999999999999999999\r\n",
    "bulk length of 2^64": b"*2\r\n$3\r\nGET\r\n$18446744073709551616\r\n",
    "bulk length of 2^63": b"*2\r\n$3\r\nGET\r\n$9223372036854775808\r\n",
    "bulk length of 2^32 + 3": b"*2\r\n$3\r\nGET\r\n$4294967299\r\nabc\r\n",
    "overflowing array length": b"*99999999999999999999999\r\n",
    "array of 2^32 + 1": b"*4294967297\r\n$4\r\nPING\r\n",
    "array of 2^31": b"*2147483648\r\n",
    "no digits": b"*\r\n$\r\n",
    "letters": b"*2x\r\n$3\r\nGET\r\n",
    "plus sign": b"*+1\r\n$4\r\nPING\r\n",
    "wrong length": b"*1\r\n$3\r\nPING\r\n*1\r\n$4\r\nPING\r\n",
    "nested array": b"*1\r\n*1\r\n$4\r\nPING\r\n",
    "endless digits": b"*" + b"1" * 100000,
    "endless bulk digits": b"*1\r\n$" + b"1" * 100000,
    "endless inline": b"a" * 200000,
    "zero bytes": b"\0" * 200000,
    "only line ends": b"\r\n" * 200000,
    "only empty arrays": b"*0\r\n" * 200000,
}


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_bytes(four, name):
    """An error or a close, or nothing where nothing is due; never a crash, nobody else affected."""
    with PoliteClient(four.proxy), four.proxy.raw() as client:
        try:
            client.send(HOSTILE[name])
            client.socket.shutdown(socket.SHUT_WR)
        except ConnectionError:
            pass
        answer = client.read_to_end()
        assert answer == b"" or answer.startswith((b"-ERR", b"+PONG")), answer[:200]
    four.proxy.check_alive()


@pytest.mark.parametrize("length", [1000 * 1000 * 1000, 512 * MIB, 512 * MIB + 1])
def test_declared_lengths_take_no_memory(four, length):
    """A length is a promise; memory is taken when the bytes come."""
    before = four.proxy.rss()
    clients = [four.proxy.raw() for _ in range(20)]
    try:
        with PoliteClient(four.proxy):
            for client in clients:
                client.send(b"*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$%d\r\nabc" % length)
            if length > 512 * MIB:
                for client in clients:
                    assert client.read_to_end().startswith(b"-ERR Protocol error")
        assert four.proxy.rss() < before + 50 * MIB
    finally:
        for client in clients:
            client.close()


def test_arrays_of_a_million(four):
    million = 1000000
    with PoliteClient(four.proxy):
        with four.proxy.raw(timeout=120) as client:
            data = b"*%d\r\n$6\r\nEXISTS\r\n" % million + b"$1\r\nk\r\n" * (million - 1)
            assert client.exchange([data], 1) == [b":0\r\n"]
            data = b"*%d\r\n$3\r\nGET\r\n" % million + b"$1\r\nk\r\n" * (million - 1)
            assert isinstance(wire.parse(client.exchange([data], 1)[0]), wire.ErrorReply)
            assert client.call("PING") == b"+PONG\r\n"
        with four.proxy.raw() as client:  # announced, never sent
            client.send(b"*%d\r\n$4\r\nMGET\r\n" % million)
        with four.proxy.raw() as client:
            client.send(b"*1048577\r\n$4\r\nMGET\r\n")
            assert client.read_to_end() == b"-ERR Protocol error: invalid multibulk length\r\n"


@pytest.mark.parametrize("seed_offset, total", [
    (0, 2 * MIB), pytest.param(1, 64 * MIB, marks=pytest.mark.heavy)])
def test_random_bytes(four, seed, seed_offset, total):
    dice = random.Random(seed + seed_offset)
    alphabets = [None, b"*$\r\n0123456789-", b"*1\r\n$4\r\nPING\r\nGET "]
    sent = 0
    with PoliteClient(four.proxy):
        while sent < total:
            data = dice.randbytes(dice.randrange(1, 2 * total // 64 + 2))
            alphabet = dice.choice(alphabets)
            if alphabet:
                data = bytes(alphabet[byte % len(alphabet)] for byte in data[:65536])
            with four.proxy.raw() as client:
                try:
                    client.send(dice.choice([b"", b"*", b"*3\r\n$3\r\nSET\r\n$", b"PING "]) + data)
                except ConnectionError:
                    pass
            sent += len(data)
            four.proxy.check_alive()


@pytest.mark.heavy
def test_five_hundred_clients(cluster):
    cluster.add_servers(4)
    proxy = cluster.start_proxy(threads=2)
    clients = [proxy.raw() for _ in range(500)]
    try:
        for turn in range(5):
            for number, client in enumerate(clients):
                client.send(wire.encode("SET", f"key-{number}", turn)
                            + wire.encode("GET", f"key-{number}")
                            + wire.encode("MGET", f"key-{number}", "none"))
            for client in clients:
                assert client.replies(3) == [b"+OK\r\n", b"$1\r\n%d\r\n" % turn,
                                             b"*2\r\n$1\r\n%d\r\n$-1\r\n" % turn]
    finally:
        for client in clients:
            client.close()


@pytest.mark.parametrize("threads", [1, 3])
def test_client_connections_limit(cluster, threads):
    """Of all threads together, wherever the kernel puts the connections."""
    cluster.add_server()
    proxy = cluster.start_proxy(client_connections=5, threads=threads)

    def served():
        """Five clients fit; harness.accepts() may still have one of the places."""
        clients = [proxy.raw() for _ in range(5)]
        try:
            return all(client.call("PING") == b"+PONG\r\n" for client in clients) and clients
        except wire.ConnectionClosed:
            for client in clients:
                client.close()
            return None

    clients = harness.wait_until(served, "five clients to be served")
    with proxy.raw() as sixth:
        assert sixth.read_to_end() in (b"", b"-ERR ringfold: max number of clients reached\r\n")
    for client in clients:
        client.close()
    for client in harness.wait_until(served, "places to become free"):
        client.close()


def test_max_request_size(cluster):
    cluster.add_server()
    proxy = cluster.start_proxy(max_request_size="1MiB")
    with proxy.raw() as client:
        assert client.call("SET", "key", pattern(MIB - 1000)) == b"+OK\r\n"
        client.send(b"*3\r\n$3\r\nSET\r\n$3\r\nkey\r\n$%d\r\n" % (2 * MIB))
        assert client.read_to_end().startswith(b"-ERR Protocol error")
    assert proxy.client().strlen("key") == MIB - 1000
