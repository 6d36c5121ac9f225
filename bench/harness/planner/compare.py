"""`ringfold-bench compare`: the same traffic at several targets, in turns."""

import json
import sys
import tempfile

from planner import compare_options, compare_text, errors
from planner.intervals import median, ratio_of_medians
from planner.load_run import Interrupted, Runner
from planner.load_words import Traffic
from planner.processes import check_alive, describe_machine
from planner.programs import finish_in_peace
from planner.progress import Progress
from planner.system_calls import CallCounter
from planner.targets import make_targets

# Name in the JSON, where it lies in a run.
MEASURES = {
    "requests_per_second": lambda run: run["requests_per_second"],
    "p50_us": lambda run: run["latency_us"]["p50"],
    "p99_us": lambda run: run["latency_us"]["p99"],
    "target_cpu_us_per_request": lambda run: _group(run, "target", "cpu_us_per_request"),
    "servers_cpu_us_per_request": lambda run: _group(run, "servers", "cpu_us_per_request"),
    "target_resident_bytes": lambda run: _group(run, "target", "resident_bytes"),
}


def _group(run, group, what):
    return run["groups"][group][what] if group in run["groups"] else None


def groups_of(target, server_pids):
    groups = {}
    if target.pids:
        groups["target"] = target.pids
    if server_pids:
        groups["servers"] = server_pids
    return groups


class Session:
    """The targets, the traffic, and what drives it."""

    def __init__(self, targets, options, traffic, runner, progress):
        self.targets = targets
        self.options = options
        self.traffic = traffic
        self.runner = runner
        self.progress = progress
        self.rounds = []  # rounds[i][name] is a run
        self.calls = {target.name: {} for target in targets}

    def run(self, target, words, groups, seconds, label):
        self.progress.show(label)
        return self.runner.run(target.address, words, groups, seconds, self.progress, label)

    def fill(self):
        if self.traffic.fills:
            for target in self.targets:
                self.run(target, self.traffic.fill_words, {}, None, f"filling {target.name}")

    def run_rounds(self):
        for index in range(self.options.reps):
            self.rounds.append({})
            for target in self.targets:
                label = f"round {index + 1} of {self.options.reps}: {target.name}"
                if self.traffic.warm_up:
                    self.run(target, self.traffic.warm_up_words, {}, self.traffic.warm_up,
                             f"{label}, warming up")
                groups = groups_of(target, self.options.server_pid)
                self.rounds[-1][target.name] = self.run(target, self.traffic.measured, groups,
                                                        self.traffic.seconds, label)
                target.check_alive()
                self.progress.finish_step(self.traffic.seconds_with_warm_up)

    def count_calls(self):
        """System calls a request of targets and servers, each from a run under strace."""
        for target in self.targets:
            for group, pids in groups_of(target, self.options.server_pid).items():
                counter = CallCounter(pids)
                counter.start()
                try:
                    run = self.run(target, self.traffic.measured, {}, self.traffic.seconds,
                                   f"system calls of {target.name}: {group}")
                finally:
                    calls = counter.stop()
                if calls is not None and run["requests"]:
                    self.calls[target.name][f"{group}_calls_per_request"] = calls / run["requests"]
                self.progress.finish_step(self.traffic.seconds)

    def measure(self):
        """Everything; False when Ctrl-C has cut it short. What was measured is kept."""
        try:
            self.fill()
            self.run_rounds()
            if self.options.syscalls:
                self.count_calls()
        except (Interrupted, KeyboardInterrupt):
            return False
        return True


def evaluate(targets, rounds):
    """Medians of each target over the rounds it was in, ratios over the rounds both were in."""
    first, result = targets[0].name, []
    for target in targets:
        runs = [each[target.name] for each in rounds if target.name in each]
        row = {"name": target.name, "target": target.text, "address": target.address,
               "runs": len(runs), "median": {}, "ratio": {}}
        for name, take in MEASURES.items():
            values = [take(run) for run in runs if take(run) is not None]
            if values:
                row["median"][name] = median(values)
            pairs = [(take(each[target.name]), take(each[first])) for each in rounds
                     if target.name in each and first in each]
            pairs = [pair for pair in pairs if None not in pair]
            if target.name != first and pairs:
                row["ratio"][name] = ratio_of_medians(*zip(*pairs))
        row["faults"] = sum(sum(run["faults"].values()) for run in runs)
        row["load_cores"] = median([run["load_cores"] / run["load_threads"] for run in runs]) \
            if runs else None
        result.append(row)
    return result


def report(options, session, was_interrupted):
    rows = evaluate(session.targets, session.rounds)
    for row in rows:
        row["system_calls"] = session.calls[row["name"]]
    result = {"tool": "ringfold-bench compare", "machine": describe_machine(),
              "load_options": options.load, "pinning": options.pin, "rounds": options.reps,
              "interrupted": was_interrupted, "targets": rows, "runs": session.rounds}
    if options.json:
        try:
            with open(options.json, "w", encoding="utf-8") as out:
                json.dump(result, out, indent=1)
                out.write("\n")
        except OSError as error:
            raise errors.StartError(f"--json {options.json}: {error.strerror}") from None
    print(compare_text.table(result), flush=True)
    return errors.WRONG_REPLIES if any(row["faults"] for row in rows) else errors.GOOD


def expected_seconds(targets, options, traffic):
    seconds = len(targets) * options.reps * traffic.seconds_with_warm_up
    if options.syscalls:
        groups = sum(len(groups_of(target, options.server_pid)) + target.is_command
                     for target in targets)
        seconds += groups * traffic.seconds
    return seconds


def main(words):
    options = compare_options.parse(words)
    targets, load_cores = make_targets(options)
    for pid in options.server_pid:
        check_alive(pid, "--server-pid")
    traffic = Traffic(options.load)
    progress = Progress(expected_seconds(targets, options, traffic))
    was_interrupted = True
    with tempfile.TemporaryDirectory(prefix="ringfold-compare-") as folder:
        session = Session(targets, options, traffic, Runner(folder, load_cores), progress)
        try:
            for target in targets:
                target.start(folder)
            was_interrupted = not session.measure()
        except KeyboardInterrupt:
            pass  # while a target was starting: there is nothing to keep
        finally:
            finish_in_peace()
            progress.clear()
            for target in targets:
                target.stop()
    if not any(session.rounds):
        print("interrupted before a run was complete", file=sys.stderr)
        return errors.INTERRUPTED
    return report(options, session, was_interrupted)
