"""ringfold-bench load: each option does what it says, against real servers."""

import collections
import csv
import json
import os
import pty
import re
import resource
import subprocess

import pytest

import harness
from bench_load import (BAD_USAGE, BENCH, COULD_NOT_START, GOOD, WRONG_REPLIES, Load, bench, load,
                        place)

pytestmark = pytest.mark.skipif(not BENCH.exists(), reason=f"{BENCH} is not built")
needs_memcached = pytest.mark.skipif(harness.MEMCACHED is None, reason="memcached is not installed")


@pytest.fixture(scope="module")
def shared():
    cluster = harness.Cluster()
    cluster.add_server("redis")
    if harness.MEMCACHED:
        cluster.add_memcached("memcached")
    yield cluster
    cluster.close()


@pytest.fixture
def redis_server(shared):
    server = shared.servers[0]
    server.flush()
    server.client().config_resetstat()
    return server


@pytest.fixture
def memcached_server(shared):
    shared.servers[1].flush()
    return shared.servers[1]


def calls(server, command):
    return server.client().info("commandstats").get(f"cmdstat_{command}", {}).get("calls", 0)


def faultless(run):
    counts = run["counts"]
    names = ("errors", "mismatches", "lost", "unanswered", "unsent", "connections_lost")
    return all(counts[name] == 0 for name in names) and run["faults"] == []


def counts_by_command(run):
    return {row["name"]: row["requests"] for row in run["by_command"]}


# How much.

@pytest.mark.parametrize("shape", [
    [], ["-c", 1], ["-c", 7, "--threads", 3], ["-P", 16], ["-c", 3, "-P", 100],
    ["--rate", 20000], ["--rate", 20000, "--threads", 2, "--arrivals", "even"],
    ["-c", 400, "--threads", 2]], ids=lambda words: " ".join(map(str, words)) or "defaults")
def test_requests_are_sent_answered_and_counted_once(redis_server, shape):
    run = load(redis_server, "-n", 5003, "--mix", "get:1,set:1", *shape)
    assert run["counts"]["requests"] == 5003
    assert run["counts"]["requests_in_time"] == 5003
    assert calls(redis_server, "get") + calls(redis_server, "set") == 5003
    assert counts_by_command(run) == {"get": calls(redis_server, "get"),
                                      "set": calls(redis_server, "set")}
    assert sum(row["requests"] for row in run["per_second"]) == 5003
    assert faultless(run)


def test_connections(redis_server):
    load(redis_server, "-n", 1000, "-c", 37, "--threads", 2)
    assert redis_server.client().info("stats")["total_connections_received"] - 37 in range(1, 6)
    redis_server.client().config_resetstat()
    load(redis_server, "-n", 1000, "--clients", 11, "--threads", 2)
    assert redis_server.client().info("stats")["total_connections_received"] - 22 in range(1, 6)


def test_seconds_and_warm_up(redis_server):
    run = load(redis_server, "--seconds", 1, "--warm-up", 0.5, "--mix", "get")
    assert run["seconds"] == pytest.approx(1, abs=0.02)
    assert len(run["per_second"]) in (1, 2)
    # The warm-up's requests have reached the server, and are not counted.
    assert calls(redis_server, "get") > run["counts"]["requests"] + 500
    assert run["requests_per_second"] == pytest.approx(run["counts"]["requests"], rel=0.03)
    assert faultless(run)


def test_seconds_end_a_run_that_counts_requests(redis_server):
    run = load(redis_server, "-n", 10**9, "--seconds", 0.3)
    assert run["seconds"] == pytest.approx(0.3, abs=0.02)


@pytest.mark.parametrize("depth", [1, 5])
def test_pipeline_is_what_is_under_way(cluster, depth):
    server = cluster.add_server()
    run = Load(cluster.directory, server.endpoint, "-c", 3, "-P", depth, "--seconds", 60)
    harness.wait_until(lambda: server.client().info("stats")["total_commands_processed"] > 1000,
                       "some traffic")
    server.pause()
    run.interrupt()
    result = run.finish(WRONG_REPLIES)
    assert result["counts"]["unanswered"] == 3 * depth
    assert result["interrupted"]


# What is asked.

