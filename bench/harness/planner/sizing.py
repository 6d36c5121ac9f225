"""From what was measured to what is needed: "for R requests/s at p99 < L: N proxies of T threads,
M MiB, C server connections, with H % headroom"."""

import math

from planner import verdict
from planner.measuring import memory_of

MIB = 2**20


def options_for(need, headroom, points, config, others=()):
    """One row a number of threads that was measured and holds the goal, the fewest threads in all
    first. headroom in per cent: so much of each proxy's capacity stays free."""
    rows = []
    for point in points:
        knee = point["knee"]
        if not knee or not knee["rate"]:
            continue
        usable = knee["rate"] * (1 - headroom / 100)
        proxies = math.ceil(need / usable)
        memory = memory_of(point)
        connections = None
        if config:
            connections = (proxies * point["threads"] * config.server_connections *
                           len(config.servers))
        rows.append({
            "threads": point["threads"], "proxies": proxies, "rate_each": knee["rate"],
            "load_share": need / (proxies * knee["rate"]),
            "all_threads": proxies * point["threads"],
            "mebibytes": memory * proxies / MIB if memory else None,
            "server_connections": connections, "is_lower_bound": is_lower_bound(knee)})
    return sorted(rows, key=lambda row: (row["all_threads"], row["proxies"]))


def is_lower_bound(knee):
    """True when it was not the proxy that ended the search."""
    return (not knee["is_complete"] or knee["reached_ceiling"] or
            (knee["limit"] is not None and not verdict.is_own_limit(knee["limit"])))


def sentence(row, need, goal_text, headroom):
    memory = f"{row['mebibytes']:,.0f} MiB" if row["mebibytes"] else "memory unknown (no --pid)"
    connections = (f"{row['server_connections']:,} server connections"
                   if row["server_connections"] else "server connections unknown (no --config)")
    at_most = "at most " if row["is_lower_bound"] else ""
    plural = "proxy" if row["proxies"] == 1 else "proxies"
    threads = "1 thread" if row["threads"] == 1 else f"{row['threads']} threads"
    return (f"for {need:,.0f} requests/s at {goal_text} you need {at_most}{row['proxies']:,} "
            f"{plural} of {threads}, {memory}, {connections}, with {headroom:g} % headroom (each "
            f"proxy then runs at {row['load_share']:.0%} of what it can)")


def assumptions(deployment, traffic, goal, headroom, config):
    """What has to be true for the answer to be."""
    lines = [
        f"The traffic is like \"{traffic.name}\": the same commands, sizes and choice of keys, "
        "spread evenly over the proxies.",
        f"The goal is {goal.text}, from the time a request was due, as the load generator on this "
        "machine saw it; the network between machines comes on top.",
        f"Each proxy serves {traffic.connections} client connections; more of them cost memory.",
        "A proxy gets cores like those of this machine, as many as it has threads, and shares "
        "none of them.",
        f"Headroom: {headroom:g} % of a proxy's capacity stays free. For one proxy to fail, plan "
        "one more.",
        "Memory is what the process held while it held the goal. Clients or servers that stall "
        "make it grow to the limits of the configuration.",
    ]
    if config:
        lines.append("Server connections: threads x server_connections "
                     f"({config.server_connections}) x servers ({len(config.servers)}), for each "
                     "proxy.")
    if deployment.has_null_servers:
        lines.append("The servers were null servers, which answer at once: real ones add their own "
                     "time, and have limits of their own. Their number does not come from this.")
    if deployment.can_change_threads:
        lines.append("Passwords and the database of the configuration were left out.")
    if deployment.direct:
        lines.append("Direct means the same traffic at one server alone.")
    return lines
