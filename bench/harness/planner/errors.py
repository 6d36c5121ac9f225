"""How the planner fails: one line on stderr, and the exit codes of ringfold-bench."""

import importlib.util
import sys

GOOD, BAD_USAGE, COULD_NOT_START, WRONG_REPLIES = 0, 2, 3, 4
INTERRUPTED = 130  # by Ctrl-C, before there was anything to keep


class Failure(Exception):
    code = COULD_NOT_START


class UsageError(Failure):
    """What was asked for makes no sense; nothing was started."""
    code = BAD_USAGE


class StartError(Failure):
    """A program or a file that is needed is not there or does not work."""
    code = COULD_NOT_START


def need_module(name, package):
    """Fails with the remedy when a Python module is missing."""
    if importlib.util.find_spec(name) is None:
        raise StartError(f"{sys.executable} has no module {name}: apt install {package} (or name "
                         "another Python in the environment variable RINGFOLD_PYTHON)")