def test_mix(redis_server):
    run = load(redis_server, "-n", 40000, "-P", 16, "--fill", "-r", 1000,
               "--mix", "get:6,set:2,mget3:1,incr:1")
    seen = {name: calls(redis_server, name) for name in ("get", "mget", "incr")}
    assert seen == {"get": pytest.approx(24000, rel=0.03), "mget": pytest.approx(4000, rel=0.1),
                    "incr": pytest.approx(4000, rel=0.1)}
    assert calls(redis_server, "set") - 2000 == pytest.approx(8000, rel=0.06)  # 2000: the fill
    assert counts_by_command(run)["get"] == seen["get"]
    assert run["counts"]["hits"] == seen["get"] + 3 * seen["mget"]
    assert run["counts"]["misses"] == 0
    assert faultless(run)


def test_del(redis_server):
    run = load(redis_server, "-n", 5000, "--fill", "-r", 100, "--mix", "get:1,del:1,set:1")
    assert run["counts"]["misses"] > 0
    assert faultless(run)


@needs_memcached
@pytest.mark.parametrize("shape", [[], ["-P", 16, "--threads", 2], ["--rate", 20000]],
                         ids=lambda words: " ".join(map(str, words)) or "defaults")
def test_memcached(memcached_server, shape):
    run = load(memcached_server, "-n", 20000, "--fill", "-r", 1000, *shape,
               "--mix", "get:6,set:2,mget10:1,incr:1", "--size", "10-2000")
    assert run["counts"]["requests"] == 20000
    assert run["counts"]["misses"] == 0
    assert faultless(run)
    assert counts_by_command(run)["get"] == pytest.approx(12000, rel=0.05)
    run = load(memcached_server, "-n", 5000, "-r", 1000, "--mix", "get:1,del:1",
               "--size", "10-2000")
    assert run["counts"]["misses"] > 0
    assert faultless(run)


def test_unix_sockets(cluster):
    servers = [cluster.add_server(unix=True)]
    if harness.MEMCACHED:
        servers.append(cluster.add_memcached(unix=True))
    for server in servers:
        run = load(server, "-n", 5000, "-c", 300)
        assert run["counts"]["requests"] == 5000
        assert faultless(run)
    done = bench("load", "-s", servers[0].unix_path, "-n", 100, "-q")
    assert done.returncode == GOOD, done.stderr


def test_epoll(redis_server):
    run = load(redis_server, "-n", 20000, "-P", 4, "--fill", "--io", "epoll")
    assert run["plan"]["io"] == "epoll"
    assert run["counts"]["requests"] == 20000
    assert faultless(run)


def test_fill_writes_every_key_once_with_the_sizes_of_the_keys(redis_server):
    load(redis_server, "-n", 1, "--fill", "-r", 3000, "--threads", 2, "--size", "10:1,200-300:1",
         "--key-prefix", "p:")
    client = redis_server.client()
    assert client.dbsize() == 3000
    assert calls(redis_server, "set") in (3000, 3001)
    sizes = collections.Counter(client.strlen(f"p:{number:012}") for number in range(3000))
    assert sizes[10] == pytest.approx(1500, rel=0.1)
    assert all(size == 10 or 200 <= size <= 300 for size in sizes)
    # Another run knows the same values without having written them, unless it is told others.
    run = load(redis_server, "-n", 5000, "-r", 3000, "--size", "10:1,200-300:1", "--mix", "get",
               "--key-prefix", "p:", "--hit-ratio", 1)
    assert run["counts"]["hits"] == 5000 and faultless(run)
    run = load(redis_server, "-n", 100, "-r", 3000, "--size", "10:1,200-300:1", "--mix", "get",
               "--key-prefix", "p:", "--value-seed", 5, code=WRONG_REPLIES)
    assert run["counts"]["mismatches"] == 100
    assert run["faults"][0]["what"] == "wrong reply"
    run = load(redis_server, "-n", 100, "-r", 3000, "--size", "400", "--mix", "get",
               "--key-prefix", "p:", code=WRONG_REPLIES)
    assert "another --size" in run["faults"][0]["what"]


@pytest.mark.parametrize("mix", ["get", "mget7"])
def test_hit_ratio(redis_server, mix):
    run = load(redis_server, "-n", 20000, "-P", 16, "--fill", "-r", 1000, "--mix", mix,
               "--hit-ratio", 0.8)
    stats = redis_server.client().info("stats")
    hits, misses = stats["keyspace_hits"], stats["keyspace_misses"]
    assert hits / (hits + misses) == pytest.approx(0.8, abs=0.01)
    assert (run["counts"]["hits"], run["counts"]["misses"]) == (hits, misses)
    assert run["counts"]["unexpected_misses"] == 0
    assert faultless(run)


