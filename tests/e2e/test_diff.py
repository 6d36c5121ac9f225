"""`ringfold diff`: which keys another configuration moves. What it says is compared with what
happens to real keys."""

import re

import pytest

import harness
from test_route import random_keys


@pytest.fixture
def config(tmp_path):
    """Writes a configuration file; its path."""
    def write(name, **pool):
        path = tmp_path / f"{name}.toml"
        path.write_text(harness.toml({}, [{"name": "main", "listen": "127.0.0.1:1", **pool}]))
        return path
    return write


def test_the_share_that_moves_is_the_share_that_misses(cluster, config, seed):
    """Keys written with three servers and read with four: those that are not found have moved."""
    cluster.add_servers(4)
    lines = harness.server_lines(cluster.servers)
    keys = random_keys(seed, 5000)
    cluster.start_proxy(servers=lines[:3])
    with cluster.proxy.raw() as client:
        assert set(client.pipeline([("SET", key, 1) for key in keys])) == {b"+OK\r\n"}
    cluster.proxy.stop()
    cluster.proxy = None
    cluster.start_proxy(servers=lines)
    with cluster.proxy.raw() as client:
        replies = client.pipeline([("EXISTS", key) for key in keys])
    missing = 100 * replies.count(b":0\r\n") / len(keys)
    done = harness.ringfold("diff", config("a", servers=lines[:3]), config("b", servers=lines))
    assert done.returncode == 0 and not done.stderr
    share = float(re.match(r"pool \"main\": ([\d.]+) % of the keys move\n", done.stdout).group(1))
    # Five standard deviations of 5,000 keys that move by one in four.
    assert abs(share - missing) < 5 * 100 * (0.25 * 0.75 / 5000) ** 0.5
    for server in cluster.servers:
        assert re.search(rf"^  {server.name} +{server.address} ", done.stdout, re.MULTILINE)


def test_the_same_file_moves_nothing(config):
    path = config("a", servers=["127.0.0.1:1:1 a", "127.0.0.1:2:1 b"])
    done = harness.ringfold("diff", path, path, "--pool", "main")
    assert done.returncode == 0
    assert done.stdout.startswith("pool \"main\": 0.00 % of the keys move\n")


def test_bad_use(config, tmp_path):
    good = config("good", servers=["127.0.0.1:1:1 a"])
    bad = config("bad", servers=["127.0.0.1:1"])
    worse = tmp_path / "absent.toml"
    done = harness.ringfold("diff", bad, worse)
    assert done.returncode == 1
    assert f"{bad}:" in done.stderr and f"{worse}: " in done.stderr
    done = harness.ringfold("diff", good, good, "--pool", "nosuch")
    assert done.returncode == 2
    assert "nosuch" in done.stderr
    assert harness.ringfold("diff", good).returncode == 2
