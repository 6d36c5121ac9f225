"""ringfold-bench compare: targets in turns, ratios, what it starts it also ends."""

import json
import os
import pathlib
import signal
import subprocess
import sys

import pytest

import harness
from bench_load import (BAD_USAGE, BENCH, COULD_NOT_START, GOOD, WRONG_REPLIES, Relay, bench,
                        place)

sys.path.insert(0, str(harness.ROOT / "bench" / "harness"))
from planner import intervals, load_words, processes, system_calls  # noqa: E402

pytestmark = pytest.mark.skipif(not BENCH.exists(), reason=f"{BENCH} is not built")
SHORT = ["-n", "1000", "-c", "4"]


@pytest.fixture(scope="module")
def shared():
    cluster = harness.Cluster()
    cluster.add_server("redis")
    yield cluster
    cluster.close()


@pytest.fixture
def server(shared):
    shared.flush()
    return shared.servers[0]


def proxy_config(directory, server):
    path = directory / "proxy.toml"
    path.write_text(f'[[pool]]\nname = "main"\nlisten = "127.0.0.1:{{port}}"\n'
                    f'servers = ["{server.address}:1 alpha"]\n')
    return path


def names_of_processes(word):
    found = []
    for path in pathlib.Path("/proc").glob("[0-9]*/cmdline"):
        try:
            if word in path.read_text():
                found.append(path)
        except OSError:
            continue
    return found


def test_an_address_and_a_command(server, tmp_path):
    out = tmp_path / "compare.json"
    run = bench("compare", "--target", f"direct={place(server.endpoint)}",
                "--target", f"proxy={harness.BINARY} -c {{config}}",
                "--config", f"proxy={proxy_config(tmp_path, server)}",
                "--pid", f"direct={server.process.pid}", "--server-pid", server.process.pid,
                "--reps", 3, "--json", out, "--", *SHORT, "--fill", "-r", 500)
    assert run.returncode == GOOD, run.stderr
    result = json.loads(out.read_text())
    assert [each["name"] for each in result["targets"]] == ["direct", "proxy"]
    assert [list(each) for each in result["runs"]] == [["direct", "proxy"]] * 3
    assert not result["interrupted"]
    direct, proxy = result["targets"]
    assert direct["ratio"] == {}
    for name in ("requests_per_second", "p50_us", "p99_us", "target_cpu_us_per_request",
                 "servers_cpu_us_per_request", "target_resident_bytes"):
        assert direct["median"][name] > 0 and proxy["median"][name] > 0
        ratio = proxy["ratio"][name]
        assert ratio["low"] <= ratio["ratio"] <= ratio["high"]
        assert ratio["ratio"] == pytest.approx(proxy["median"][name] / direct["median"][name])
    assert "ratio to direct" in run.stdout and "95 %, bootstrap" in run.stdout
    assert server.client().dbsize() == 500  # filled once, not each time
    assert not names_of_processes(str(tmp_path))  # the proxy has ended


def test_wrong_replies_are_a_failure(server):
    with Relay(server, lambda first, chunk: chunk.replace(b"+OK", b"-NO")) as relay:
        run = bench("compare", "--target", f"direct={place(server.endpoint)}",
                    "--target", f"spoiled={place(relay.endpoint)}", "--reps", 1, "--",
                    *SHORT, "--mix", "set")
    assert run.returncode == WRONG_REPLIES, run.stderr
    assert "spoiled: first fault" in run.stdout


def test_interrupt_keeps_whole_runs(server, tmp_path):
    out = tmp_path / "compare.json"
    server.client().config_resetstat()
    process = subprocess.Popen(
        [BENCH, "compare", "--target", f"a={place(server.endpoint)}", "--target",
         f"b={place(server.endpoint)}", "--reps", "1000", "--json", out, "--", *SHORT],
        stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True)
    # A run's requests are the last to reach the server before it is over; three runs, two over.
    harness.wait_until(lambda: server.client().info("commandstats").get("cmdstat_get", {}).get(
        "calls", 0) > 2500, "a few runs", deadline=60)
    process.send_signal(signal.SIGINT)
    printed, err = process.communicate(timeout=60)
    assert process.returncode == GOOD, err
    assert "interrupted" in printed
    result = json.loads(out.read_text())
    assert result["interrupted"] and result["targets"][0]["runs"] >= 1