def test_misses_are_faults_where_hits_were_promised(redis_server):
    plain = load(redis_server, "-n", 100, "--mix", "get")
    assert plain["counts"]["misses"] == 100
    promised = load(redis_server, "-n", 100, "--mix", "get", "--hit-ratio", 1, code=WRONG_REPLIES)
    assert promised["counts"]["unexpected_misses"] == 100
    assert promised["faults"][0]["what"] == "unexpected miss"
    allowed = load(redis_server, "-n", 100, "--mix", "get", "--hit-ratio", 1, "--allow-misses")
    assert allowed["counts"]["unexpected_misses"] == 100


def asked_keys(server, *arguments):
    """The numbers of the keys that a run asks for, in order, as the server hears them."""
    with server.client().monitor() as monitor:
        run = Load(server.directory, server.endpoint, "-c", 1, "--mix", "get", *arguments)
        keys = []
        while len(keys) < 2000:
            command = monitor.next_command()["command"]
            if command.startswith("GET load:"):
                keys.append(int(command[len("GET load:"):]))
        run.finish()
    return keys


def test_key_choice(redis_server):
    count = ["-n", 2000, "-r", 500]
    assert asked_keys(redis_server, *count, "--distribution", "sequential") == [
        number % 500 for number in range(2000)]
    zipf = collections.Counter(asked_keys(redis_server, *count, "--distribution", "zipf:1"))
    assert zipf.most_common(1)[0][0] == 0
    assert zipf[0] == pytest.approx(2000 / 6.79, rel=0.2)  # the 500th harmonic number
    gaussian = asked_keys(redis_server, *count, "--distribution", "gaussian:0.05")
    assert sum(200 <= key < 300 for key in gaussian) > 1850  # two sigma: 95 %
    uniform = asked_keys(redis_server, *count)
    assert len(set(uniform)) > 480
    assert uniform == asked_keys(redis_server, *count)  # the seed is the same
    assert uniform != asked_keys(redis_server, *count, "--seed", 2)


def test_commands_by_template(redis_server):
    run = load(redis_server, "-n", 1000, "-r", 10, "--size", 5, "--command-ratio", 3,
               "--command", "LPUSH l:{key} {value}", "--command", "HSET h {key} {value}")
    assert faultless(run)
    assert counts_by_command(run)["LPUSH l:{key} {value}"] == pytest.approx(750, rel=0.1)
    client = redis_server.client()
    assert sum(client.llen(f"l:load:{number:012}") for number in range(10)) == calls(redis_server,
                                                                                    "lpush")
    assert client.hlen("h") == 10
    wrong = load(redis_server, "-n", 10, "--command", "INCR h", code=WRONG_REPLIES)
    assert wrong["counts"]["errors"] == 10
    assert "WRONGTYPE" in wrong["faults"][0]["got"]


@needs_memcached
def test_memcached_commands_by_template(memcached_server):
    run = load(memcached_server, "-n", 1000, "-r", 10, "--command", "add {key} 0 0 {value}",
               "--command", "touch {key} 0", "--command", "mg {key} v", "--command", "get {key}")
    assert faultless(run)
    assert run["counts"]["hits"] > 200


def test_tests_of_redis_benchmark(redis_server):
    done = bench("load", place(redis_server.endpoint), "-q", "-n", 500, "-c", 5, "-r", 100, "-t",
                 "ping,ping_inline,ping_mbulk,set,get,incr,lpush,rpush,lpop,rpop,sadd,hset,spop,"
                 "zadd,zpopmin,lrange,mset")
    assert done.returncode == GOOD, done.stdout + done.stderr
    lines = done.stdout.splitlines()
    assert len(lines) == 20
    assert all(re.fullmatch(r"[\w() ]+: [\d.]+ requests per second, p50=[\d.]+ ms, p99=[\d.]+ ms, "
                            r"max=[\d.]+ ms", line) for line in lines), done.stdout
    assert calls(redis_server, "lrange") == 2000
    assert calls(redis_server, "mset") == 500


