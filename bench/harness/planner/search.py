"""The highest rate that holds a goal: bracketing, bisection, confirmation, a second look upwards.
Knows nothing of what it measures, so that a simulated target can test it."""

import collections
import math

from planner.intervals import share_interval

BRACKET_STEP = 1.5
SECOND_STEP = 1.1    # where the bracket is known already, but for a slow moment of the machine
SECOND_LOOKS_MAX = 3


class Search:
    """measure(rate) returns a trial: {"holds": bool, "reason": ..., "limit": ..., ...}. It may
    raise to end the search; conclude() then speaks of what was measured."""

    def __init__(self, measure, precision, reps, confirmations, floor=10.0, ceiling=1e9):
        """precision: where to stop, as a share of the rate. reps: of each rate, decided by
        majority. confirmations: more of them at the rate that was found. floor, ceiling: rates
        beyond which nothing is searched."""
        self.measure = measure
        self.precision = precision
        self.reps = reps
        self.confirmations = confirmations
        self.floor = floor
        self.ceiling = ceiling
        self.trials = []  # in the order of time
        self.low = None   # the highest rate known to hold
        self.high = None  # the lowest rate known not to hold

    def at(self, rate):
        return [trial for trial in self.trials if trial["rate"] == rate]

    def _try(self, rate):
        trial = {"rate": rate, **self.measure(rate)}
        self.trials.append(trial)

    def _share(self, rate):
        trials = self.at(rate)
        return sum(trial["holds"] for trial in trials) / len(trials)

    def holds(self, rate):
        """By majority; as few repetitions as decide it."""
        need = self.reps // 2 + 1
        for _ in range(self.reps):
            self._try(rate)
            held = sum(trial["holds"] for trial in self.at(rate))
            if held >= need or len(self.at(rate)) - held >= need:
                break
        result = self._share(rate) > 0.5
        if result:
            self.low = rate if self.low is None else max(self.low, rate)
        else:
            self.high = rate if self.high is None else min(self.high, rate)
        return result

    def _rise(self, rate, step):
        """From a rate that holds to one that does not. False: there is none below the ceiling."""
        while rate < self.ceiling:
            rate = min(rate * step, self.ceiling)
            if not self.holds(rate):
                return True
        return False

    def bracket(self, start):
        """Grows or shrinks the rate until it fails or holds. False: there is nothing to bisect."""
        rate = start
        if self.holds(rate):
            return self._rise(rate, BRACKET_STEP)
        while rate > self.floor:
            rate = max(rate / BRACKET_STEP, self.floor)
            if self.holds(rate):
                return True
        return False

    def bisect(self):
        """Rates differ by factors, so the middle is the geometric one."""
        while self.high / self.low > 1 + self.precision:
            self.holds(math.sqrt(self.low * self.high))

    def confirm(self):
        """Lucky rates are found out: what does not hold again is given up for a lower one."""
        while self.low is not None and self.low > self.floor:
            rate = self.low
            for _ in range(self.confirmations):
                self._try(rate)
            if self._share(rate) > 0.5:
                return
            self.high, self.low = rate, None
            self.holds(rate / (1 + self.precision))
            if self.low is None:
                self.low = rate / (1 + self.precision)  # to be confirmed, or given up, in turn

    def look_up_again(self):
        """The rates above were given up for a few runs close together, and a slow moment of the
        machine is all it takes: the next rate above gets another chance now, later."""
        for _ in range(SECOND_LOOKS_MAX):
            if self.low is None or self.high is None:
                return
            rate = min(self.low * (1 + self.precision), self.ceiling)
            if math.isclose(rate, self.high) or not self.holds(rate):
                return
            self.high = None
            if self._rise(rate, SECOND_STEP):
                self.bisect()
            self.confirm()

    def run(self, start):
        if self.bracket(start) and self.low is not None:
            self.bisect()
        self.confirm()
        self.look_up_again()
        return self.conclude(is_complete=True)

    def conclude(self, is_complete=False):
        """What the trials so far say."""
        rates = sorted({trial["rate"] for trial in self.trials})
        rate = self.low if self.low is not None and self._share(self.low) > 0.5 else None
        if rate is None:
            good = [each for each in rates if self._share(each) > 0.5]
            rate = max(good, default=None)
        result = {"rate": rate, "is_complete": is_complete, "reached_ceiling": False,
                  "held": 0, "trials_at_rate": 0, "low": None, "high": None, "limit": None,
                  "trials": self.trials}
        failed = [each for each in rates if self._share(each) <= 0.5]
        if rate is not None:
            held = sum(trial["holds"] for trial in self.at(rate))
            count = len(self.at(rate))
            always = [each for each in rates if each <= rate and self._share(each) == 1]
            result.update(held=held, trials_at_rate=count, low=max(always, default=None),
                          reached_ceiling=not failed)
            result["share_low"], result["share_high"] = share_interval(held, count)
            failed = [each for each in failed if each > rate]
        if failed:
            never = [each for each in failed if self._share(each) == 0]
            result["high"] = min(never, default=None)
            limits = [trial["limit"] for trial in self.at(min(failed)) if not trial["holds"]]
            result["limit"] = collections.Counter(limits).most_common(1)[0][0] if limits else None
        return result
