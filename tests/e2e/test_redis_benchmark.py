"""redis-benchmark, the tool everybody points at a proxy first: no error in any of its tests."""

import os
import shutil
import subprocess

import pytest

import harness

BENCHMARK = shutil.which("redis-benchmark")
REQUESTS = int(os.environ.get("RINGFOLD_BENCHMARK_REQUESTS", "5000"))

pytestmark = [
    pytest.mark.heavy,
    pytest.mark.skipif(BENCHMARK is None, reason="redis-benchmark is not installed (Debian: apt "
                                                 "install redis-tools)"),
]


@pytest.fixture(scope="module", params=[1, 2], ids=["1-thread", "2-threads"])
def behind_proxy(request):
    cluster = harness.Cluster()
    cluster.add_servers(4)
    cluster.start_proxy(threads=request.param)
    yield cluster
    cluster.close()


def benchmark(cluster, *arguments):
    """Runs redis-benchmark; its lines "name: requests per second" by name."""
    host, port = cluster.proxy.endpoint
    done = subprocess.run([BENCHMARK, "-h", host, "-p", str(port), "-q", *map(str, arguments)],
                          capture_output=True, text=True, timeout=300, check=False)
    output = done.stdout.replace("\r", "\n")
    assert done.returncode == 0, output + done.stderr
    lowered = (output + done.stderr).lower()
    assert "error" not in lowered.replace("could not fetch server config", ""), output
    rates = {}
    for line in output.splitlines():
        name, separator, rest = line.rpartition(": ")
        if separator and "requests per second" in rest:
            rates[name] = float(rest.split()[0])
    cluster.proxy.check_alive()
    return rates


@pytest.mark.parametrize("arguments", [
    [], ["-P", 16], ["-P", 100], ["-c", 500], ["-d", 65536, "-t", "set,get,lpush,rpop,mset"],
    ["-r", 100000, "-P", 16, "-c", 200]],
    ids=lambda words: " ".join(map(str, words)) or "defaults")
def test_default_suite(behind_proxy, arguments):
    rates = benchmark(behind_proxy, "-n", REQUESTS, *arguments)
    expected = 5 if "-t" in arguments else 19
    assert len(rates) >= expected, rates
    assert all(rate > 0 for rate in rates.values())


@pytest.mark.parametrize("command", ["MSET", "MGET"])
def test_a_thousand_keys_a_command(behind_proxy, command):
    words = [command]
    for index in range(1000):
        words += [f"key-{index}:__rand_int__"] + (["value"] if command == "MSET" else [])
    rates = benchmark(behind_proxy, "-n", max(REQUESTS // 20, 100), "-P", 4, "-r", 100000, *words)
    assert len(rates) == 1