def test_replay_of_what_monitor_saw(redis_server, tmp_path):
    recorded = tmp_path / "recorded"
    with open(recorded, "w") as out:
        monitor = subprocess.Popen(["redis-cli", "-p", str(redis_server.port), "monitor"],
                                   stdout=out)
        harness.wait_until(lambda: recorded.read_text().startswith("OK"), "MONITOR to begin")
        client = redis_server.client()
        client.set("a", b"x\r\n\x00\"y'\\ z")
        client.rpush("l", "1", "2")
        client.mget("a", "b")
        client.execute_command("SELECT", 0)
        client.eval("return redis.call('incr', 'n')", 0)
        harness.wait_until(lambda: "lua" in recorded.read_text(), "the last command")
        monitor.terminate()
        monitor.wait()
    redis_server.flush()
    redis_server.client().config_resetstat()
    run = load(redis_server, "--replay", recorded, "-c", 1)
    assert run["counts"]["requests"] == 4
    assert faultless(run)
    assert client.get("a") == b"x\r\n\x00\"y'\\ z"
    assert client.lrange("l", 0, -1) == [b"1", b"2"]
    assert client.get("n") == b"1"  # by the script, not a second time by itself
    run = load(redis_server, "--replay", recorded, "-c", 3, "--threads", 2, "-n", 1000)
    assert run["counts"]["requests"] == 1000
    assert calls(redis_server, "rpush") == 251


@needs_memcached
def test_replay_for_memcached(memcached_server, tmp_path):
    recorded = tmp_path / "recorded"
    recorded.write_text("set a 7 0 5\nget a b\nincr a 1\ndelete nothing noreply\nmg a v f\n")
    run = load(memcached_server, "--replay", recorded, "-c", 1, code=WRONG_REPLIES)
    assert run["counts"]["requests"] == 5
    assert run["counts"]["errors"] == 1  # "xxxxx" cannot be incremented
    with memcached_server.raw() as client:
        assert client.call("get a") == b"VALUE a 7 5\r\nxxxxx\r\nEND\r\n"


# Where.

def test_passwords_and_databases(cluster):
    server = cluster.add_server(options=["--requirepass", "other"])
    with_password = harness.redis_client(server.endpoint, password="other")
    with_password.acl_setuser("me", enabled=True, passwords=["+secret"], keys=["*"],
                              commands=["+@all"])
    for words in (["-a", "other"], ["--user", "me", "-a", "secret"],
                  ["--authenticate", "me:secret"], ["-a", "other", "--dbnum", 3]):
        assert faultless(load(server, "-n", 100, "--fill", "-r", 10, *words))
    assert with_password.dbsize() == 10
    assert harness.redis_client(server.endpoint, password="other", db=3).dbsize() == 10
    for words in (["-a", "wrong"], ["-a", "other", "--dbnum", 99]):
        run = Load(cluster.directory, server.endpoint, *words)
        run.end(COULD_NOT_START)
        assert "was answered with: -" in run.err
    run = load(server, "-n", 100, code=WRONG_REPLIES)
    assert run["counts"]["errors"] == 100
    assert "NOAUTH" in run["faults"][0]["got"]


def test_nobody_listens():
    done = bench("load", f"127.0.0.1:{harness.free_port()}", "-n", 10)
    assert done.returncode == COULD_NOT_START
    assert re.fullmatch(r"ringfold-bench load: .*Connection refused\n", done.stderr)
    assert bench("load", "unix:/nowhere/at/all", "-n", 10).returncode == COULD_NOT_START


def test_a_file_that_cannot_be_written_is_known_before_the_run(redis_server):
    for option in ("--json", "--csv", "--hdr"):
        done = bench("load", place(redis_server.endpoint), option, "/nowhere/at/all")
        assert done.returncode == COULD_NOT_START
        assert "/nowhere/at/all" in done.stderr
    assert calls(redis_server, "get") == 0


@pytest.mark.parametrize("words", [["--mix", "fly"], ["--nonsense"], ["-c", "0"], ["--size", "x"]])
def test_bad_usage(words):
    done = bench("load", *words)
    assert done.returncode == BAD_USAGE
    assert done.stderr.startswith("ringfold-bench load: ") and done.stderr.count("\n") == 1


def test_the_program_itself():
    assert bench().returncode == BAD_USAGE
    assert bench("fly").returncode == BAD_USAGE
    assert "load" in bench("--help").stdout
    assert bench("-V").stdout.startswith("ringfold-bench ")
    text = bench("load", "--help").stdout
    assert "--rate" in text and "Exit codes" in text


# What comes out.