@pytest.mark.parametrize("number", [signal.SIGINT, signal.SIGTERM, signal.SIGHUP])
def test_a_signal_leaves_nothing_running(server, tmp_path, number):
    server.client().config_resetstat()
    process = subprocess.Popen(
        [BENCH, "compare", "--target", f"a={place(server.endpoint)}", "--target",
         f"b={harness.BINARY} -c {{config}}", "--config", f"b={proxy_config(tmp_path, server)}",
         "--", "--seconds", "60", "-c", "4"], stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL, env={**os.environ, "TMPDIR": str(tmp_path)})
    harness.wait_until(lambda: server.client().info("commandstats").get("cmdstat_get"), "traffic")
    assert names_of_processes(str(tmp_path))
    process.send_signal(number)
    assert process.wait(60) == 130
    assert not names_of_processes(str(tmp_path))


@pytest.mark.parametrize("words, said", [
    ([], "--target"),
    (["--target", "a=127.0.0.1:1"], "two targets"),
    (["--target", "a=127.0.0.1:1", "--target", "a=127.0.0.1:2"], "taken"),
    (["--target", "a=127.0.0.1:1", "--target", "b=sleep 5"], "neither an address"),
    (["--target", "a=127.0.0.1:1", "--target", "b=x {config}"], "needs --config"),
    (["--target", "a=127.0.0.1:1", "--target", "b=127.0.0.1:2", "--pin", "c=0"], "no target"),
    (["--target", "a=127.0.0.1:1", "--target", "b=127.0.0.1:2", "--", "--json", "x"], "--json"),
    (["--target", "a=127.0.0.1:1", "--target", "b=127.0.0.1:2", "--zzz"], "zzz"),
], ids=lambda value: " ".join(value) if isinstance(value, list) else "")
def test_bad_usage(words, said):
    run = bench("compare", *words)
    assert run.returncode == BAD_USAGE
    assert said in run.stderr


def test_targets_that_do_not_answer(server):
    nobody = f"nobody=127.0.0.1:{harness.free_port()}"
    run = bench("compare", "--target", f"a={place(server.endpoint)}", "--target", nobody)
    assert run.returncode == COULD_NOT_START and "nobody" in run.stderr
    run = bench("compare", "--target", f"a={place(server.endpoint)}",
                "--target", f"b={harness.BINARY} -c /nonexistent/{{port}}")
    assert run.returncode == COULD_NOT_START and "ended with exit code" in run.stderr


def test_no_python():
    run = subprocess.run([BENCH, "compare"], capture_output=True, text=True, timeout=60,
                         check=False, env={**os.environ, "RINGFOLD_PYTHON": "/nonexistent"})
    assert run.returncode == COULD_NOT_START
    assert "apt install python3" in run.stderr


# Its parts.

def test_ratio_of_medians():
    ratio = intervals.ratio_of_medians([20, 40, 60], [10, 20, 30])
    assert ratio["ratio"] == 2 and ratio["paired_min"] == ratio["paired_max"] == 2
    assert ratio["low"] <= 2 <= ratio["high"]
    rounds = [1.0, 5.0, 2.0, 3.0, 4.0, 2.5, 3.5]
    noisy = intervals.ratio_of_medians([2 * value for value in rounds], rounds)
    assert noisy["low"] == noisy["high"] == 2  # a slow round is slow for both


def test_share_interval():
    low, high = intervals.share_interval(3, 3)
    assert low == pytest.approx(0.438, abs=0.001) and high == 1.0  # Wilson's, for 3 of 3
    assert intervals.share_interval(0, 0) == (0, 1)


def test_traffic_is_taken_apart():
    words = ["-c", "4", "--fill", "--warm-up", "2", "--seconds=3", "--rate", "100"]
    traffic = load_words.Traffic(words)
    assert traffic.measured == ["-c", "4", "--seconds=3", "--rate", "100"]
    assert traffic.fill_words == ["-c", "4", "--fill", "-n", "1"]
    assert traffic.warm_up_words == ["-c", "4", "--rate", "100", "--seconds", "2"]


def test_cpu_time_of_a_child_counts_for_its_parent():
    shell = subprocess.Popen(["sh", "-c", "while :; do :; done & wait"])
    try:
        meter = processes.Meter({"shell": [shell.pid]})
        harness.wait_until(lambda: meter.read()[0]["shell"]["cpu_seconds"] > 0.1, "CPU time")
    finally:
        for pid in reversed(processes.with_children(shell.pid)):
            os.kill(pid, signal.SIGKILL)
        shell.wait()


def test_strace_summary():
    text = ("% time     seconds  usecs/call     calls    errors syscall\n"
            " 99.00    0.1           1       400           read\n"
            "  1.00    0.1           1       100        12 write\n"
            "------ ----------- ----------- --------- --------- ----------------\n"
            "100.00    0.200000           1       500        12 total\n")
    assert system_calls.parse_strace(text) == 500
    assert system_calls.parse_strace(text.replace("        12 total", "           total")) == 500
    assert system_calls.parse_strace("") is None
