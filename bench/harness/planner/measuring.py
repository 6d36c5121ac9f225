"""What capacity does with a deployment: fill, probe, search, climb a ladder of rates with and
without the proxy. Everything measured is kept here, also when Ctrl-C ends it early."""

from planner.intervals import median
from planner.search import Search
from planner.system_calls import CallCounter
from planner.verdict import judge

OVERHEAD_SECONDS = 0.3  # of a run
START_SHARE = 0.6       # of the throughput of the closed loop: where the search begins
FLOOR_SHARE = 0.02      # of it: a proxy that does not hold the goal there does not hold it
LADDER = (0.1, 0.3, 0.5, 0.7, 0.8, 0.9, 1.0, 1.1)  # of the rate that was found
LADDER_QUICK = (0.3, 0.6, 0.9)
TRIALS_EXPECTED = 9     # rates that a search tries; for the time left
CALL_SHARE = 0.3        # of the rate that was found: tracing must not overload the proxy


class Measuring:
    def __init__(self, deployment, traffic, goal, runner, options, progress):
        self.deployment = deployment
        self.traffic = traffic
        self.goal = goal
        self.runner = runner
        self.seconds = options.seconds
        self.reps = options.reps
        self.precision = options.precision
        self.is_quick = options.quick
        self.progress = progress
        self.points = []   # one a shape that was searched: {threads, connections, pipeline, ...}
        self.ladder = []   # [{"share", "rate", "proxied": run, "direct": run}]
        self.calls = {}
        self.fault = None  # the first wrong reply, to be shown

    @property
    def seconds_of_run(self):
        return self.seconds + OVERHEAD_SECONDS

    @property
    def seconds_of_point(self):
        return (TRIALS_EXPECTED * self.reps + 2) * self.seconds_of_run

    def _words(self, shape):
        return self.traffic.words(self.deployment.has_null_servers, shape["connections"],
                                  shape["pipeline"])

    def _groups(self, is_direct=False):
        groups = {"servers": self.deployment.server_pids}
        if not is_direct:
            groups["proxy"] = self.deployment.proxy_pids
        return {name: pids for name, pids in groups.items() if pids}

    def _run(self, address, words, groups, label, seconds=None):
        self.progress.show(label)
        run = self.runner.run(address, words, groups, seconds or self.seconds_of_run,
                              self.progress, label)
        self.deployment.check()
        if self.fault is None and run["fault_examples"]:
            self.fault = run["fault_examples"][0]
        return run

    def fill(self, shape):
        """Writes every key, through the proxy and into the server that stands for "direct"."""
        if not self.traffic.fills or self.deployment.has_null_servers:
            return
        for address in filter(None, (self.deployment.address, self.deployment.direct)):
            self.runner.run(address, [*self._words(shape), "--fill", "-n", "1"], {}, None,
                            self.progress, "writing the keys")

    def search(self, shape):
        """Adds a point: the closed loop's throughput, and the highest rate that holds the goal."""
        threads = shape["threads"]
        name = f"{threads} threads, {shape['connections']} connections"
        words = self._words(shape)
        closed = self._run(self.deployment.address, [*words, "--seconds", self.seconds],
                           self._groups(), f"{name}: closed loop")
        self.progress.finish_step(self.seconds_of_run)
        peak = max(closed["requests_per_second"], 20.0)
        point = {**shape, "closed_loop": closed, "knee": None}
        self.points.append(point)

        def measure(rate):
            label = f"{name}: {rate:,.0f} requests/s"
            run = self._run(self.deployment.address,
                            [*words, "--rate", f"{rate:.3f}", "--seconds", self.seconds],
                            self._groups(), label)
            self.progress.finish_step(self.seconds_of_run)
            holds, reason, limit = judge(run, rate, self.goal, threads)
            return {"holds": holds, "reason": reason, "limit": limit, "run": run}

        search = Search(measure, self.precision, self.reps, max(self.reps, 2),
                        floor=max(FLOOR_SHARE * peak, 10.0))
        before = self.progress.done
        try:
            point["knee"] = search.run(START_SHARE * peak)
        finally:
            if point["knee"] is None and search.trials:
                point["knee"] = search.conclude()
            planned = self.seconds_of_point - self.seconds_of_run
            self.progress.expect(self.progress.done - before - planned)
        return point

    def climb(self, point, shape):
        """The ladder: with and without the proxy in turns, at shares of the rate found."""
        top = point["knee"]["rate"] or point["closed_loop"]["requests_per_second"]
        words = self._words(shape)
        for share in self.shares:
            rate = share * top
            rung = {"share": share, "rate": rate}
            self.ladder.append(rung)
            for name, address in (("proxied", self.deployment.address),
                                  ("direct", self.deployment.direct)):
                if address is None:
                    continue
                rung[name] = self._run(
                    address, [*words, "--rate", f"{rate:.3f}", "--seconds", self.seconds],
                    self._groups(name == "direct"), f"{name}: {rate:,.0f} requests/s")
                self.progress.finish_step(self.seconds_of_run)

    @property
    def shares(self):
        return LADDER_QUICK if self.is_quick else LADDER

    def count_calls(self, point, shape):
        """System calls a request of the proxy and of the servers, at a modest rate."""
        rate = CALL_SHARE * (point["knee"]["rate"] or point["closed_loop"]["requests_per_second"])
        words = [*self._words(shape), "--rate", f"{rate:.3f}", "--seconds", self.seconds]
        for group, pids in self._groups().items():
            counter = CallCounter(pids)
            counter.start()
            try:
                run = self._run(self.deployment.address, words, {}, f"system calls: {group}")
            finally:
                calls = counter.stop()
            if calls is not None and run["requests"]:
                self.calls[group] = {"calls_per_request": calls / run["requests"], "rate": rate}
            self.progress.finish_step(self.seconds_of_run)


def memory_of(point):
    """The proxy's memory in the trials that held the goal: the largest; None without a pid."""
    trials = point["knee"]["trials"] if point["knee"] else []
    seen = [trial["run"]["groups"]["proxy"]["resident_bytes"] for trial in trials
            if trial["holds"] and "proxy" in trial["run"]["groups"]]
    return max(seen, default=None)


def cost_at_knee(point, group):
    """CPU microseconds a request, the median of the trials at the rate that was found."""
    knee = point["knee"]
    if not knee or knee["rate"] is None:
        return None
    costs = [trial["run"]["groups"][group]["cpu_us_per_request"] for trial in knee["trials"]
             if trial["rate"] == knee["rate"] and group in trial["run"]["groups"]]
    costs = [cost for cost in costs if cost is not None]
    return median(costs) if costs else None
