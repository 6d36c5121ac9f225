"""Medians of few runs, and how far they can be trusted."""

import math
import random
import statistics

RESAMPLES = 2000


def median(values):
    return statistics.median(values)


def quantile(values, share):
    """By linear interpolation, as numpy's default."""
    ordered = sorted(values)
    place = (len(ordered) - 1) * share
    low = math.floor(place)
    high = min(low + 1, len(ordered) - 1)
    return ordered[low] + (ordered[high] - ordered[low]) * (place - low)


def ratio_of_medians(values, base, seed=1):
    """The ratio of two targets' medians. values and base are runs of the same rounds, in pairs, so
    rounds are drawn as pairs: what slows a whole round down slows both. Percentile bootstrap
    (Efron 1979); with fewer than three rounds the interval is the smallest and largest pair."""
    pairs = [(value, other) for value, other in zip(values, base) if other > 0]
    if not pairs:
        return None
    ratios = [value / other for value, other in pairs]
    result = {
        "ratio": median([value for value, _ in pairs]) / median([other for _, other in pairs]),
        "paired_median": median(ratios), "paired_min": min(ratios), "paired_max": max(ratios),
    }
    result["low"], result["high"] = min(ratios), max(ratios)
    result["interval"] = "min and max of the rounds"
    if len(pairs) >= 3:
        chance = random.Random(seed)
        drawn = []
        for _ in range(RESAMPLES):
            sample = chance.choices(pairs, k=len(pairs))
            drawn.append(median([value for value, _ in sample]) /
                         median([other for _, other in sample]))
        result["low"], result["high"] = quantile(drawn, 0.025), quantile(drawn, 0.975)
        result["interval"] = "95 %, bootstrap over rounds"
    return result


def share_interval(successes, trials, z=1.96):
    """The 95 % interval of a probability after so many trials (Wilson 1927): unlike the textbook's
    it says something sensible after three successes in three trials."""
    if trials == 0:
        return 0.0, 1.0
    share = successes / trials
    middle = share + z * z / (2 * trials)
    spread = z * math.sqrt(share * (1 - share) / trials + z * z / (4 * trials * trials))
    scale = 1 + z * z / trials
    return max(0.0, (middle - spread) / scale), min(1.0, (middle + spread) / scale)
