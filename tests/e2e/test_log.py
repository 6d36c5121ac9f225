"""What an operator reads: the forms of the log, files that are moved away, and trouble that comes
again and again."""

import json
import signal

import harness

BINARY_NOOP = bytes([0x80, 0x0a]) + bytes(22)  # of memcached's binary protocol


def end(proxy):
    """Ends ringfold; all it has said, as lines."""
    proxy.stop()
    return proxy.stderr().splitlines()


def refuse_many(cluster, count, **proxy_options):
    """A proxy that has had the same trouble with so many clients."""
    cluster.add_memcached()
    proxy = cluster.start_proxy_with(cluster.one_pool(protocol="memcached"), **proxy_options)
    for _ in range(count):
        with proxy.memcached() as client:
            client.send(BINARY_NOOP)
            client.read_to_end()
    return proxy


def test_json(cluster):
    proxy = refuse_many(cluster, 1, threads=2, log_format="json")
    lines = [json.loads(line) for line in end(proxy)]
    for line in lines:
        assert set(line) - {"worker"} == {"time", "level", "text"}
        assert line["level"] in ("error", "warn", "info", "debug")
    assert lines[-1]["text"] == "stopped"
    refusals = [line for line in lines if "binary protocol" in line["text"]]
    assert len(refusals) == 1
    assert refusals[0]["worker"] in (0, 1)
    assert "worker" not in lines[-1]


def test_a_file_that_is_moved_away(cluster, tmp_path):
    path, old = tmp_path / "log", tmp_path / "log.1"
    cluster.add_server()
    proxy = cluster.start_proxy_with(cluster.one_pool(), log_file=str(path))
    harness.wait_until(lambda: "ready" in path.read_text(), "the first lines")
    path.rename(old)
    proxy.process.send_signal(signal.SIGUSR1)
    harness.wait_until(lambda: path.exists() and "opened again" in path.read_text(), "the new file")
    assert end(proxy) == []
    assert "stopped" in path.read_text()
    assert "stopped" not in old.read_text()


def test_what_comes_again_and_again_is_counted(cluster):
    lines = end(refuse_many(cluster, 30))
    refusals = [line for line in lines if "binary protocol" in line]
    assert len(refusals) == 11
    assert " 20 more lines like this were left out: " in refusals[-1]
    assert " warn  " in refusals[-1]


def test_other_trouble_is_told_all_the_same(cluster):
    proxy = refuse_many(cluster, 30)
    cluster.servers[0].kill()
    with proxy.memcached() as client:
        harness.wait_until(lambda: b"ERROR" in client.call("get a"), "the server's end")
    lines = end(proxy)
    assert any("server" in line and "connection" in line for line in lines)
