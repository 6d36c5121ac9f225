"""The command line of `ringfold-bench compare`."""

import argparse

from planner.errors import UsageError
from planner.load_words import RESERVED, refuse_reserved

DESCRIPTION = """\
Drives the same traffic at several targets in turns (A B A B ...) and says how they compare with
the first one: medians over the rounds, and the ratio of the medians with its 95 % interval.
"""

EPILOG = """\
Everything after -- goes to `ringfold-bench load` as it is: the traffic, --seconds, --rate.

A target is NAME=ADDRESS of something that runs (add --pid NAME=N to see its CPU time), or
NAME=COMMAND that compare starts and ends. In a command {port} becomes a free port, and {config} a
copy of the file given by --config NAME=FILE in which {port} is replaced likewise.

Examples:
  ringfold-bench compare --target direct=127.0.0.1:6379 --target proxy=127.0.0.1:22121 \\
      --pid proxy=4711 --server-pid 815 --reps 7 -- -c 50 --seconds 5 --mix get:9,set:1
  ringfold-bench compare --target old="./old/ringfold -c {config}" --config old=pool.toml \\
      --target new="build/ringfold -c {config}" --config new=pool.toml \\
      --pin load=1 --pin old=0 --pin new=0 -- --seconds 10 -P 16

Exit codes: 0 well; 2 bad usage; 3 could not start; 4 replies were wrong, errors or lost.
"""


def parse(words):
    """Options with .load, the words after --."""
    split = words.index("--") if "--" in words else len(words)
    parser = argparse.ArgumentParser(prog="ringfold-bench compare", description=DESCRIPTION,
                                     epilog=EPILOG, allow_abbrev=False,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--target", action="append", default=[], metavar="NAME=...",
                        help="what to measure; twice or more, the first is what others are "
                             "compared with")
    parser.add_argument("--config", action="append", default=[], metavar="NAME=FILE",
                        help="what stands for {config} in the command of a target")
    parser.add_argument("--pid", action="append", default=[], metavar="NAME=N",
                        help="the process of a target that runs already; repeatable")
    parser.add_argument("--server-pid", action="append", default=[], type=int, metavar="N",
                        help="a server behind the targets, for its CPU time; repeatable")
    parser.add_argument("--pin", action="append", default=[], metavar="NAME=CORES",
                        help="keep a target, or load, on cores: 0, 0,2 or 0-3")
    parser.add_argument("--reps", type=int, default=5, metavar="N", help="rounds (5)")
    parser.add_argument("--syscalls", action="store_true",
                        help="also count system calls a request with strace, in runs of their own")
    parser.add_argument("--json", metavar="FILE", help="all runs and ratios")
    options = parser.parse_args(words[:split])
    options.load = words[split + 1:]
    refuse_reserved(options.load, RESERVED)
    if options.reps < 1:
        raise UsageError("--reps: 1 at least")
    if not options.target:
        raise UsageError("compare needs --target; --help shows examples")
    return options
