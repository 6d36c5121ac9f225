"""The systemd units: they are valid, closed up, and ringfold does all its work inside them."""

import os
import pathlib
import re
import shutil
import signal
import subprocess
import sys

import pytest
import redis

import harness

UNIT = harness.ROOT / "packaging" / "systemd" / "ringfold.service"
SOCKET = UNIT.with_name("ringfold.socket")
SANDBOX = pathlib.Path(__file__).with_name("unit_sandbox.py")
EXPOSURE_MAX = 15  # tenths; what is left is named in README.md
SYSTEMD_ANALYZE = shutil.which("systemd-analyze")

needs_analyze = pytest.mark.skipif(SYSTEMD_ANALYZE is None,
                                   reason="systemd-analyze (Debian: systemd) is not installed")


def analyze(*arguments):
    return subprocess.run([SYSTEMD_ANALYZE, "--no-pager", *arguments], capture_output=True,
                          text=True, check=False, timeout=60)


@needs_analyze
def test_units_are_valid(tmp_path):
    """With this build's program, because systemd wants to see what it is to start."""
    service = UNIT.read_text().replace("/usr/bin/ringfold", str(harness.BINARY))
    (tmp_path / UNIT.name).write_text(service)
    (tmp_path / SOCKET.name).write_text(SOCKET.read_text())
    for name in (UNIT.name, SOCKET.name):
        done = analyze("verify", "--man=no", "--recursive-errors=no", str(tmp_path / name))
        assert done.returncode == 0 and done.stderr == "", done.stderr


@needs_analyze
def test_the_service_is_closed_up():
    done = analyze("security", "--offline=true", f"--threshold={EXPOSURE_MAX}", str(UNIT))
    assert done.returncode == 0, done.stdout


@pytest.fixture
def in_unit():
    """The command that runs another one as the unit does."""
    probe = subprocess.run(
        [sys.executable, SANDBOX, UNIT, "/bin/true"], capture_output=True, text=True, check=False,
        timeout=60) if SYSTEMD_ANALYZE else None
    if probe is None or "No module named 'seccomp'" in probe.stderr:
        pytest.skip("systemd-analyze or python3-seccomp is not installed")
    assert probe.returncode == 0, probe.stderr
    return [sys.executable, SANDBOX, UNIT]


def test_the_filter_is_in_force(in_unit):
    """What it is for: a program that does what ringfold never does is ended."""
    done = subprocess.run([*in_unit, "/bin/mount", "-t", "tmpfs", "none", "/mnt"],
                          capture_output=True, check=False, timeout=60)
    assert done.returncode == -signal.SIGSYS


@pytest.mark.parametrize("io", ["uring", "epoll"])
def test_ringfold_does_all_its_work_inside(cluster, in_unit, io):
    """Names, unix sockets, both protocols, large values, a server that dies and comes back, a log
    file that is opened again, a drain."""
    servers = [cluster.add_server(), cluster.add_server(unix=True)]
    cache = cluster.add_memcached()
    lines = harness.server_lines(servers)
    lines[0] = f"localhost:{servers[0].port}:1 alpha"
    log = cluster.directory / "service.log"
    proxy = cluster.start_proxy_with(
        [{"name": "main", "servers": lines, "timeout_ms": 20000,
          "listen": [f"127.0.0.1:{harness.free_port()}", f"unix:{cluster.directory}/main.sock"]},
         {"name": "cache", "protocol": "memcached", "servers": harness.server_lines([cache])}],
        launcher=in_unit, threads=2, io=io, log_file=str(log), dns_refresh_ms=100)
    status = pathlib.Path(f"/proc/{proxy.pid}/status").read_text()
    assert re.search(r"^Seccomp:\s2$", status, re.MULTILINE)
    assert re.search(r"^CapEff:\s0+$", status, re.MULTILINE)
    harness.wait_until(lambda: " ready, " in log.read_text(), "the log to say ready")
    assert "io_uring: " in log.read_text() if io == "uring" else " epoll: " in log.read_text()
    values = {f"key{index}": os.urandom(100) for index in range(200)}
    values["large"] = os.urandom(8 << 20)
    for endpoint in proxy.endpoints[:2]:
        client = harness.redis_client(endpoint)
        assert client.mset(values)
        assert client.mget(list(values)) == list(values.values())
    with proxy.memcached(proxy.endpoints[2]) as client:
        assert client.call("set key 0 0 5\r\nvalue") == b"STORED\r\n"
        assert client.call("get key") == b"VALUE key 0 5\r\nvalue\r\nEND\r\n"
    servers[0].kill()
    servers[0].start()
    client = proxy.client()
    harness.wait_until(lambda: is_stored(client, values), "the server to be used again")
    os.rename(log, cluster.directory / "old.log")
    proxy.process.send_signal(signal.SIGUSR1)
    harness.wait_until(log.exists, "the log file to be made anew")
    proxy.process.send_signal(signal.SIGTERM)
    assert proxy.process.wait(harness.STOP_DEADLINE) == 0
    assert "stopped" in log.read_text()
    cluster.proxy = None  # its end has been looked at


def is_stored(client, values):
    try:
        return client.mset(values)
    except redis.RedisError:
        return False
