"""The words of load's command line that the planner must understand: how long a run takes, and
what happens before it is measured."""

from planner.errors import UsageError

# Options that the planner itself gives to load.
RESERVED = {"--json", "--json-out-file", "--hdr", "--csv", "-q", "--quiet", "-h", "--host",
            "--server", "-p", "--port", "-s", "-S", "--socket", "--unix-socket", "-t", "--tests"}
RATE = ("--rate", "--rate-limiting")
REQUESTS = ("-n", "--requests")
SECONDS = ("--seconds", "--test-time")
WARM_UP = ("--warm-up",)
RESERVED_BY_SEARCH = RESERVED | {*RATE, *REQUESTS, *SECONDS, *WARM_UP}

SECONDS_DEFAULT = 10  # load's own
OVERHEAD_SECONDS = 0.3  # of a run: the start of load, connecting


def refuse_reserved(words, reserved):
    """Fails on an option that the planner gives itself."""
    for word in words:
        if word.partition("=")[0] in reserved:
            raise UsageError(f"{word}: not after --, this command sets it itself")


def number(words, names, default):
    """The number that follows one of the names in words, or after its "="."""
    for index, word in enumerate(words):
        name, separator, value = word.partition("=")
        if name in names:
            text = value if separator else words[index + 1] if index + 1 < len(words) else ""
            try:
                return float(text)
            except ValueError:
                raise UsageError(f"{name}: a number is expected") from None
    return default


def without(words, names):
    """words without these options and their values."""
    result, skips = [], False
    for word in words:
        if skips:
            skips = False
        elif word in names:
            skips = True
        elif word.partition("=")[0] not in names:
            result.append(word)
    return result


class Traffic:
    """One traffic, taken apart: CPU time must be taken of what is measured only, so that filling
    and warming up become runs of their own."""

    def __init__(self, words):
        self.fills = "--fill" in words
        self.warm_up = number(words, WARM_UP, 0)
        self.measured = without([word for word in words if word != "--fill"], WARM_UP)
        self.endless = without(self.measured, (*SECONDS, *REQUESTS))
        self.seconds = number(words, SECONDS, SECONDS_DEFAULT) + OVERHEAD_SECONDS

    @property
    def fill_words(self):
        return [*without(self.endless, RATE), "--fill", "-n", "1"]

    @property
    def warm_up_words(self):
        return [*self.endless, "--seconds", f"{self.warm_up:g}"]

    @property
    def seconds_with_warm_up(self):
        return self.seconds + (self.warm_up + OVERHEAD_SECONDS if self.warm_up else 0)
