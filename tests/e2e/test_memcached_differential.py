"""A client of the proxy must not be able to tell it from a memcached. The engine and the list of
permitted differences are in memcached_differential.py, the commands in memcached_commands.py."""

import pytest

import harness
import memcached_differential

pytestmark = pytest.mark.skipif(harness.MEMCACHED is None, reason="memcached is not installed "
                                                                  "(Debian: apt install memcached)")


@pytest.mark.parametrize("server_count, threads", [(1, 1), (4, 1), (4, 2)])
def test_random_memcached_commands(request, seed, server_count, threads):
    count = request.config.getoption("--commands")
    with memcached_differential.Run(server_count, seed + threads, threads) as run:
        run.run(count)
        assert run.done >= count
        assert run.replies > count / 2
        assert run.seen  # cas uniques were compared
        assert run.long_lines


def test_what_may_differ_is_noticed():
    """The comparison itself: an order of cas uniques that is not the direct server's is seen."""
    uniques = memcached_differential.Uniques(identical=False)
    assert uniques.agree(10, 3) and uniques.agree(20, 7) and uniques.agree(15, 5)
    assert uniques.agree(15, 5)
    assert not uniques.agree(15, 6)  # one change, two numbers
    assert not uniques.agree(16, 5)  # two changes, one number
    assert not uniques.agree(12, 6)  # the wrong order
    assert not memcached_differential.Uniques(identical=True).agree(10, 3)
