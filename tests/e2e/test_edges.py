"""What a kernel does to a busy program now and then, all the time: rings, buffers and sockets so
tiny that no receive finds a buffer, completions overflow and sends are cut short
(RINGFOLD_TEST_RING, see tests/README.md). Nobody may notice, and nothing may be left behind."""

import concurrent.futures
import random
import re
import select
import socket
import struct
import subprocess
import sys

import pytest

import harness
import memcached_wire
import wire

VARIABLE = "RINGFOLD_TEST_RING"
RINGS = {
    # No buffer left, completion queue and submission queue full, at nearly every turn.
    "tiny": "sq=4,cq=8,buffers=8,buffer_bytes=256",
    "smallest": "sq=1,cq=2,buffers=1,buffer_bytes=64,send_buffer_bytes=1",
    # Sends that the socket takes in part, or not at all at first.
    "short-sends": "sq=8,cq=16,buffers=4,buffer_bytes=4096,send_buffer_bytes=1",
    # As on the oldest kernel: a buffer a receive, a completion a send.
    "oldest": "sq=4,cq=8,buffers=8,buffer_bytes=512,send_buffer_bytes=1,without=defer_taskrun"
              "+incremental_buffers+silent_sends+vectorized_send+no_iowait+registered_ring",
}
MOST = ["tiny", "short-sends", "oldest"]
CLIENTS_AT_ONCE = 40


@pytest.fixture(params=MOST)
def ring(request, monkeypatch):
    monkeypatch.setenv(VARIABLE, RINGS[request.param])
    return request.param


@pytest.fixture(params=["redis", "memcached"])
def proxy(request, ring, cluster):
    """A proxy on such a ring, in front of two servers; checked for what it keeps at the end."""
    if request.param == "redis":
        cluster.add_servers(2)
    elif harness.MEMCACHED is None:
        pytest.skip("memcached is not installed")
    else:
        cluster.add_memcacheds(2)
    one = cluster.start_proxy(protocol=request.param)
    lines = [line for line in one.stderr().splitlines() if VARIABLE in line]
    assert len(lines) == 1 and " warn " in lines[0] and RINGS[ring] in lines[0], lines
    check_service(one)
    idle = settled_descriptors(one)
    yield one
    check_service(one)
    harness.wait_until(lambda: one.descriptors() <= idle,
                       f"{idle} descriptors and no more")


def settled_descriptors(proxy):
    """What it has open when it has nothing to do: both servers are connected, nobody else is."""
    ports = {harness.parse_listen(server.rsplit(":", 1)[0]) for server in proxy.pools[0]["servers"]}
    assert len(ports) == 2
    seen = [0]

    def is_settled():
        seen.append(proxy.descriptors())
        return len(seen) > 40 and len(set(seen[-40:])) == 1
    harness.wait_until(is_settled, "the number of descriptors to settle")
    return seen[-1]


