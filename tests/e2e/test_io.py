"""Which ring ringfold takes, and what it says about it: io_uring where it can, epoll where io_uring
is forbidden, never in silence."""

import functools
import resource
import time

import pytest

import harness
import sandbox
import wire

FORBIDDEN = [(("setup", "enter", "register"), "eperm"), (("setup", "enter", "register"), "kill"),
             (("setup",), "enosys"), (("enter",), "eperm"), (("register",), "eperm"),
             (("register",), "kill")]


@pytest.fixture(params=FORBIDDEN, ids=lambda item: f"{'-'.join(item[0])}-{item[1]}")
def forbidding(request):
    """What to run in a process that shall not use io_uring."""
    return functools.partial(sandbox.forbid_uring, *request.param)


def lines_about_io(proxy):
    """Of the log up to its word that all is well, which may come after the first reply."""
    harness.wait_until(lambda: " ready, " in proxy.stderr(), "the log to say so")
    return [line for line in proxy.stderr().splitlines() if "epoll" in line or "io_uring" in line]


def check_service(proxy):
    with proxy.raw() as client:
        assert client.call("MSET", "a", 1, "b", 2, "c", 3) == b"+OK\r\n"
        assert client.value("MGET", "c", "none", "a") == [b"3", None, b"1"]


@pytest.mark.parametrize("threads", [1, 2])
def test_auto_takes_io_uring_and_says_so(cluster, threads):
    cluster.add_servers(2)
    proxy = cluster.start_proxy_with(cluster.one_pool(), threads=threads, io="auto")
    check_service(proxy)
    lines = lines_about_io(proxy)
    assert len(lines) == 1 and " info " in lines[0] and "io_uring: " in lines[0], lines


@pytest.mark.parametrize("threads", [1, 2])
def test_auto_takes_epoll_where_io_uring_is_forbidden(cluster, forbidding, threads):
    """One warning, with the reason and what to do."""
    cluster.add_servers(2)
    proxy = cluster.start_proxy_with(cluster.one_pool(), preexec=forbidding, threads=threads,
                                     io="auto")
    check_service(proxy)
    lines = lines_about_io(proxy)
    assert len(lines) == 1 and " warn " in lines[0], lines
    for words in ("epoll", "in place of io_uring", 'set io = "epoll"'):
        assert words in lines[0]
    assert any(words in lines[0] for words in ("seccomp", "Linux 6.1", "io_uring_disabled"))


def limit_locked_memory(size):
    """Since Linux 6.13 rings are locked memory for who lacks CAP_IPC_LOCK."""
    sandbox.drop_capability(sandbox.CAP_IPC_LOCK)
    resource.setrlimit(resource.RLIMIT_MEMLOCK, (size, size))


def test_auto_takes_epoll_when_not_all_workers_get_a_ring(cluster):
    """The probe's small rings fit the limit, so does one of full size, but not one a worker."""
    done = harness.ringfold("-V", preexec_fn=functools.partial(limit_locked_memory, 1 << 16))
    if "takes io_uring" in done.stdout:
        pytest.skip("this kernel does not count rings as locked memory")
    limit = functools.partial(limit_locked_memory, 2 << 20)
    assert "takes io_uring" in harness.ringfold("-V", preexec_fn=limit).stdout
    cluster.add_servers(2)
    proxy = cluster.start_proxy_with(cluster.one_pool(), preexec=limit, threads=8, io="auto")
    check_service(proxy)
    lines = lines_about_io(proxy)
    assert len(lines) == 1 and " warn " in lines[0] and "locked memory" in lines[0], lines


def test_epoll_is_taken_without_a_warning(cluster):
    cluster.add_servers(2)
    proxy = cluster.start_proxy_with(cluster.one_pool(), io="epoll")
    check_service(proxy)
    lines = lines_about_io(proxy)
    assert len(lines) == 1 and " info " in lines[0] and "epoll: " in lines[0], lines


def test_uring_exits_with_3_where_it_is_forbidden(cluster, forbidding):
    cluster.add_server()
    port = harness.free_port()
    config = cluster.directory / "ringfold.toml"
    pool = {**cluster.one_pool()[0], "listen": f"127.0.0.1:{port}"}
    config.write_text(harness.toml({"io": "uring"}, [pool]))
    done = harness.ringfold("-c", config, preexec_fn=forbidding)
    assert done.returncode == 3
    lines = [line for line in done.stderr.splitlines() if line.startswith("ringfold: ")]
    assert len(lines) == 1 and 'io = "uring"' in lines[0] and 'io = "auto"' in lines[0], done.stderr


def test_the_version_says_which_is_taken(forbidding):
    done = harness.ringfold("-V")
    assert done.returncode == 0
    assert 'io = "auto" takes io_uring here' in done.stdout
    done = harness.ringfold("-V", preexec_fn=forbidding)
    assert done.returncode == 0
    assert 'io = "auto" takes epoll here' in done.stdout
    assert "io_uring: not available: " in done.stdout


def test_idle_connections_cost_epoll_no_time(cluster):
    """A client that stops in the middle of a request, one that half-closed, one that is gone."""
    server = cluster.add_server()
    proxy = cluster.start_proxy_with(cluster.one_pool(), io="epoll")
    clients = [proxy.raw() for _ in range(3)]
    for client in clients:
        assert client.call("PING") == b"+PONG\r\n"
    server.pause()
    clients[0].send(b"*2\r\n$3\r\nGET\r\n")
    clients[1].send(wire.encode("GET", "a"))
    clients[1].socket.shutdown(1)
    clients[2].send(wire.encode("GET", "a"))
    clients[2].close()
    harness.wait_until(lambda: not wire.unread_by_peer(clients[1].socket),
                       "the requests to be read")
    before = proxy.cpu_seconds()
    end = time.monotonic() + 1
    harness.wait_until(lambda: time.monotonic() > end, "a second of rest")
    assert proxy.cpu_seconds() - before < 0.1
    server.resume()
    assert clients[1].read_to_end() == b"$-1\r\n"
    clients[0].close()
    clients[1].close()
