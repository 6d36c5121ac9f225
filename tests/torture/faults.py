"""What is done to the servers while the driver runs: each fault begins, lasts, and ends."""

import signal
import time

import harness
import network

DOWN_MAX = 3.0  # seconds
FROZEN_MAX = 6.0
NETWORK_MAX = 5.0


class Target:
    """A server that faults may happen to, and the ways in which it can be reached."""

    def __init__(self, index, server, net=None, relay=None):
        self.index = index
        self.server = server
        self.net = net  # if its packets pass through a network.Network
        self.relay = relay  # if its connections pass through a relay.LatencyRelay
        self.fault = None

    def kinds(self):
        kinds = [Kill, Kill, Restart, Freeze, Freeze, Freeze]
        if self.net:
            kinds += [Drop, Drop, Reset, CutOff]
        if self.relay:
            kinds += [Delay, Delay, Break, Stall, Drip]
        return kinds


class Fault:
    """One fault at one server. tell: says a word to the driver and waits until it has heard."""

    name = ""

    def __init__(self, target, dice, tell):
        self.target = target
        self.server = target.server
        self.dice = dice
        self.tell = tell
        self.until = 0.0

    def run(self):
        self.tell(f"fault {self.target.index}")
        self.begin()
        self.until = time.monotonic() + self.duration()

    def finish(self):
        self.end()
        self.tell(f"mended {self.target.index}")

    def duration(self):
        """Mostly short, now and then as long as may be."""
        return NETWORK_MAX * self.dice.random() ** 2

    def begin(self):
        raise NotImplementedError

    def end(self):
        raise NotImplementedError


class Kill(Fault):
    name = "kill -9"

    def duration(self):
        return DOWN_MAX * self.dice.random() ** 2

    def begin(self):
        self.tell(f"killing {self.target.index}")
        self.server.kill()
        self.tell(f"killed {self.target.index}")

    def end(self):
        self.server.start()


class Restart(Kill):
    """Ended in its own way, and back at once."""

    name = "restart"

    def duration(self):
        return 0.0

    def begin(self):
        self.tell(f"killing {self.target.index}")
        self.server.stop()
        self.tell(f"killed {self.target.index}")


class Freeze(Fault):
    name = "SIGSTOP"

    def duration(self):
        return 0.03 + FROZEN_MAX * self.dice.random() ** 3

    def begin(self):
        self.server.pause()

    def end(self):
        self.server.resume()


class Drop(Fault):
    name = "packets dropped"

    def begin(self):
        self.target.net.drop(self.server.port, self.dice.choice([3, 10, 25, 50]))

    def end(self):
        self.target.net.heal(self.server.port)


class Reset(Drop):
    name = "packets answered with a reset"

    def begin(self):
        self.target.net.reset(self.server.port)


class CutOff(Drop):
    name = "cut off"

    def begin(self):
        self.target.net.cut_off(self.server.port)


class Delay(Fault):
    """Latency, at times beyond every timeout."""

    name = "latency"

    def begin(self):
        longest = self.dice.choice([0.005, 0.05, 0.4, 1.5])
        self.target.relay.delay = (longest * self.dice.random(), longest)

    def end(self):
        self.target.relay.calm()


class Break(Delay):
    name = "connections broken at any byte"

    def begin(self):
        self.target.relay.break_every = self.dice.choice([3, 30, 300])


class Stall(Delay):
    name = "relay stalls"

    def begin(self):
        self.target.relay.stalled = True


class Drip(Delay):
    name = "bytes dripped"

    def begin(self):
        self.target.relay.drip = self.dice.choice([3, 100, 3000])


class Dice:
    """Lets faults happen, up to two at a time, at different servers."""

    def __init__(self, targets, dice, tell):
        self.targets = targets
        self.dice = dice
        self.tell = tell
        self.counts = {}
        self.next_at = time.monotonic()

    def turn(self):
        now = time.monotonic()
        for target in self.targets:
            if target.fault and now >= target.fault.until:
                self._finish(target)
        if now < self.next_at:
            return
        self.next_at = now + 1.2 * self.dice.random() ** 2
        free = [target for target in self.targets if not target.fault]
        if len(self.targets) - len(free) >= 2:
            return
        target = self.dice.choice(free)
        target.fault = self.dice.choice(target.kinds())(target, self.dice, self.tell)
        self.counts[target.fault.name] = self.counts.get(target.fault.name, 0) + 1
        target.fault.run()

    def stop(self):
        """Ends what is still going on."""
        for target in self.targets:
            if target.fault:
                self._finish(target)

    @staticmethod
    def _finish(target):
        fault, target.fault = target.fault, None
        fault.finish()


class Reloads:
    """Not a fault: the proxy's configuration is another one again and again. The keys stay where
    they are, so nobody may notice."""

    def __init__(self, proxy, dice, counts):
        self.proxy = proxy
        self.dice = dice
        self.counts = counts
        self.next_at = time.monotonic()

    def turn(self):
        if time.monotonic() < self.next_at:
            return
        self.next_at = time.monotonic() + 0.1 + 2 * self.dice.random() ** 2
        self._reload(server_connections=self.dice.randint(1, 3),
                     preconnect=self.dice.random() < 0.5,
                     server_pending_limit=self.dice.choice([100_000, 262_144]),
                     tcp_keepalive=self.dice.random() < 0.5,
                     backlog=self.dice.choice([512, 1024]))
        self.counts["reload"] = self.counts.get("reload", 0) + 1

    def stop(self):
        self._reload()

    def _reload(self, **options):
        pools = [{**pool, **options} for pool in self.proxy.written]
        self.proxy.config.write_text(
            harness.toml(self.proxy.options, pools, self.proxy.written_admin))
        self.proxy.process.send_signal(signal.SIGHUP)


def targets_for(servers, net, relays):
    return [Target(index, server, net if server.host == network.FAR else None,
                   relays.get(server.name)) for index, server in enumerate(servers)]
