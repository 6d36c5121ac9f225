"""The Universal Scalability Law (Gunther 2007): with N threads

    throughput(N) = lambda N / (1 + sigma (N - 1) + kappa N (N - 1))

lambda: one thread alone, sigma: the share that is done one after another (contention), kappa: what
keeping threads coherent costs. It is linear in a, b, c of N / throughput = a + b (N-1) + c N (N-1)
with lambda = 1/a, sigma = b/a, kappa = c/a; each row is weighted so that relative errors count."""

import itertools

import numpy

DRAWS = 1000


def predict(parameters, threads):
    rate, sigma, kappa = parameters
    threads = numpy.asarray(threads, dtype=float)
    return rate * threads / (1 + sigma * (threads - 1) + kappa * threads * (threads - 1))


def solve(threads, rates, terms):
    """Least squares under a > 0, b >= 0, c >= 0: the best of the solutions in which some of b and c
    are held at 0. terms: how many of b, c may differ from 0. (lambda, sigma, kappa)."""
    threads, rates = numpy.asarray(threads, dtype=float), numpy.asarray(rates, dtype=float)
    columns = [numpy.ones_like(threads), threads - 1, threads * (threads - 1)]
    weights = rates / threads
    best, best_error = None, None
    for free in itertools.product((True, False), repeat=2):
        if sum(free) > terms or (terms == 1 and free[1]):
            continue
        chosen = [0] + [index + 1 for index in (0, 1) if free[index]]
        matrix = numpy.stack([columns[index] * weights for index in chosen], axis=1)
        found = numpy.linalg.lstsq(matrix, numpy.ones_like(threads), rcond=None)[0]
        if found[0] <= 0 or any(value < 0 for value in found[1:]):
            continue
        error = float(numpy.sum((matrix @ found - 1) ** 2))
        if best_error is None or error < best_error - 1e-15:
            full = dict(zip(chosen, found))
            best_error = error
            best = (1 / full[0], full.get(1, 0) / full[0], full.get(2, 0) / full[0])
    return best


def fit(points, seed=1):
    """points: [(threads, rate, low, high)], a range of the rate each. None without points. The
    uncertainty: the fit again for rates drawn evenly from their ranges (parametric bootstrap)."""
    if not points:
        return None
    threads = [point[0] for point in points]
    distinct = len(set(threads))
    terms = min(distinct - 1, 2)
    parameters = solve(threads, [point[1] for point in points], terms)
    chance = numpy.random.default_rng(seed)
    drawn = [solve(threads, [chance.uniform(low, high) for _, _, low, high in points], terms)
             for _ in range(DRAWS)]
    spread = numpy.quantile(numpy.array(drawn), [0.025, 0.975], axis=0)
    result = {"lambda": parameters[0], "sigma": parameters[1], "kappa": parameters[2],
              "draws": drawn, "remark": remark(distinct)}
    for index, name in enumerate(("lambda", "sigma", "kappa")):
        result[f"{name}_interval"] = [float(spread[0][index]), float(spread[1][index])]
    rate, sigma, kappa = parameters
    result["best_threads"] = ((1 - sigma) / kappa) ** 0.5 if kappa > 0 and sigma < 1 else None
    return result


def remark(distinct):
    if distinct == 1:
        return ("One number of threads was measured: how the proxy scales is not known. Sweep "
                "threads to find out.")
    if distinct == 2:
        return ("Two numbers of threads were measured: enough for contention (sigma), not for "
                "coherence (kappa), which is taken as 0. Beyond them this is a guess.")
    if distinct == 3:
        return ("Three numbers of threads were measured, as many as the law has parameters: the "
                "curve goes through the points, and nothing is left to contradict it.")
    return ""


def band(found, threads):
    """The 95 % band of the fit at some numbers of threads: (low, high)."""
    curves = numpy.array([predict(parameters, threads) for parameters in found["draws"]])
    return numpy.quantile(curves, [0.025, 0.975], axis=0)
