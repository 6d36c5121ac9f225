"""ringfold-bench backend: the null server that stands behind what is measured."""

import contextlib
import math
import os
import pathlib
import re
import selectors
import shutil
import signal
import socket
import statistics
import subprocess
import time

import pytest
import redis

import harness
import memcached_wire
import wire

BENCH = pathlib.Path(os.environ.get("RINGFOLD_BENCH_BINARY",
                                    harness.BINARY.parent / "ringfold-bench")).resolve()
BENCHMARK = shutil.which("redis-benchmark")

pytestmark = pytest.mark.skipif(not BENCH.exists(), reason=f"{BENCH} is not built")


class Backend:
    """One running null server."""

    def __init__(self, *arguments):
        self.process = subprocess.Popen([BENCH, "backend", *map(str, arguments)], text=True,
                                        stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        line = self.process.stdout.readline()
        assert line.startswith("listening on "), line + self.process.stderr.read()
        self.endpoint = harness.parse_listen(line.split()[-1])

    def stop(self, sig=signal.SIGTERM):
        """Ends it; what its last line says, by name."""
        self.process.send_signal(sig)
        out, err = self.process.communicate(timeout=harness.STOP_DEADLINE)
        assert self.process.returncode == 0, err
        assert err == ""
        return {name: float(number) for name, number in re.findall(r"(\w+)=([\d.]+)", out)}

    def close(self):
        if self.process.poll() is None:
            self.process.kill()
        self.process.communicate()


@contextlib.contextmanager
def backend(*arguments):
    server = Backend(*arguments)
    try:
        yield server
    finally:
        server.close()


def bench(*arguments):
    return subprocess.run([BENCH, "backend", *map(str, arguments)], capture_output=True, text=True,
                          timeout=harness.STOP_DEADLINE, check=False)


@pytest.mark.parametrize("arguments, word", [
    (["--protocol", "gopher"], "--protocol"),
    (["--listen", "nonsense"], "--listen"),
    (["--listen", "127.0.0.1:99999"], "--listen"),
    (["--value-size", "big"], "no size"),
    (["--hit-ratio", "2"], "--hit-ratio"),
    (["--service-time", "200"], "no service time"),
    (["--error-rate", "x"], "--error-rate"),
    (["--rate-cap", "0"], "--rate-cap"),
    (["--threads", "-1"], "--threads"),
    (["--no-such-option"], "--no-such-option"),
])
def test_bad_usage_is_one_clear_line(arguments, word):
    done = bench(*arguments)
    assert done.returncode == 2
    assert done.stdout == ""
    assert done.stderr.count("\n") == 1 and word in done.stderr, done.stderr


def test_help_tells_all_options():
    done = bench("--help")
    assert done.returncode == 0
    for option in ("--listen", "--service-time", "--swap-rate", "--rate-cap"):
        assert option in done.stdout


def test_a_taken_port_is_said_and_exits_with_3():
    with backend() as server:
        done = bench("--listen", f"127.0.0.1:{server.endpoint[1]}")
        assert done.returncode == 3
        assert done.stderr.count("\n") == 1 and "holds the port" in done.stderr, done.stderr


@pytest.mark.parametrize("sig", [signal.SIGTERM, signal.SIGINT])
def test_it_ends_with_a_summary(sig):
    with backend() as server:
        client = harness.redis_client(server.endpoint)
        for _ in range(10):
            assert client.ping()
        summary = server.stop(sig)
        assert summary["connections"] == 1
        assert summary["requests"] >= 10
        assert summary["cpu_seconds"] > 0 and summary["us_per_request"] > 0
        assert summary["errors"] == summary["corrupted"] == summary["swapped"] == 0


@pytest.mark.parametrize("io", ["uring", "epoll"])
def test_unix_socket_and_several_threads(tmp_path, io):
    path = tmp_path / "null.sock"
    with backend("--listen", f"unix:{path}", "--threads", 2, "--io", io) as server:
        clients = [harness.redis_client(str(path)) for _ in range(8)]
        for client in clients:
            assert len(client.get("key:000000000001")) == 32
        server.stop()
    assert not path.exists()


def test_several_addresses_and_threads():
    with backend("--listen", "127.0.0.1:0", "--listen", "127.0.0.1:0", "--threads", 2) as server:
        second = harness.parse_listen(server.process.stdout.readline().split()[-1])
        assert second != server.endpoint
        for endpoint in (server.endpoint, second):
            for _ in range(8):
                assert harness.redis_client(endpoint).ping()
        assert server.stop()["connections"] == 16


def test_redis_py():
    with backend("--value-size", "100", "--hit-ratio", "1") as server:
        client = harness.redis_client(server.endpoint, client_name="test", db=1, password="secret",
                                      username="user")
        assert client.ping() and client.echo("hello") == b"hello"
        assert client.set("k1", "v") is True
        value = client.get("k1")
        assert len(value) == 100 and client.get("k1") == value != client.get("k2")
        assert client.mget("k1", "k2", "k1")[0::2] == [value, value]
        assert client.mset({"a": 1, "b": 2}) is True
        assert client.delete("a", "b") == 2 and client.exists("a", "b", "a") == 3
        assert client.incr("n") == 1
        assert client.info()["redis_version"].startswith("7.")
        assert client.config_get("save") == {"save": ""}
        assert client.client_id() == 1
        assert client.command_count() > 100
        assert list(client.scan_iter()) == [] and client.lrange("l", 0, -1) == []
        with pytest.raises(redis.ResponseError, match="unknown command"):
            client.execute_command("NONSENSE")
        pipe = client.pipeline(transaction=False)
        for i in range(5000):
            pipe.get(f"key:{i:012}")
        values = pipe.execute()
        assert all(len(each) == 100 for each in values) and len(set(values)) == 5000


def test_pymemcache():
    base = pytest.importorskip("pymemcache.client.base", reason="pymemcache is not installed "
                               "(Debian: apt install python3-pymemcache)")
    with backend("--protocol", "memcached", "--value-size", "64") as server:
        client = base.Client(server.endpoint, timeout=30, connect_timeout=30,
                             default_noreply=False)
        assert client.set("k1", "v") and client.add("k2", "v") and client.replace("k3", "v")
        value = client.get("k1")
        assert len(value) == 64 and client.get("k1") == value
        assert set(client.get_many(["k1", "k2", "k3"])) == {"k1", "k2", "k3"}
        assert client.gets("k1") == (value, b"1") and client.cas("k1", "x", b"1")
        assert client.incr("n", 1) == 1 and client.delete("k1") and client.touch("k1", 5)
        assert client.set_many({f"q{i}": "x" for i in range(100)}, noreply=True) == []
        assert client.version().startswith(b"1.6") and client.stats() and client.flush_all()
        client.quit()
        server.stop()


def test_memcached_meta_commands():
    with backend("--protocol", "memcached", "--hit-ratio", "1") as server:
        client = memcached_wire.Client(server.endpoint)
        for request, start in [(b"mg k1 v k O7\r\n", b"VA 32 kk1 O7\r\n"),
                               (b"ms k1 2 O8\r\nhi\r\n", b"HD O8\r\n"),
                               (b"md k1 q\r\nmn\r\n", b"MN\r\n"),
                               (b"mg key:999999999999 v q\r\nmn\r\n", b"MN\r\n"),
                               (b"set k 0 0 2 noreply\r\nhi\r\nmn\r\n", b"MN\r\n"),
                               (b"nonsense\r\n", b"ERROR\r\n")]:
            client.send(request)
            assert client.reply().startswith(start)


@pytest.mark.heavy
@pytest.mark.skipif(BENCHMARK is None, reason="redis-benchmark is not installed (Debian: "
                                              "apt install redis-tools)")
@pytest.mark.parametrize("arguments", [["-n", 5000], ["-n", 50000, "-P", 16, "-t", "get,set,mset"]])
def test_redis_benchmark(arguments):
    with backend() as server:
        command = [BENCHMARK, "-p", str(server.endpoint[1]), "-q", *map(str, arguments)]
        done = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
        assert done.returncode == 0
        assert "error" not in (done.stdout + done.stderr).lower(), done.stdout + done.stderr
        assert "WARN" not in done.stderr
        assert server.stop()["errors"] == 0


def test_sizes_and_hits_are_shares_of_the_keys():
    with backend("--value-size", "32:70,1024:30", "--hit-ratio", "0.8") as server:
        client = harness.redis_client(server.endpoint)
        values = client.mget([f"key:{i:012}" for i in range(20000)])
        hits = [value for value in values if value is not None]
        assert abs(len(hits) / 20000 - 0.8) < 0.01
        assert {len(value) for value in hits} == {32, 1024}
        assert abs(sum(len(value) == 32 for value in hits) / len(hits) - 0.7) < 0.015
        assert client.get("key:500000000001") is None
        assert values[:100] == client.mget([f"key:{i:012}" for i in range(100)])


def test_large_values_both_ways():
    size = 3 * 1024 * 1024 + 7
    with backend("--value-size", size) as server:
        client = wire.RawClient(server.endpoint)
        client.send(wire.encode("set", "k", bytes(size)) + wire.encode("get", "k1") * 3)
        replies = [client.reply() for _ in range(4)]
        assert replies[0] == b"+OK\r\n"
        assert len(replies[1]) == size + len(f"${size}\r\n\r\n")
        assert replies[1] == replies[2] == replies[3]


def test_a_client_that_does_not_read_is_not_read():
    """Its requests wait in its own socket, and in the end all are answered."""
    count, size = 3000, 100_000
    with backend("--value-size", size) as server:
        client = wire.RawClient(server.endpoint)
        request = wire.encode("get", "key:000000000001")
        client.send(request * count)
        others = harness.redis_client(server.endpoint)
        assert others.ping()
        status = pathlib.Path(f"/proc/{server.process.pid}/status").read_text()
        assert int(re.search(r"VmRSS:\s+(\d+)", status).group(1)) < 100_000  # KiB
        for _ in range(count):
            assert len(client.reply()) == size + len(f"${size}\r\n\r\n")


def latencies(endpoint, connections, count):
    """Seconds of each of count requests, one in flight on each connection."""
    request = wire.encode("get", "key:000000000001")
    clock = time.perf_counter
    with selectors.DefaultSelector() as selector, contextlib.ExitStack() as stack:
        keys = []
        for _ in range(connections):
            sock = stack.enter_context(wire.connect(endpoint, timeout=wire.REPLY_DEADLINE))
            keys.append(selector.register(sock, selectors.EVENT_READ, [0.0]))
        samples = []
        for key in keys:
            key.data[0] = clock()
            key.fileobj.send(request)
        sent = connections
        while len(samples) < count:
            for key, _ in selector.select():
                now = clock()
                assert len(key.fileobj.recv(4096)) == 39
                samples.append(now - key.data[0])
                if sent < count:
                    sent += 1
                    key.data[0] = clock()
                    key.fileobj.send(request)
        return samples


# The law, how many connections ask how often, and its quantiles in milliseconds. Few ask where all
# are answered in the same moment: this client takes its time for each.
NORMAL = statistics.NormalDist()
LAWS = {
    "40ms": (4, 400, lambda p: 40),
    "uniform:30ms-60ms": (60, 12000, lambda p: 30 + 30 * p),
    # median * exp(sigma * quantile of the normal distribution)
    "lognormal:40ms,0.3": (60, 12000, lambda p: 40 * math.exp(0.3 * NORMAL.inv_cdf(p))),
}


def waited_for_cores(*processes):
    """Seconds for which these processes could have run, but others did (proc(5), schedstat)."""
    files = [file for pid in processes
             for file in pathlib.Path(f"/proc/{pid}/task").glob("*/schedstat")]
    return sum(int(file.read_text().split()[1]) for file in files) / 1e9


@pytest.mark.heavy
@pytest.mark.parametrize("law", LAWS)
def test_service_times_are_measured_back_to_2_percent(law):
    """The machine's own delays come on top, tenths of a millisecond when nobody else works on it.
    So the best of three runs counts, and none in which others had the cores for so long that 2 %
    cannot be seen; the draws are the same in each, by their seed."""
    connections, count, quantile = LAWS[law]
    worst = []
    for _ in range(3):
        with backend("--service-time", law, "--seed", 3) as server:
            processes = (os.getpid(), server.process.pid)
            before = waited_for_cores(*processes)
            cuts = statistics.quantiles(latencies(server.endpoint, connections, count), n=100)
            waited = (waited_for_cores(*processes) - before) / count
        strays = {p: cuts[p - 1] * 1000 / quantile(p / 100) - 1 for p in (10, 25, 50, 75, 90, 95)}
        stray = max(abs(stray) for stray in strays.values())
        print(law, {p: f"{stray:+.2%}" for p, stray in strays.items()}, f"waited {waited:.6f} s")
        if stray <= 0.02:
            return
        if waited < 50e-6:
            worst.append(stray)
    if not worst:
        pytest.skip("others keep the cores of this machine busy")
    raise AssertionError(f"measured {worst} beside what was ordered")


def test_replies_of_a_connection_keep_their_order():
    with backend("--service-time", "uniform:0ms-5ms") as server:
        client = wire.RawClient(server.endpoint)
        keys = [f"key:{i:012}" for i in range(300)]
        expected = {}
        plain = harness.redis_client(server.endpoint)
        for key in keys[::50]:
            expected[key] = plain.get(key)
        client.send(b"".join(wire.encode("get", key) for key in keys))
        values = [wire.parse(client.reply()) for _ in keys]
        assert len(set(values)) == len(keys)
        for key, value in expected.items():
            assert values[keys.index(key)] == value


def test_the_rate_cap_makes_requests_queue():
    with backend("--rate-cap", 2000) as server:
        client = wire.RawClient(server.endpoint)
        start = time.monotonic()
        client.send(wire.encode("get", "k1") * 1000)
        for _ in range(1000):
            client.reply()
        elapsed = time.monotonic() - start
        assert 0.499 <= elapsed < 2


def ask_pipelined(endpoint, keys, batch=50):
    client = wire.RawClient(endpoint)
    values = []
    for first in range(0, len(keys), batch):
        part = keys[first:first + batch]
        client.send(b"".join(wire.encode("get", key) for key in part))
        values += [wire.parse(client.reply()) for _ in part]
    client.close()
    return values


KEYS = [f"key:{i:012}" for i in range(20000)]


@pytest.fixture(scope="module")
def right_values():
    with backend() as server:
        return ask_pipelined(server.endpoint, KEYS)


def test_corruption_is_visible_and_counted(right_values):
    with backend("--corrupt-rate", "1/500") as server:
        values = ask_pipelined(server.endpoint, KEYS)
        wrong = [(value, right) for value, right in zip(values, right_values) if value != right]
        assert all(sum(a != b for a, b in zip(*pair)) == 1 for pair in wrong)
        assert 15 < len(wrong) < 80
        assert server.stop()["corrupted"] == len(wrong)


def test_swaps_on_one_connection_are_visible_and_counted(right_values):
    with backend("--swap-rate", "1/500") as server:
        values = ask_pipelined(server.endpoint, KEYS)
        wrong = [i for i, (value, right) in enumerate(zip(values, right_values)) if value != right]
        assert 30 < len(wrong) < 160
        assert sorted(values[i] for i in wrong) == sorted(right_values[i] for i in wrong)
        assert server.stop()["swapped"] * 2 == len(wrong)


def test_swaps_between_connections_are_visible_and_counted(right_values):
    with backend("--swap-rate", "1/20") as server:
        clients = [wire.RawClient(server.endpoint) for _ in range(20)]
        wrong = 0
        for first in range(0, 10000, len(clients)):
            for i, client in enumerate(clients):
                client.send(wire.encode("get", KEYS[first + i]))
            for i, client in enumerate(clients):
                wrong += wire.parse(client.reply()) != right_values[first + i]
        assert wrong > 0
        assert server.stop()["swapped"] * 2 == wrong


def test_errors_come_at_their_rate_and_small_talk_is_spared():
    with backend("--error-rate", "0.1", "--corrupt-rate", "0.1", "--swap-rate", "0.1") as server:
        client = wire.RawClient(server.endpoint)
        client.send(wire.encode("get", "k1") * 5000)
        errors = sum(client.reply().startswith(b"-ERR") for _ in range(5000))
        assert 400 < errors < 600
        for _ in range(200):
            client.send(wire.encode("ping"))
            assert client.reply() == b"+PONG\r\n"
        assert server.stop()["errors"] == errors


def test_memcached_sabotage():
    with backend("--protocol", "memcached", "--corrupt-rate", "0.05", "--error-rate",
                 "0.05") as server:
        client = memcached_wire.Client(server.endpoint)
        replies = []
        for _ in range(2000):
            client.send(b"get k1\r\n")
            replies.append(client.reply())
        right = max(set(replies), key=replies.count)
        errors = sum(reply.startswith(b"SERVER_ERROR") for reply in replies)
        corrupted = sum(reply != right for reply in replies) - errors
        summary = server.stop()
        assert summary["errors"] == errors > 50
        assert summary["corrupted"] == corrupted > 50


def test_many_connections_come_and_go():
    with backend("--service-time", "1ms") as server:
        for _ in range(20):
            socks = [wire.connect(server.endpoint, timeout=30) for _ in range(50)]
            for index, sock in enumerate(socks):
                sock.sendall(wire.encode("get", "k1"))
                if index % 3 == 0:
                    sock.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, b"\1\0\0\0\0\0\0\0")
                    sock.close()  # a reset, with the reply still to come
            for index, sock in enumerate(socks):
                if index % 3 != 0:
                    assert len(sock.recv(100)) == 39
                    sock.close()
        assert harness.redis_client(server.endpoint).ping()
        assert server.stop()["connections"] >= 1000


def test_behind_the_proxy(cluster):
    with backend("--value-size", "50") as first, backend("--value-size", "50") as second:
        servers = [f"127.0.0.1:{server.endpoint[1]}:1 s{i}"
                   for i, server in enumerate((first, second))]
        cluster.start_proxy_with([{"name": "main", "servers": servers}])
        values = cluster.proxy.client().mget([f"key:{i:012}" for i in range(1000)])
        assert all(len(value) == 50 for value in values)
        assert len(set(values)) == 1000
