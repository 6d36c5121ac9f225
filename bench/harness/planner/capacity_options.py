"""The command line of `ringfold-bench capacity`."""

import argparse
import os
import pathlib
import shutil

from planner.errors import StartError, UsageError, need_module
from planner.goal import Goal
from planner.load_words import RESERVED_BY_SEARCH, refuse_reserved
from planner.programs import bench_binary, parse_cores
from planner.targets import split_pair

DESCRIPTION = """\
Finds the highest rate at which a proxy holds a latency goal for a given traffic, what that costs,
how it scales, and says what is needed for the traffic to come.
"""

EPILOG = """\
Two ways in:
  --config FILE            starts the proxy with this configuration's pool in front of null servers
                           (or --servers real: redis-server, memcached) on free ports
  --proxy HOST:PORT        measures a proxy that runs. This writes keys into its servers!
The traffic: --traffic FILE (configs/capacity/*.toml), options of `ringfold-bench load` after --, or
both: the options then change what the file says.

Examples:
  ringfold-bench capacity --config pool.toml --traffic configs/capacity/session_store.toml \\
      --target "p99<1ms" --sweep threads=1,2,4 --need 800000 --html report.html
  ringfold-bench capacity --proxy 127.0.0.1:22121 --pid 4711 --direct 127.0.0.1:6379 \\
      --target "p99<2ms" -- --mix get:9,set:1 --size 100-400

Exit codes: 0 well; 2 bad usage; 3 could not start; 4 no rate held the goal.
"""
SWEEPS = ("threads", "connections", "pipeline")


def _parser():
    parser = argparse.ArgumentParser(prog="ringfold-bench capacity", description=DESCRIPTION,
                                     epilog=EPILOG, allow_abbrev=False,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    what = parser.add_argument_group("what is measured")
    what.add_argument("--proxy", metavar="ADDRESS", help="a proxy that runs: HOST:PORT, unix:PATH")
    what.add_argument("--pid", type=int, metavar="N", help="its process, for CPU time and memory")
    what.add_argument("--direct", metavar="ADDRESS", help="a server behind it, to compare with")
    what.add_argument("--server-pid", type=int, action="append", default=[], metavar="N",
                      help="process of a server behind it; repeatable")
    what.add_argument("--config", metavar="FILE", help="ringfold's configuration: started from it; "
                      "with --proxy only read")
    what.add_argument("--pool", metavar="NAME", help="its pool (the first of the protocol)")
    what.add_argument("--servers", choices=("null", "real"), default="null",
                      help="what stands behind a proxy that is started (null)")
    what.add_argument("--server-threads", type=int, default=1, metavar="N",
                      help="of the null servers together, or of a memcached (1)")
    what.add_argument("--ringfold", metavar="FILE", help="the proxy's program")
    what.add_argument("--threads", type=int, metavar="N", help="of the proxy (as configured)")
    how = parser.add_argument_group("how")
    how.add_argument("--traffic", metavar="FILE", help="a traffic description")
    how.add_argument("--target", metavar="GOAL", help="such as \"p99<1ms\" (the traffic's; that)")
    how.add_argument("--sweep", action="append", default=[], metavar="WHAT=N,N",
                     help="threads, connections or pipeline; repeatable, one at a time is varied")
    how.add_argument("--pin", action="append", default=[], metavar="NAME=CORES",
                     help="keep load, proxy or servers on cores: 0, 0,2 or 0-3")
    how.add_argument("--seconds", type=float, metavar="S", help="of a run (5; --quick: 1)")
    how.add_argument("--reps", type=int, metavar="N", help="of a rate (3; --quick: 1)")
    how.add_argument("--precision", type=float, metavar="SHARE",
                     help="of the rate that is found (0.03; --quick: 0.15)")
    how.add_argument("--quick", action="store_true", help="a rough answer within a minute")
    how.add_argument("--syscalls", action="store_true", help="count system calls with strace")
    answer = parser.add_argument_group("the answer")
    answer.add_argument("--need", type=float, metavar="R", help="requests/s to plan for")
    answer.add_argument("--headroom", type=float, default=30, metavar="H",
                        help="per cent of the capacity that stays free (30)")
    answer.add_argument("--json", metavar="FILE", help="everything that was measured")
    answer.add_argument("--html", metavar="FILE", help="a report with plots, in one file")
    return parser


def parse(words):
    """Options with .load, .goal_text, .sweeps, .pins; defaults filled in."""
    split = words.index("--") if "--" in words else len(words)
    options = _parser().parse_args(words[:split])
    options.load = words[split + 1:]
    refuse_reserved(options.load, RESERVED_BY_SEARCH | {"--clients"})
    if not options.proxy and not options.config:
        raise UsageError("--config FILE or --proxy ADDRESS: what is to be measured? --help shows "
                         "examples")
    if not options.proxy:
        for name in ("pid", "direct", "server_pid"):
            if getattr(options, name):
                raise UsageError(f"--{name.replace('_', '-')} is for --proxy")
    _fill_defaults(options)
    options.sweeps = dict(_sweep(text) for text in options.sweep)
    if options.proxy and "threads" in options.sweeps:
        raise UsageError("--sweep threads: a proxy that runs (--proxy) keeps its threads; use "
                         "--config")
    options.pins = {}
    for text in options.pin:
        name, value = split_pair(text, "--pin")
        if name not in ("load", "proxy", "servers") or (options.proxy and name != "load"):
            raise UsageError(f"--pin {text}: load, proxy or servers (of --config)")
        options.pins[name] = parse_cores(value)
    if options.syscalls and not (options.config or options.pid):
        raise UsageError("--syscalls needs --pid")
    if options.html:
        need_module("matplotlib", "python3-matplotlib")
    if options.target:
        Goal(options.target)
    return options


def _fill_defaults(options):
    options.seconds = options.seconds or (1 if options.quick else 5)
    options.reps = options.reps or (1 if options.quick else 3)
    options.precision = options.precision or (0.15 if options.quick else 0.03)
    if options.seconds < 0.2 or options.reps < 1 or not 0.005 <= options.precision <= 1:
        raise UsageError("--seconds: 0.2 at least; --reps: 1 at least; --precision: 0.005 to 1")
    if not 0 <= options.headroom < 100 or (options.need is not None and options.need <= 0):
        raise UsageError("--headroom: 0 to below 100 per cent; --need: above 0")
    if options.server_threads < 1 or (options.threads or 1) < 1:
        raise UsageError("threads: 1 at least")
    if options.config and not options.proxy and not options.ringfold:
        beside = pathlib.Path(bench_binary()).with_name("ringfold")
        options.ringfold = str(beside) if os.access(beside, os.X_OK) else shutil.which("ringfold")
        if not options.ringfold:
            raise StartError("no ringfold beside ringfold-bench nor in the path: --ringfold FILE")
    for path in filter(None, (options.json, options.html)):
        if not pathlib.Path(path).resolve().parent.is_dir():
            raise UsageError(f"{path}: there is no such folder")


def _sweep(text):
    name, value = split_pair(text, "--sweep")
    numbers = value.split(",")
    if name not in SWEEPS or not all(number.isdigit() and int(number) for number in numbers):
        raise UsageError(f"--sweep {text}: {', '.join(SWEEPS)}=N,N,... is expected")
    return name, sorted({int(number) for number in numbers})