def test_outputs_agree(redis_server, tmp_path):
    files = {name: tmp_path / f"out.{name}" for name in ("json", "csv", "hdr")}
    done = bench("load", place(redis_server.endpoint), "--seconds", 2.2, "--rate", 2000, "--json",
                 files["json"], "--csv", files["csv"], "--hdr", files["hdr"])
    assert done.returncode == GOOD, done.stderr
    run = json.loads(files["json"].read_text())["runs"][0]
    rows = list(csv.DictReader(files["csv"].open()))
    assert [int(row["second"]) for row in rows] == [0, 1, 2]
    assert sum(int(row["requests"]) for row in rows) == run["counts"]["requests"]
    latency = run["latency_us"]
    assert max(float(row["max_us"]) for row in rows) == latency["max"]
    steps = [line.split() for line in files["hdr"].read_text().splitlines()[1:]
             if line and not line.startswith("#")]
    percentiles = [(float(words[1]), float(words[0]) * 1000, int(words[2])) for words in steps]
    assert percentiles[-1][0] == 1.0
    assert percentiles[-1][1] == pytest.approx(latency["max"], abs=0.01)
    assert percentiles[-1][2] == run["counts"]["requests"]
    for level, name in ((0.5, "p50"), (0.9, "p90")):
        assert min(value for share, value, _ in percentiles if share >= level) == pytest.approx(
            latency[name], rel=0.002)
    table = next(line.split() for line in done.stdout.splitlines() if line.startswith("all "))
    assert int(table[1]) == run["counts"]["requests"]
    assert float(table[4]) == pytest.approx(latency["p50"] / 1000, abs=0.001)
    assert float(table[-1]) == pytest.approx(latency["max"] / 1000, abs=0.001)
    ordered = [latency[name] for name in ("min", "p50", "p90", "p99", "p99.9", "p99.99", "max")]
    assert ordered == sorted(ordered) and ordered[0] > 0


def test_hdr_files_of_several_runs(redis_server, tmp_path):
    done = bench("load", place(redis_server.endpoint), "-t", "set,get", "-n", 100, "--hdr",
                 tmp_path / "a.hdr", "--json", tmp_path / "a.json")
    assert done.returncode == GOOD, done.stderr
    assert sorted(path.name for path in tmp_path.iterdir()) == ["a.get.hdr", "a.json", "a.set.hdr"]
    names = [run["plan"]["name"] for run in json.loads((tmp_path / "a.json").read_text())["runs"]]
    assert names == ["set", "get"]


def test_progress_is_for_terminals(redis_server):
    ours, theirs = pty.openpty()
    process = subprocess.Popen([BENCH, "load", place(redis_server.endpoint), "--seconds", "4.5",
                                "--rate", "200"], stderr=theirs, stdout=subprocess.PIPE)
    os.close(theirs)
    seen = b""
    while True:
        try:
            seen += os.read(ours, 4096)
        except OSError:  # the other side is closed
            break
    os.close(ours)
    process.communicate()
    assert process.returncode == GOOD
    lines = re.findall(rb"(\d) s  ([\d,]+)/s  p50 [\d.]+  p99 [\d.]+  .*?  (\d) s left", seen)
    seconds = [int(line[0]) for line in lines]  # a busy machine may pass over one
    assert seconds and seconds == sorted(set(seconds)), seen
    assert [int(line[2]) for line in lines] == [5 - second for second in seconds], seen
    quiet = bench("load", place(redis_server.endpoint), "--seconds", 1.2)
    assert quiet.stderr == ""


def test_an_interrupted_run_keeps_what_it_measured(redis_server):
    run = Load(redis_server.directory, redis_server.endpoint, "--seconds", 60)
    harness.wait_until(lambda: calls(redis_server, "get") > 5000, "some traffic")
    run.interrupt()
    result = run.finish()
    assert result["interrupted"]
    assert result["counts"]["requests"] > 5000
    assert 0 < result["seconds"] < 30
    assert "interrupted" in run.out and faultless(result)


def test_the_cpu_time_is_that_of_the_load_generator(redis_server):
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    run = load(redis_server, "-n", 300_000, "-P", 16)
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    whole = after.ru_utime - before.ru_utime + after.ru_stime - before.ru_stime
    cpu = run["cpu"]
    assert whole / 3 < cpu["seconds"] < whole * 1.02  # the rest is its start and its end
    assert cpu["us_per_request"] == pytest.approx(cpu["seconds"] * 1e6 / 300_000, rel=0.01)
    assert cpu["cores"] == pytest.approx(cpu["seconds"] / run["seconds"], rel=0.01)
