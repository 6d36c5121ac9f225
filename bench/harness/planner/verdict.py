"""Whether a run has held its rate and its goal; and if not, who was at the end of its strength."""

import math

BUSY_SHARE = 0.85     # of its threads: the proxy can do no more
BUSY_LOAD = 0.85      # of its threads: the load generator can do no more
BUSY_SERVER = 0.9     # of a core: a server (one thread each) can do no more
BUSY_MACHINE = 0.95   # of all cores
LATE_SHARE = 0.25     # of the goal, the mean lateness of the load generator
AMPLE_PIPELINE = 1024  # load's own in the open loop; with less it may be late for want of room
RATE_SHARE = 0.98     # of the rate that was asked for must be answered in time

# Of the proxy or of what it serves; the others mean that the machine, not the proxy, is the limit.
OWN_LIMITS = ("proxy", "waiting", "faults")
EXPLANATIONS = {
    "proxy": "the proxy's threads are busy",
    "waiting": "nobody is busy: requests wait for each other in the proxy or at a server",
    "servers": "the servers behind the proxy are busy",
    "generator": "the load generator is busy or late",
    "machine": "all cores of the machine are busy, and it is not the proxy alone",
    "faults": "replies were wrong, errors or lost",
}


def is_own_limit(limit):
    return limit in OWN_LIMITS


def who_limits(run, goal_us, threads):
    groups = run["groups"]
    if "proxy" in groups and groups["proxy"]["cores"] >= BUSY_SHARE * threads:
        return "proxy"
    if run["load_cores"] >= BUSY_LOAD * run["load_threads"]:
        return "generator"
    if run["machine_busy"] >= BUSY_MACHINE:
        return "machine"
    if run["lag_us"] > LATE_SHARE * goal_us and run["pipeline"] >= AMPLE_PIPELINE:
        return "generator"
    if "servers" in groups and groups["servers"]["busiest_cores"] >= BUSY_SERVER:
        return "servers"
    return "waiting"


def judge(run, rate, goal, threads):
    """(holds, reason, limit): the last two None when it holds."""
    faults = sum(count for name, count in run["faults"].items()
                 if name not in ("unanswered", "unsent"))
    if faults:
        return False, f"{faults} replies were wrong, errors or lost", "faults"
    reason = goal.failure(run["latency_us"])
    expected = rate * run["seconds"]
    # Poisson arrivals: the number that comes due varies by its square root.
    enough = min(RATE_SHARE, 1 - 3 / math.sqrt(expected)) if expected > 9 else 0
    if reason is None and run["requests_per_second"] < enough * rate:
        reason = f"only {run['requests_per_second']:,.0f} requests/s were answered in time"
    if reason is None:
        return True, None, None
    return False, reason, who_limits(run, goal.tightest_us, threads)
