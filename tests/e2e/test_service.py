"""What a service manager does with ringfold: opens its sockets, waits until it is ready, restarts
it."""

import contextlib
import os
import socket
import threading

import pytest

import admin_http
import harness
import wire

FIRST_FD = 3  # where the service manager puts the sockets it passes on


@contextlib.contextmanager
def listening(address):
    family = socket.AF_UNIX if isinstance(address, str) else socket.AF_INET
    with socket.socket(family) as listener:
        listener.bind(address)
        listener.listen(512)
        yield listener


def listen_name(listener):
    name = listener.getsockname()
    return f"unix:{name}" if isinstance(name, str) else f"{name[0]}:{name[1]}"


def activate(cluster, pools, listeners, threads=1, admin=None):
    """Starts ringfold as systemd does when it has opened these sockets."""
    kept = [os.dup(listener.fileno()) for listener in listeners]

    def pass_on():
        # By way of higher numbers, so that none is overwritten before it has been moved.
        moved = [os.dup2(fd, 200 + index) for index, fd in enumerate(kept)]
        for index, fd in enumerate(moved):
            os.dup2(fd, FIRST_FD + index)

    proxy = harness.Proxy(cluster.directory, pools, preexec=pass_on, threads=threads,
                          admin=admin)
    proxy.launcher = ["/bin/sh", "-c", f'LISTEN_PID=$$ LISTEN_FDS={len(kept)} exec "$@"', "sh"]
    proxy.pass_fds = range(FIRST_FD, FIRST_FD + len(kept))
    try:
        proxy.start()
    finally:
        for fd in kept:
            os.close(fd)
    # The sockets accept, whoever listens: that says nothing.
    harness.wait_until(lambda: " ready, " in proxy.stderr(), "ringfold to be ready")
    return proxy


def test_the_socket_of_the_admin_endpoint_is_passed_on(cluster):
    cluster.add_server()
    with listening(("127.0.0.1", 0)) as tcp:
        proxy = activate(cluster, cluster.one_pool(), [tcp], admin={"listen": listen_name(tcp)})
        assert admin_http.ask(tcp.getsockname(), "/readyz").body == "ready\n"
        proxy.stop()
        wire.connect(tcp.getsockname()).close()


@pytest.mark.parametrize("threads", [1, 2], ids=["1-thread", "2-threads"])
def test_sockets_that_are_passed_on(cluster, tmp_path, threads):
    cluster.add_server()
    path = str(tmp_path / "ringfold.sock")
    with listening(("127.0.0.1", 0)) as tcp, listening(path) as unix:
        pools = cluster.one_pool(listen=[listen_name(unix), listen_name(tcp)])
        proxy = activate(cluster, pools, [tcp, unix], threads)
        clients = [proxy.raw(endpoint) for endpoint in proxy.endpoints * 8]
        for index, client in enumerate(clients):
            assert client.call("SET", f"k{index}", "v") == b"+OK\r\n"
            client.close()
        proxy.stop()
        # They belong to the service manager: it goes on listening.
        assert os.path.exists(path)
        wire.connect(tcp.getsockname()).close()
        wire.connect(path).close()


def test_a_socket_that_no_pool_names_is_an_error(cluster):
    cluster.add_server()
    with listening(("127.0.0.1", 0)) as stranger:
        with pytest.raises(AssertionError, match="where no pool listens.*take it out of the"):
            activate(cluster, cluster.one_pool(), [stranger])


def test_what_is_no_listening_socket_is_an_error(cluster):
    cluster.add_server()
    with socket.socket() as idle, pytest.raises(AssertionError,
                                                match="no listening stream socket"):
        activate(cluster, cluster.one_pool(), [idle])


def test_a_restart_refuses_and_loses_nobody(cluster):
    """The socket stays open between two processes, so that who comes meanwhile waits."""
    cluster.add_server()
    stop = threading.Event()
    broken, counts = [], []

    def visit(endpoint):
        count = 0
        try:
            while not stop.is_set():
                with wire.RawClient(endpoint) as client:
                    # Who is idle is told to come again.
                    with contextlib.suppress(wire.ConnectionClosed):
                        assert client.call("INCR", "visits").startswith(b":")
                        count += 1
        except Exception as error:  # pylint: disable=broad-except
            broken.append(error)
        counts.append(count)

    with listening(("127.0.0.1", 0)) as tcp:
        pools = cluster.one_pool(listen=listen_name(tcp))
        proxy = activate(cluster, pools, [tcp])
        visitors = [threading.Thread(target=visit, args=(proxy.endpoint,)) for _ in range(8)]
        for visitor in visitors:
            visitor.start()
        try:
            for _ in range(5):
                before = int(cluster.servers[0].client().get("visits") or 0)
                harness.wait_until(
                    lambda: int(cluster.servers[0].client().get("visits") or 0) > before + 50
                    or broken, "traffic")
                proxy.stop()
                proxy = activate(cluster, pools, [tcp])
        finally:
            stop.set()
            for visitor in visitors:
                visitor.join()
            proxy.stop()
    assert not broken, broken[0]
    assert sum(counts) == int(cluster.servers[0].client().get("visits"))


def test_it_says_when_it_is_ready_and_when_it_stops(cluster, tmp_path, monkeypatch):
    cluster.add_server()
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind(str(tmp_path / "notify"))
        manager.settimeout(harness.START_DEADLINE)
        monkeypatch.setenv("NOTIFY_SOCKET", manager.getsockname())
        proxy = cluster.start_proxy(threads=2)
        assert manager.recv(1000) == b"READY=1\nSTATUS=ready, 2 workers"
        with proxy.raw() as client:
            assert client.call("PING") == b"+PONG\r\n"
        proxy.stop()
        assert manager.recv(1000).startswith(b"STOPPING=1\n")
