"""ringfold-bench load: the open loop keeps its schedule and leaves out nothing."""

import csv
import io
import math
import shutil
import subprocess
import time

import pytest

import harness
from bench_load import BENCH, WRONG_REPLIES, Load, load

BENCHMARK = shutil.which("redis-benchmark")
RATE = 1000
SECONDS = 10
STALL = 1.0

pytestmark = pytest.mark.skipif(not BENCH.exists(), reason=f"{BENCH} is not built")


@pytest.fixture
def server(cluster):
    return cluster.add_server()


def stall(server, begins_after):
    """Freezes the server for STALL seconds; how long exactly, at least and at most."""
    time.sleep(begins_after)
    asked = time.monotonic()
    server.pause()
    frozen = time.monotonic()
    time.sleep(STALL)
    least = time.monotonic() - frozen
    server.resume()
    return least, time.monotonic() - asked


def run_with_a_stall(server, *arguments):
    """A run whose stall is known to 2 %, on a machine that did not itself stand still for long: its
    result and the length of the stall."""
    for _ in range(5):
        run = Load(server.directory, server.endpoint, "--rate", RATE, "--seconds", SECONDS,
                   *arguments)
        least, most = stall(server, SECONDS / 3)
        result = run.finish()
        if most - least < 0.02 * STALL and result["schedule_lag_us"]["max"] < 0.25e6 * STALL:
            return result, least
    raise AssertionError("this machine stalls by itself")


@pytest.mark.parametrize("arrivals", ["poisson", "even"])
def test_a_stall_is_in_the_percentiles_as_theory_has_it(server, arrivals):
    """Of the requests of SECONDS seconds, those of the stall have waited for its rest: a share of
    STALL / SECONDS of all, evenly between 0 and the stall. So percentile p of all is the percentile
    1 - (1 - p) * SECONDS / STALL of these, for every p beyond 1 - STALL / SECONDS."""
    result, length = run_with_a_stall(server, "--arrivals", arrivals)
    latency = {name: value / 1e6 for name, value in result["latency_us"].items()}
    count = result["counts"]["requests"]
    assert latency["max"] == pytest.approx(length, rel=0.05)
    assert latency["p99"] == pytest.approx(length - 0.01 * count / RATE, rel=0.05)
    if arrivals == "even":  # Poisson's number of requests in half a second varies by 4 %
        assert latency["p95"] == pytest.approx(length - 0.05 * count / RATE, rel=0.05)
    assert latency["p50"] < length / 20
    # All of the schedule was sent and answered, the requests of the stall too.
    if arrivals == "even":
        assert count == RATE * SECONDS
    assert abs(count - RATE * SECONDS) < 5 * math.sqrt(RATE * SECONDS)
    assert result["counts"]["unsent"] == result["counts"]["unanswered"] == 0


@pytest.mark.skipif(BENCHMARK is None, reason="redis-benchmark is not installed")
def test_redis_benchmark_leaves_the_stall_out(server):
    """The same stall for a client that sends its next request only after a reply: of everything
    that it left out, one request a connection has waited."""
    calibration = measure_by_redis_benchmark(server, 20000)
    requests = int(float(calibration["rps"]) * 4)
    process = start_redis_benchmark(server, requests)
    stall(server, 1)
    result = row_of(process.communicate(timeout=60)[0])
    assert float(result["max_latency_ms"]) > 900  # it was there, ...
    assert float(result["p99_latency_ms"]) < 100  # ... and 99 % know nothing of it


def start_redis_benchmark(server, requests):
    return subprocess.Popen([BENCHMARK, "-p", str(server.port), "-n", str(requests), "-t", "get",
                             "--csv"], stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)


def row_of(text):
    return next(csv.DictReader(io.StringIO(text)))


def measure_by_redis_benchmark(server, requests):
    return row_of(start_redis_benchmark(server, requests).communicate(timeout=60)[0])


@pytest.mark.parametrize("shape", [["-c", 1], ["-c", 50, "--threads", 2], ["-c", 300]],
                         ids=lambda words: " ".join(map(str, words)))
def test_the_schedule_is_kept(server, shape):
    even = load(server, "--rate", 5000, "--seconds", 1, "--arrivals", "even", *shape)
    assert even["counts"]["requests"] == 5000
    poisson = load(server, "--rate", 5000, "--seconds", 1, *shape)
    assert abs(poisson["counts"]["requests"] - 5000) < 5 * math.sqrt(5000)
    assert server.client().info("commandstats")["cmdstat_get"]["calls"] == sum(
        run["by_command"][0]["requests"] for run in (even, poisson))


def test_rate_limiting_is_a_rate_of_each_connection(server):
    run = load(server, "--rate-limiting", 100, "-c", 20, "--seconds", 1, "--arrivals", "even")
    assert run["counts"]["requests"] == 2000
    assert run["plan"]["rate"] == 2000


def test_what_finds_no_room_is_neither_forgotten_nor_kept_in_memory(server):
    """A server that stays frozen: each connection has its depth of requests under way, the others
    were due and are counted as not sent."""
    run = Load(server.directory, server.endpoint, "--rate", 2000, "-c", 5, "-P", 2, "--seconds", 3,
               "--arrivals", "even")
    harness.wait_until(lambda: server.client().info("stats")["total_commands_processed"] > 1000,
                       "some traffic")
    server.pause()
    result = run.finish(WRONG_REPLIES)
    counts = result["counts"]
    assert counts["unanswered"] == 10
    assert counts["unsent"] + counts["unanswered"] + counts["requests"] == 6000
    assert counts["unsent"] > 1000


def test_a_connection_that_waits_for_nothing_is_taken_first(server):
    """While one connection is blocked, the others carry the load: no request waits behind it."""
    with server.raw() as blocked:
        blocked.send(b"*3\r\n$5\r\nBLPOP\r\n$4\r\nnone\r\n$1\r\n0\r\n")
        run = load(server, "--rate", 2000, "-c", 4, "--seconds", 2, "--mix", "get")
    assert run["counts"]["unanswered"] == 0
    slow = Load(server.directory, server.endpoint, "-c", 4, "--rate", 400, "--seconds", 3,
                "--command", "PING", "--command", "BLPOP nothing 0.5", "--command-ratio", 399,
                "--command-ratio", 1)
    result = slow.finish()
    ping = next(row for row in result["by_command"] if row["name"] == "PING")
    # About three blocking commands; behind each of them hundreds of requests would have waited.
    # What this machine was too busy to send in time is not meant.
    assert ping["latency_us"]["p90"] < 100_000 + result["schedule_lag_us"]["max"]
