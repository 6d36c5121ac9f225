"""What the proxy shall hold: "p99<1ms", or several of these with commas between them."""

import re

from planner.errors import UsageError

UNITS_US = {"us": 1, "ms": 1000, "s": 1_000_000}
MEASURES = ("mean", "p50", "p90", "p99", "p99.9", "p99.99", "max")
PATTERN = re.compile(r"\s*([a-z0-9.]+)\s*<\s*([0-9.]+)\s*(us|ms|s)\s*")


class Goal:
    def __init__(self, text):
        """Fails on what is no goal."""
        self.text = text
        self.limits = []  # (measure, microseconds)
        for part in text.split(","):
            match = PATTERN.fullmatch(part)
            if not match or match.group(1) not in MEASURES:
                raise UsageError(f"--target {text}: \"p99<1ms\" is expected; there are "
                                 f"{', '.join(MEASURES)} and us, ms, s")
            try:
                limit = float(match.group(2)) * UNITS_US[match.group(3)]
            except ValueError:
                raise UsageError(f"--target {text}: {match.group(2)} is no number") from None
            if limit <= 0:
                raise UsageError(f"--target {text}: the limit must be above 0")
            self.limits.append((match.group(1), limit))

    @property
    def tightest_us(self):
        return min(limit for _, limit in self.limits)

    def failure(self, latency_us):
        """What is not held, as a text; None when all is."""
        for measure, limit in self.limits:
            if latency_us[measure] >= limit:
                return f"{measure} was {latency_us[measure] / 1000:.3f} ms"
        return None
