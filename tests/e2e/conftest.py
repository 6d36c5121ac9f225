"""Fixtures and options of the end-to-end tests; how to run them: tests/README.md."""

import random

import pytest

import harness


def pytest_addoption(parser):
    parser.addoption("--commands", type=int, default=10000,
                     help="random commands of each differential test (default: 10000)")
    parser.addoption("--seed", type=int, default=None,
                     help="seed of the differential tests; a failing run prints its own")
    parser.addoption("--io", choices=["auto", "uring", "epoll"], default=None,
                     help="the ring that ringfold is to use (default: its own default)")


def pytest_configure(config):
    harness.IO = config.getoption("--io")
    config.addinivalue_line("markers", "heavy: much data or many connections; too slow for the "
                                       "sanitizer builds of tools/test")


def pytest_collection_modifyitems(items):
    if harness.REDIS_SERVER is None:
        skip = pytest.mark.skip(reason="redis-server is not installed (Debian: apt install "
                                       "redis-server)")
        for item in items:
            item.add_marker(skip)


def pytest_sessionstart(session):
    if not session.config.option.collectonly and not harness.BINARY.exists():
        pytest.exit(f"{harness.BINARY} does not exist: build it first (meson setup build && ninja "
                    "-C build) or set RINGFOLD_BINARY", returncode=2)


@pytest.fixture
def cluster():
    """An empty cluster for a test that needs servers of its own."""
    own = harness.Cluster()
    yield own
    own.close()


@pytest.fixture(scope="module")
def one_server_module():
    shared = harness.Cluster()
    shared.add_server()
    shared.start_proxy()
    yield shared
    shared.close()


@pytest.fixture(scope="module")
def four_servers_module():
    shared = harness.Cluster()
    shared.add_servers(4)
    shared.start_proxy(hash_tag="{}")
    yield shared
    shared.close()


@pytest.fixture(scope="module")
def memcached_one_module():
    shared = harness.Cluster()
    shared.add_memcached()
    shared.start_proxy(protocol="memcached")
    yield shared
    shared.close()


@pytest.fixture(scope="module")
def memcached_four_module():
    shared = harness.Cluster()
    shared.add_memcacheds(4)
    shared.start_proxy(protocol="memcached")
    yield shared
    shared.close()


def lent(shared):
    """A shared cluster for one test. A proxy that dies fails the test that saw it die, and is
    started anew for the next."""
    shared.flush()
    yield shared
    try:
        shared.proxy.check_alive()
    except AssertionError:
        shared.proxy.start()
        raise


@pytest.fixture
def one(one_server_module):
    """A one-server pool, shared by the tests of a file, empty at the start of each."""
    yield from lent(one_server_module)


@pytest.fixture
def four(four_servers_module):
    """A four-server pool with hash tags, shared by the tests of a file, empty at the start."""
    yield from lent(four_servers_module)


@pytest.fixture
def memcached_one(memcached_one_module):
    """A one-server memcached pool, shared and emptied likewise."""
    yield from lent(memcached_one_module)


@pytest.fixture
def memcached_four(memcached_four_module):
    """A four-server memcached pool, shared and emptied likewise."""
    yield from lent(memcached_four_module)


@pytest.fixture(scope="session")
def seed(request):
    """The seed of this run's random choices."""
    given = request.config.getoption("--seed")
    return given if given is not None else random.SystemRandom().randrange(1 << 32)
