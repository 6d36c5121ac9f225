"""A network of the test's own, whose packets can be dropped and refused.

enter() moves the test into a network namespace, in which nothing else lives: the proxy and its
clients use its loopback, and a pair of virtual cards leads on to a second one for some servers.
There, nftables does the damage. Everything is gone when the last process has ended. This kernel
may have no netem, so packets are not delayed here: that is the relay's business.
"""

import os
import shutil
import subprocess
import sys

import harness

INSIDE = "RINGFOLD_TORTURE_NETWORK"
NEAR, FAR = "10.77.0.1", "10.77.0.2"
TRIAL = """
ip link set lo up
ip link add torture0 type veth peer name torture1
nft -f - <<RULES
table inet torture {
chain in { type filter hook input priority 0;
tcp dport 1 numgen random mod 100 < 1 drop
tcp dport 1 reject with tcp reset
}
}
RULES
"""


def unshare():
    words = ["unshare", "--net"]
    return words if os.geteuid() == 0 else words + ["--user", "--map-root-user"]


def why_not():
    """Why there can be no network of our own here; None: there can."""
    for program, package in (("unshare", "util-linux"), ("nsenter", "util-linux"),
                             ("ip", "iproute2"), ("nft", "nftables")):
        if shutil.which(program) is None:
            return f"{program} is not installed (Debian: apt install {package})"
    trial = subprocess.run([*unshare(), "sh", "-ec", TRIAL], capture_output=True, text=True,
                           check=False)
    if trial.returncode:
        return f"the machine does not allow it: {(trial.stderr.strip() or 'no reason given')[:200]}"
    return None


def enter():
    """Starts this program again in a network of its own. Returns only if that cannot be, or has
    been done; True: it has."""
    if os.environ.get(INSIDE):
        return True
    path = os.environ.get("PATH", "") + ":/usr/sbin:/sbin"
    os.environ["PATH"] = path
    reason = why_not()
    if reason:
        print(f"no faults in the network: {reason}", flush=True)
        return False
    sys.stdout.flush()
    os.execvpe("unshare", [*unshare(), sys.executable, *sys.argv], {**os.environ, INSIDE: "1"})


def run(*words, **options):
    subprocess.run(words, check=True, **options)


class Network:
    """The second namespace, and what happens to packets that reach it."""

    def __init__(self):
        self.rules = {}  # port: (rule for what comes, rule for what leaves)
        run("ip", "link", "set", "lo", "up")
        self.holder = subprocess.Popen(["unshare", "--net", "sleep", "infinity"])
        own = os.readlink("/proc/self/ns/net")
        self.place = f"/proc/{self.holder.pid}/ns/net"
        harness.wait_until(lambda: os.readlink(self.place) != own, "the second namespace")
        run("ip", "link", "add", "torture0", "type", "veth", "peer", "name", "torture1", "netns",
            str(self.holder.pid))
        run("ip", "address", "add", f"{NEAR}/24", "dev", "torture0")
        run("ip", "link", "set", "torture0", "up")
        self.run_far("ip", "address", "add", f"{FAR}/24", "dev", "torture1")
        self.run_far("ip", "link", "set", "torture1", "up")
        self.run_far("ip", "link", "set", "lo", "up")
        self._apply()

    def prefix(self):
        """What to put in front of a command, so that it runs over there."""
        return ["nsenter", f"--net={self.place}"]

    def run_far(self, *words, **options):
        run(*self.prefix(), *words, **options)

    def drop(self, port, percent):
        """Loses so many of a hundred packets each way."""
        rule = f"numgen random mod 100 < {percent} drop"
        self._set(port, (rule, rule))

    def cut_off(self, port):
        self._set(port, ("drop", "drop"))

    def reset(self, port):
        """Answers every packet with a reset."""
        self._set(port, ("reject with tcp reset", None))

    def heal(self, port):
        self._set(port, None)

    def _set(self, port, rules):
        self.rules.pop(port, None)
        if rules:
            self.rules[port] = rules
        self._apply()

    def _apply(self):
        coming = [f"tcp dport {port} {rules[0]}" for port, rules in self.rules.items() if rules[0]]
        leaving = [f"tcp sport {port} {rules[1]}" for port, rules in self.rules.items() if rules[1]]
        text = "\n".join(["table inet torture {", "}", "delete table inet torture",
                          "table inet torture {",
                          "chain in { type filter hook input priority 0;", *coming, "}",
                          "chain out { type filter hook output priority 0;", *leaving, "}", "}\n"])
        self.run_far("nft", "-f", "-", input=text, text=True)

    def close(self):
        self.holder.kill()
        self.holder.wait()
