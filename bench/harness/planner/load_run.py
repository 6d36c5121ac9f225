"""One run of `ringfold-bench load`, and what it cost whom."""

import json
import pathlib
import signal
import subprocess
import time

from planner import errors
from planner.processes import Meter
from planner.programs import bench_binary, pinning

GRACE_SECONDS = 60.0  # for connecting, for replies that are late, for a machine that is busy


class Interrupted(Exception):
    """Ctrl-C: this run counts for nothing, those before it do."""


def read_percentiles(text):
    """An HdrHistogram percentile file as [[share, milliseconds], ...], without share 1."""
    points = []
    for line in text.splitlines():
        fields = line.split()
        if len(fields) in (3, 4) and fields[0][0].isdigit() and float(fields[1]) < 1:
            points.append([float(fields[1]), float(fields[0])])
    return points


def summarize(run, usage, machine_busy, percentiles):
    """What the planner keeps of a run: plain numbers, microseconds unless a name says more."""
    counts = run["counts"]
    latency = {name: run["latency_us"][name] for name in
               ("mean", "p50", "p90", "p99", "p99.9", "p99.99", "max")}
    faults = {name: counts[name] for name in
              ("errors", "mismatches", "lost", "unanswered", "unsent", "connections_lost")}
    requests = counts["requests"]
    groups = {}
    for name, used in usage.items():
        groups[name] = {
            "cpu_us_per_request": used["cpu_seconds"] * 1e6 / requests if requests else None,
            "cores": used["cpu_seconds"] / used["seconds"],
            "busiest_cores": used["busiest_seconds"] / used["seconds"],
            "resident_bytes": used["resident_bytes"]}
    return {
        "requests": counts["requests"], "requests_per_second": run["requests_per_second"],
        "seconds": run["seconds"], "latency_us": latency, "faults": faults,
        "fault_examples": run["faults"][:3], "unexpected_misses": counts["unexpected_misses"],
        "load_cores": run["cpu"]["cores"], "load_threads": run["plan"]["threads"],
        "pipeline": run["plan"]["pipeline"],
        "load_us_per_request": run["cpu"]["us_per_request"],
        "lag_us": run["schedule_lag_us"]["mean"], "groups": groups, "machine_busy": machine_busy,
        "percentiles": percentiles}


class Runner:
    """Runs load in a folder for its files; pins it to cores when there are any."""

    def __init__(self, folder, cores=None):
        self.folder = pathlib.Path(folder)
        self.cores = cores
        self.process = None

    def run(self, address, words, groups, seconds=None, progress=None, label=""):
        """Drives traffic at address. groups: name to process ids whose CPU time is taken, from
        start to end, connecting included. seconds: how long it is expected to take.
        Raises Interrupted on Ctrl-C, StartError when load cannot run."""
        json_path, hdr_path = self.folder / "load.json", self.folder / "load.hdr"
        for path in (json_path, hdr_path):
            path.unlink(missing_ok=True)
        command = [bench_binary(), "load", address, *map(str, words), "--quiet",
                   "--json", json_path, "--hdr", hdr_path]
        meter = Meter(groups)
        begin = time.monotonic()
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE,
                                        stdin=subprocess.DEVNULL, text=True,
                                        start_new_session=True, preexec_fn=pinning(self.cores))
        try:
            err = self._wait(begin, seconds, progress, label)
        except BaseException:
            self._abandon()
            raise
        usage, machine_busy = meter.read()
        elapsed = time.monotonic() - begin
        for used in usage.values():
            used["seconds"] = elapsed
        code = self.process.returncode
        if code not in (errors.GOOD, errors.WRONG_REPLIES):
            kind = errors.UsageError if code == errors.BAD_USAGE else errors.StartError
            raise kind(err.strip().removeprefix("ringfold-bench ") or f"load ended with {code}")
        runs = json.loads(json_path.read_text())["runs"]
        return summarize(runs[-1], usage, machine_busy, read_percentiles(hdr_path.read_text()))

    def _wait(self, begin, seconds, progress, label):
        limit = begin + (seconds or 0) + GRACE_SECONDS
        while True:
            try:
                return self.process.communicate(timeout=0.25)[1]
            except subprocess.TimeoutExpired:
                now = time.monotonic()
                if progress:
                    progress.show(label, min(now - begin, seconds or 0))
                if seconds and now > limit:
                    raise errors.StartError("load does not come to an end: is the target frozen?") \
                        from None
            except KeyboardInterrupt:
                raise Interrupted from None

    def _abandon(self):
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
            try:
                self.process.communicate(timeout=5)
            except subprocess.TimeoutExpired:
                self.process.kill()
                self.process.communicate()
