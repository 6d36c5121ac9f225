"""ringfold-bench load: no wrong reply goes unseen, and a broken connection is no end."""

import re
import threading

import pytest

import harness
from bench_load import BENCH, GOOD, WRONG_REPLIES, Load, Relay, load

SIZE = 32
REPLY = len(f"${SIZE}\r\n") + SIZE + 2  # bytes
EVERY = 1000
REQUESTS = 50_000

pytestmark = pytest.mark.skipif(not BENCH.exists(), reason=f"{BENCH} is not built")


@pytest.fixture(scope="module")
def server():
    cluster = harness.Cluster()
    yield cluster.add_server()
    cluster.close()


@pytest.fixture(autouse=True)
def filled(server):
    server.flush()
    load(server, "--fill", "-n", 1, "-r", 10000, "-c", 1)


def replies_in(first, chunk):
    """The number and place in the chunk of every reply that lies in it as a whole, all of them
    being values of the same size."""
    number = -(-first // REPLY)
    while (number + 1) * REPLY <= first + len(chunk):
        yield number, number * REPLY - first
        number += 1


def read_through(relay, *arguments, connections=1, code=WRONG_REPLIES):
    return Load(relay.server.directory, relay.endpoint, "--mix", "get", "-r", 10000, "-n", REQUESTS,
                "-c", connections, "-P", 50, *arguments).finish(code)


def test_a_relay_that_spoils_nothing(server):
    with Relay(server, lambda first, chunk: chunk) as relay:
        run = read_through(relay, "--hit-ratio", 1, connections=5, code=GOOD)
    assert run["counts"]["hits"] == REQUESTS


@pytest.mark.parametrize("connections", [1, 8])
@pytest.mark.parametrize("place", ["first", "last", "any"])
def test_each_changed_byte_is_caught(server, place, connections):
    """One byte of the value in one of every thousand replies."""
    changed = []

    def spoil(first, chunk):
        spoiled = bytearray(chunk)
        for number, at in replies_in(first, chunk):
            if number % EVERY == 0:
                value = at + len(f"${SIZE}\r\n")
                offset = {"first": 0, "last": SIZE - 1, "any": len(changed) % SIZE}[place]
                spoiled[value + offset] ^= 1 + len(changed) % 255
                changed.append(number)
        return bytes(spoiled)

    with Relay(server, spoil) as relay:
        run = read_through(relay, connections=connections)
    assert len(changed) >= 30
    assert run["counts"]["mismatches"] == len(changed)
    assert run["counts"]["requests"] == REQUESTS
    assert len(run["faults"]) == 5
    assert all(fault["expected"] != fault["got"] for fault in run["faults"])


def test_each_swap_is_caught(server):
    """Two neighbours of every thousand change places: each is a right reply, to another request."""
    swapped = []

    def spoil(first, chunk):
        spoiled = bytearray(chunk)
        places = dict(replies_in(first, chunk))
        for number, at in places.items():
            if number % EVERY == 0 and number + 1 in places:
                one, other = chunk[at:at + REPLY], chunk[at + REPLY:at + 2 * REPLY]
                if one != other:
                    spoiled[at:at + 2 * REPLY] = other + one
                    swapped.append(number)
        return bytes(spoiled)

    with Relay(server, spoil) as relay:
        run = read_through(relay)
    assert len(swapped) >= 10
    assert run["counts"]["mismatches"] == 2 * len(swapped)


@pytest.mark.parametrize("wrong, count", [
    (b"$-1\r\n", "unexpected_misses"), (b"-ERR spoiled\r\n", "errors"), (b"+OK\r\n", "mismatches"),
    (b":1\r\n", "mismatches"), (b"$0\r\n\r\n", "mismatches"), (b"*0\r\n", "mismatches")])
def test_each_reply_of_another_kind_is_caught(server, wrong, count):
    done = []

    def spoil(first, chunk):
        pieces, end = [], 0
        for number, at in replies_in(first, chunk):
            if number % EVERY == 0:
                pieces += [chunk[end:at], wrong]
                end = at + REPLY
                done.append(number)
        return b"".join(pieces) + chunk[end:]

    with Relay(server, spoil) as relay:
        run = read_through(relay, "--hit-ratio", 1)
    assert len(done) >= 30
    assert run["counts"][count] == len(done)
    kinds = ("unexpected_misses", "errors", "mismatches")
    assert sum(run["counts"][name] for name in kinds) == len(done)


@pytest.mark.parametrize("surplus", [True, False], ids=["surplus", "garbage"])
def test_a_stream_that_is_out_of_step_ends_its_connection_and_the_run_goes_on(server, surplus):
    lock = threading.Lock()
    spoiled = []

    def spoil(first, chunk):
        with lock:
            if first < 20000 or len(spoiled) >= 2:
                return chunk
            spoiled.append(first)
        return chunk + b"$3\r\nxyz\r\n" * 60 if surplus else b"hello there\r\n" + chunk

    with Relay(server, spoil) as relay:
        run = read_through(relay, connections=4)
    counts = run["counts"]
    assert counts["connections_lost"] == 2
    assert counts["mismatches"] >= 2
    assert counts["lost"] + counts["requests"] == REQUESTS
    assert any("closed here" in fault["what"] for fault in run["faults"])


def test_replies_cut_anywhere_are_whole(server):
    """Each chunk is passed on in pieces: nothing may depend on where they are cut."""
    def spoil(first, chunk):
        return chunk

    relay = Relay(server, spoil)
    relay.listener.getsockname()
    with relay:
        for size in ("1-2000", "50000-70000"):
            run = Load(server.directory, relay.endpoint, "--fill", "-r", 200, "--size", size,
                       "--mix", "get:5,mget20:5,set:1", "-c", 3, "-P", 7, "-n", 2000).finish()
            assert run["counts"]["misses"] == 0
            assert run["counts"]["requests"] == 2000


def test_a_server_that_dies_and_comes_back(cluster):
    server = cluster.add_server()
    run = Load(cluster.directory, server.endpoint, "--seconds", 4, "-c", 10, "--rate", 1000)
    harness.wait_until(lambda: server.client().info("stats")["total_commands_processed"] > 500,
                       "some traffic")
    server.kill()
    server.start()
    result = run.finish(WRONG_REPLIES)
    assert result["counts"]["connections_lost"] == 10
    assert any(re.search("closed a connection|broke", fault["what"]) for fault in result["faults"])
    # It is driven again, and what was due in the meantime was sent late.
    assert server.client().info("commandstats")["cmdstat_get"]["calls"] > 500
    counts = result["counts"]
    assert counts["requests"] + counts["lost"] == pytest.approx(4000, abs=320)
    assert counts["unsent"] == 0


def test_a_server_that_dies_for_good_ends_a_run_that_counts_requests(cluster):
    server = cluster.add_server()
    run = Load(cluster.directory, server.endpoint, "-n", 10**9, "-c", 5)

    def gets():
        return server.client().info("commandstats").get("cmdstat_get", {"calls": 0})["calls"]

    harness.wait_until(lambda: gets() > 500, "some traffic")
    answered = gets()
    server.kill()
    result = run.finish(WRONG_REPLIES)
    assert result["counts"]["lost"] == 5
    # What each connection had under way at the end may have been answered without being read.
    assert result["counts"]["requests"] >= answered - 5
