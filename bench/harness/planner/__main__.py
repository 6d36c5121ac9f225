"""Run by ringfold-bench: python3 .../planner/__main__.py SUBCOMMAND OPTION..."""

import os
import signal
import sys

if sys.version_info < (3, 11):
    sys.exit("ringfold-bench: compare and capacity need Python 3.11 or later, and "
             f"{sys.executable} is {sys.version.split()[0]}")
sys.path.insert(0, os.path.dirname(os.path.dirname(os.path.abspath(__file__))))

from planner import errors  # noqa: E402  the path above comes first


def interrupt(*_):
    raise KeyboardInterrupt


def main(words):
    if not words or words[0] not in ("compare", "capacity"):
        print("usage: ringfold-bench compare|capacity ...", file=sys.stderr)
        return errors.BAD_USAGE
    # Whatever ends this program, what it has started is ended first.
    for number in (signal.SIGTERM, signal.SIGHUP):
        signal.signal(number, interrupt)
    try:
        if words[0] == "compare":
            from planner import compare
            return compare.main(words[1:])
        errors.need_module("numpy", "python3-numpy")
        errors.need_module("matplotlib", "python3-matplotlib")
        from planner import capacity
        return capacity.main(words[1:])
    except errors.Failure as failure:
        print(f"ringfold-bench {words[0]}: {failure}", file=sys.stderr)
        return failure.code
    except BrokenPipeError:  # who reads has seen enough; the files are written before the text
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return errors.GOOD
    except KeyboardInterrupt:
        return errors.INTERRUPTED


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