class Speaker:
    """The requests and replies of one protocol, and a value for each that no other has."""

    def __init__(self, proxy, seed):
        self.is_redis = proxy.pools[0]["protocol"] == "redis"
        self.endpoint = proxy.endpoint
        self.random = random.Random(seed)
        self.seed = seed
        self.count = 0
        self.visits = 0

    def connect(self):
        # What a client that left had still sent may be carried out later: it has keys of its own.
        self.visits += 1
        kind = wire.RawClient if self.is_redis else memcached_wire.Client
        return kind(self.endpoint)

    def value(self, size_max):
        """Names its owner at every place, so that no piece of it fits into another value."""
        self.count += 1
        token = b"<%d.%d>" % (self.seed, self.count)
        size = self.random.choice((0, 10, 300, 5000, size_max))
        return (token * (size // len(token) + 1))[:max(size, len(token))]

    def set(self, key, value):
        if self.is_redis:
            return wire.encode("SET", key, value), b"+OK\r\n"
        return memcached_wire.store("set", key, value), b"STORED\r\n"

    def get(self, key, value):
        if self.is_redis:
            return wire.encode("GET", key), b"$%d\r\n%s\r\n" % (len(value), value)
        head = b"VALUE %s 0 %d\r\n" % (key.encode(), len(value))
        return memcached_wire.line("get", key), head + value + b"\r\nEND\r\n"

    def burst(self, depth, size_max):
        """Requests to be sent at once, and what must come back, in this order."""
        pairs = []
        for _ in range(depth):
            key = f"key:{self.seed}:{self.visits}:{self.random.randrange(20)}"
            value = self.value(size_max)
            pairs += [self.set(key, value), self.get(key, value)]
        return pairs


def check_burst(client, pairs):
    replies = client.exchange([b"".join(request for request, _ in pairs)], len(pairs))
    for (request, expected), reply in zip(pairs, replies):
        assert reply == expected, (request[:100], reply[:200], expected[:200])


def check_service(proxy):
    speaker = Speaker(proxy, 0)
    with speaker.connect() as client:
        check_burst(client, speaker.burst(10, 10_000))


def in_parallel(work, count):
    """work(0), work(1), ...: the first failure, if any."""
    with concurrent.futures.ThreadPoolExecutor(CLIENTS_AT_ONCE) as pool:
        for future in [pool.submit(work, index) for index in range(count)]:
            future.result()


def leave_with_a_reset(client):
    client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    client.close()


def test_hundreds_of_clients_with_long_pipelines(proxy):
    """Each reply is the one to its request, to the last byte."""
    def visit(index):
        speaker = Speaker(proxy, 1 + index)
        with speaker.connect() as client:
            for depth, size_max in ((30, 3000), (1, 200_000), (1, 10)):
                check_burst(client, speaker.burst(depth, size_max))
    in_parallel(visit, 200)


def test_clients_that_leave_in_mid_flight_and_come_back(proxy):
    """Their descriptors' numbers are taken again at once, while answers to those who left are on
    their way; whoever comes gets his own only."""
    def visit(index):
        speaker = Speaker(proxy, 1 + index)
        for turn in range(6):
            client = speaker.connect()
            pairs = speaker.burst(20, 20_000)
            data = b"".join(request for request, _ in pairs)
            cut = speaker.random.randrange(1, len(data))
            client.socket.settimeout(wire.REPLY_DEADLINE)
            # In the middle of a request, or of a reply, or of both.
            client.send(data[:min(cut, 60_000)])
            if turn % 2:
                select.select([client.socket], [], [], 0.002)
                leave_with_a_reset(client)
            else:
                client.close()
            with speaker.connect() as client:
                check_burst(client, speaker.burst(3, 3000))
    in_parallel(visit, 100)


def test_clients_that_speak_and_reset_at_once(proxy):
    """No end is missed, whatever comes right in front of it."""
    speaker = Speaker(proxy, 1)
    request, _ = speaker.get("key", b"")
    for index in range(2000):
        client = speaker.connect()
        client.send(request[:-1] if index % 3 else request)
        leave_with_a_reset(client)


def test_readers_that_stall(proxy):
    """Many sends that come to a stop in the middle of a reply, and go on from there; meanwhile the
    others are served."""
    big = Speaker(proxy, 1)
    sets = []
    gets = []
    rounds = 4
    for index in range(8):
        value = b"<%d>" % index * 30_000
        sets.append(big.set(f"big{index}", value))
        gets.append(big.get(f"big{index}", value))
    with big.connect() as client:
        check_burst(client, sets)
    stalled = []
    try:
        for _ in range(10):
            client = big.connect()
            client.socket.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 1 << 16)
            client.send(b"".join(request for request, _ in gets * rounds))
            stalled.append(client)
        in_parallel(lambda index: check_service(proxy), 40)
        for client in stalled:
            assert client.replies(len(gets) * rounds) == [expected for _, expected in gets * rounds]
    finally:
        for client in stalled:
            client.close()


@pytest.mark.parametrize("ring", ["smallest"], indirect=True)
def test_the_smallest_ring_serves(proxy):
    """One submission, one buffer of 64 bytes."""
    def visit(index):
        speaker = Speaker(proxy, 1 + index)
        with speaker.connect() as client:
            check_burst(client, speaker.burst(5, 2000))
    in_parallel(visit, 30)


@pytest.mark.heavy
@pytest.mark.parametrize("ring", ["tiny"], indirect=True)
@pytest.mark.parametrize("protocol", ["redis", "memcached"])
def test_torture(ring, protocol, seed):
    """Servers that die and freeze beside all that; see tests/torture/torture.py. What it asks of a
    second is little, for a tiny ring is slow."""
    driver = harness.ROOT / "build" / "tests" / "torture" / "torture_driver"
    if not driver.exists():
        pytest.skip(f"{driver} is not built")
    done = subprocess.run(
        [sys.executable, harness.ROOT / "tests/torture/torture.py", "--protocol", protocol,
         "--threads", "1", "--secs", "6", "--seed", str(seed), "--rate", "3000",
         "--connections", "200", "--no-network", "--io", harness.IO or "auto", "--binary",
         harness.BINARY, "--driver", driver],
        capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, f"{ring}:\n{done.stdout[-20_000:]}\n{done.stderr[-2000:]}"
    assert "1 runs without a violation" in done.stdout


def test_what_is_not_understood_is_refused(cluster, monkeypatch):
    cluster.add_server()
    config = cluster.directory / "ringfold.toml"
    pool = {**cluster.one_pool()[0], "listen": f"127.0.0.1:{harness.free_port()}"}
    config.write_text(harness.toml({}, [pool]))
    for value, reason in (("", "empty"), ("sq=x", "sq must be a number from 1 to"),
                          ("rings=2", '"rings" is not one of sq, cq, '),
                          ("buffers=3", "power of two"), ("without=x", "not a feature")):
        monkeypatch.setenv(VARIABLE, value)
        done = harness.ringfold("-c", config)
        assert done.returncode == harness.EXIT_COULD_NOT_START
        last = done.stderr.splitlines()[-1]
        assert re.match(rf"ringfold: {VARIABLE}: .*{re.escape(reason)}", last), done.stderr


def test_nothing_is_said_where_it_is_not_set(cluster, monkeypatch):
    monkeypatch.delenv(VARIABLE, raising=False)
    cluster.add_server()
    proxy = cluster.start_proxy()
    with proxy.raw() as client:
        assert client.call("PING") == b"+PONG\r\n"
    assert VARIABLE not in proxy.stderr()
