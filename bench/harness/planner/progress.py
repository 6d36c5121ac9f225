"""One line on the terminal: how far, and how long still."""

import sys
import time

BAR_COLUMNS = 24


class Progress:
    """Nothing is shown when stderr is no terminal. Work is counted in seconds that are expected;
    what takes longer than expected stretches what is left."""

    def __init__(self, seconds, out=sys.stderr):
        self.expected = max(seconds, 0.1)
        self.done = 0.0
        self.begin = time.monotonic()
        self.out = out
        self.is_shown = out.isatty()

    def expect(self, seconds):
        """There is more to do than was thought, or (negative) less."""
        self.expected = max(self.expected + seconds, self.done + 0.1)

    def text(self, label, running=0.0):
        done = min(self.done + running, self.expected)
        share = done / self.expected
        passed = time.monotonic() - self.begin
        pace = max(1.0, passed / done) if done > 0 else 1.0
        left = (self.expected - done) * pace
        filled = round(share * BAR_COLUMNS)
        bar = "#" * filled + "." * (BAR_COLUMNS - filled)
        left_text = f"{left:.0f} s" if left < 120 else f"{left / 60:.0f} min"
        return f"[{bar}] {share * 100:3.0f} %  about {left_text} left  {label}"

    def show(self, label, running=0.0):
        """running: seconds into the step that is under way."""
        if self.is_shown:
            self.out.write("\r\033[K" + self.text(label, running)[:150])
            self.out.flush()

    def finish_step(self, seconds):
        self.done += seconds

    def clear(self):
        if self.is_shown:
            self.out.write("\r\033[K")
            self.out.flush()
