#!/usr/bin/env python3
"""Runs the micro benches and prints what bench/RESULTS.md keeps of them.

    bench/micro/record.py [--build build] [--processes 3] [--repetitions 3] [BENCH...]

Each program is started several times, because where memory happens to lie makes a difference too,
and runs its benches several times in an order that changes. The least processor time of all runs
counts: whatever else a machine does can only add to it. The column "spread" says by how much the
median is above the least; where it is large, the machine had other things to do.
"""

import argparse
import datetime
import json
import pathlib
import platform
import statistics
import subprocess
import sys
import tempfile

UNITS = {"ns": 1, "us": 1e3, "ms": 1e6, "s": 1e9}
# What one of a bench's items costs, in seconds, where a bench counts items.
PER_ITEM = ("per_request", "per_item", "per_append")


def machine():
    model = "unknown"
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            model = line.split(":")[1].strip()
            break
    cores = len([None for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines()
                 if line.startswith("processor")])
    compiler = subprocess.run(["c++", "--version"], capture_output=True, text=True,
                              check=False).stdout.split("\n")[0]
    return f"{model}, {cores} cores, Linux {platform.release()}, {compiler}"


def run_once(program, arguments):
    """The runs of all benches of a program, by name, in the order in which it lists them."""
    with tempfile.NamedTemporaryFile(suffix=".json") as out:
        subprocess.run([program, f"--benchmark_repetitions={arguments.repetitions}",
                        f"--benchmark_min_time={arguments.min_time}",
                        "--benchmark_enable_random_interleaving=true",
                        f"--benchmark_out={out.name}", "--benchmark_out_format=json"],
                       stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
        report = json.load(open(out.name))
    runs = {}
    for bench in sorted(report["benchmarks"], key=lambda each: (
            each["family_index"], each["per_family_instance_index"])):
        if bench.get("error_occurred"):
            sys.exit(f"{program}: {bench['name']}: {bench['error_message']}")
        if bench["run_type"] == "iteration":
            runs.setdefault(bench["run_name"], []).append(bench)
    return runs


def run(program, arguments):
    runs = {}
    for _ in range(arguments.processes):
        for name, benches in run_once(program, arguments).items():
            runs.setdefault(name, []).extend(benches)
    return runs


def nanoseconds(bench):
    for counter in PER_ITEM:
        if counter in bench:
            return bench[counter] * 1e9
    column = "real_time" if bench["run_name"].endswith("real_time") else "cpu_time"
    return bench[column] * UNITS[bench["time_unit"]]


def main():
    parser = argparse.ArgumentParser(description=__doc__.split("\n")[0])
    parser.add_argument("--build", default="build", type=pathlib.Path)
    parser.add_argument("--processes", default=3, type=int)
    parser.add_argument("--repetitions", default=3, type=int, help="in each process")
    parser.add_argument("--min-time", default=0.02, type=float, help="seconds of a repetition")
    parser.add_argument("benches", nargs="*", metavar="BENCH", help="tick, resp, ... [all]")
    arguments = parser.parse_args()
    folder = arguments.build / "bench" / "micro"
    programs = [folder / f"{name}_bench" for name in arguments.benches]
    programs = programs or sorted(folder.glob("*_bench"))
    if not programs:
        sys.exit(f"no benches in {folder}: meson configure -Dbenchmarks=true, then build")
    print(f"{datetime.date.today()}, {machine()}\n")
    print("| bench | ns | spread | |\n|---|---:|---:|---|")
    for program in programs:
        for name, benches in run(program, arguments).items():
            times = [nanoseconds(bench) for bench in benches]
            least = min(times)
            notes = []
            if "allocations" in benches[0]:
                notes.append(f"{sum(bench['allocations'] for bench in benches):.0f} allocations")
            if "ring_ns" in benches[0]:
                notes.append(f"{min(bench['ring_ns'] for bench in benches):.1f} ns are the bench's")
            print(f"| {name.removesuffix('/real_time')} | {least:.{1 if least < 100 else 0}f} | "
                  f"{statistics.median(times) / least - 1:.0%} | {', '.join(notes)} |", flush=True)


if __name__ == "__main__":
    main()
