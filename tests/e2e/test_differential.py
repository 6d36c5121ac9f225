"""A client of the proxy must not be able to tell it from a redis-server: the same random commands
to both, compared byte for byte. The engine and the list of permitted differences are in
differential.py, the commands in random_commands.py."""

import random

import pytest

import differential
import random_commands
import wire

# Commands with keys that the random stream leaves out, and why.
NOT_COMPARED = {
    "blocking": "BLPOP BRPOP BRPOPLPUSH BLMOVE BLMPOP BZPOPMIN BZPOPMAX BZMPOP",
    "refused by the proxy": "WATCH MIGRATE MOVE SSUBSCRIBE SUNSUBSCRIBE SPUBLISH PFDEBUG "
                            "RESTORE-ASKING",
}


@pytest.mark.parametrize("server_count", [1, 4])
@pytest.mark.parametrize("threads", [1, 2])
def test_random_commands(request, seed, server_count, threads):
    count = request.config.getoption("--commands")
    with differential.Differential(server_count, seed + threads, threads) as run:
        run.run(count)
        assert run.done >= count


def test_every_keyed_command_of_the_server_is_compared(one):
    covered = {line.replace("= ", "").split()[0]
               for line in random_commands.TEMPLATES.strip().splitlines()}
    left_out = set(" ".join(NOT_COMPARED.values()).split())
    with one.servers[0].raw() as direct:
        commands = direct.value("COMMAND")
    keyed = {entry[0].decode().upper() for entry in commands
             if entry[3] > 0 or b"movablekeys" in entry[2]}
    containers = {"OBJECT", "XGROUP", "XINFO", "MEMORY"}  # their keys belong to the subcommands
    assert keyed - covered - left_out == set()
    assert containers <= covered


@pytest.mark.parametrize("server_count", [1, 4])
def test_ten_thousand_commands_in_one_write(seed, server_count):
    with differential.Differential(server_count, seed) as run:
        run.run_batch(run.generator.commands(10000), lambda data: [data])
        run.compare_contents()


def test_commands_cut_at_every_byte(cluster, seed):
    """Byte by byte, each written only after the proxy has read the one before."""
    cluster.add_servers(4)
    proxy = cluster.start_proxy(listen=f"unix:{cluster.directory}/proxy.sock", hash_tag="{}")
    direct = cluster.add_server("direct")
    with proxy.raw() as client, direct.raw() as reference:
        generator = random_commands.Generator(seed, differential.dump_payloads(reference))
        commands = [command for command in generator.commands(400)
                    if not command.mixed and len(wire.encode(*command.arguments)) < 500]
        assert len(commands) > 200
        for command in commands:
            expected = reference.call(*command.arguments)
            for byte in wire.encode(*command.arguments):
                client.send(bytes([byte]))
                while wire.unread_by_peer(client.socket):
                    pass
            actual = client.reply()
            assert differential.same(command, expected, actual), (
                f"seed {seed}: {command.arguments}: {expected[:200]} {actual[:200]}")


def test_inline_commands_cut_at_every_byte(cluster):
    cluster.add_server()
    proxy = cluster.start_proxy(listen=f"unix:{cluster.directory}/proxy.sock")
    with proxy.raw() as client:
        for line, expected in ((b"SET key \"a \\x42 b\"\r\n", b"+OK\r\n"),
                               (b"\r\n\r\nMGET key none\n", b"*2\r\n$5\r\na B b\r\n$-1\r\n"),
                               (b"PING 'x y'\r\n", b"$3\r\nx y\r\n")):
            for byte in line:
                client.send(bytes([byte]))
                while wire.unread_by_peer(client.socket):
                    pass
            assert client.reply() == expected


def test_many_clients_at_once_get_their_own_replies(four, seed):
    """Fifty connections, their pipelines interleaved: no reply may go to a neighbour."""
    dice = random.Random(seed)
    clients = [four.proxy.raw() for _ in range(50)]
    try:
        for turn in range(20):
            sent = []
            for number, client in enumerate(clients):
                depth = dice.randrange(1, 60)
                commands = []
                for index in range(depth):
                    commands.append(("SET", f"key-{number}-{index}", f"{turn}-{number}-{index}"))
                    commands.append(("GET", f"key-{number}-{index}"))
                client.send(b"".join(wire.encode(*command) for command in commands))
                sent.append(depth)
            order = list(range(len(clients)))
            dice.shuffle(order)
            for number in order:
                replies = clients[number].replies(2 * sent[number])
                for index in range(sent[number]):
                    text = f"{turn}-{number}-{index}".encode()
                    assert replies[2 * index] == b"+OK\r\n"
                    assert replies[2 * index + 1] == b"$%d\r\n%s\r\n" % (len(text), text)
    finally:
        for client in clients:
            client.close()
