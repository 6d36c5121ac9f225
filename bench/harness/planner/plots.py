"""The plots of the report: matplotlib, as SVG to stand inside a page. Colours come from the page's
CSS (light and dark), so that in the SVG each stands for a role; text stays text."""

import io
import re

import matplotlib

matplotlib.use("svg")
from matplotlib import pyplot  # noqa: E402  the back end comes first
from matplotlib.ticker import FuncFormatter, NullFormatter  # noqa: E402

from planner import scaling  # noqa: E402

WIDTH, HEIGHT = 4.8, 3.1  # inches; small, so that text is readable on a phone
# Placeholders that _to_css replaces: no colour of the plot may be anything else.
INK, GRID = "#010101", "#020202"
SERIES = ["#030303", "#040404", "#050505", "#060606"]
ROLES = {INK: "--ink", GRID: "--grid", SERIES[0]: "--first", SERIES[1]: "--second",
         SERIES[2]: "--third", SERIES[3]: "--fourth"}
PROXIED, DIRECT, GOAL, BAD = SERIES
STYLE = {
    "svg.fonttype": "none", "svg.hashsalt": "ringfold", "font.family": "sans-serif",
    "font.size": 11, "text.color": INK, "axes.edgecolor": GRID, "axes.labelcolor": INK,
    "xtick.color": INK, "ytick.color": INK, "axes.grid": True, "grid.color": GRID,
    "grid.linewidth": 0.6, "axes.spines.top": False, "axes.spines.right": False,
    "legend.frameon": False, "legend.fontsize": 9.5, "lines.linewidth": 2, "figure.dpi": 100,
}


def short(value, _=None):
    """1500 as 1.5k, 0.25 as 0.25."""
    for size, unit in ((1e6, "M"), (1e3, "k")):
        if abs(value) >= size:
            return f"{value / size:.3g}{unit}"
    return f"{value:.3g}"


def _to_css(svg, title):
    """The SVG element alone, its colours as CSS variables, described for those who cannot see."""
    svg = svg[svg.index("<svg"):]
    svg = re.sub(r"<metadata>.*?</metadata>", "", svg, flags=re.DOTALL)
    svg = re.sub(r'<svg [^>]*viewBox="([^"]*)"[^>]*>',
                 rf'<svg xmlns="http://www.w3.org/2000/svg" '
                 rf'xmlns:xlink="http://www.w3.org/1999/xlink" viewBox="\1" role="img" '
                 rf'aria-label="{title}">', svg, count=1)
    for colour, role in ROLES.items():
        svg = svg.replace(colour, f"var({role})")
    prefix = re.sub(r"\W+", "-", title.lower())
    svg = re.sub(r'\bid="', f'id="{prefix}-', svg)  # ids are of the whole page
    svg = re.sub(r'(href="#|url\(#)', rf"\1{prefix}-", svg)
    return svg.strip()


def _draw(title, paint, x_label, y_label):
    with matplotlib.rc_context(STYLE):
        figure, axes = pyplot.subplots(figsize=(WIDTH, HEIGHT))
        figure.patch.set_alpha(0)
        axes.patch.set_alpha(0)
        paint(axes)
        axes.set_xlabel(x_label)
        axes.set_ylabel(y_label)
        if axes.get_legend_handles_labels()[0]:
            # Above the plot, where it covers nothing.
            axes.legend(loc="lower left", bbox_to_anchor=(0, 1.0), ncols=2, borderaxespad=0.2)
        out = io.StringIO()
        figure.savefig(out, format="svg", bbox_inches="tight", metadata={"Date": None})
        pyplot.close(figure)
    return _to_css(out.getvalue(), title)


def _log_axis(axis):
    axis.set_major_formatter(FuncFormatter(short))
    axis.set_minor_formatter(NullFormatter())


def _rungs(result, name):
    return [(rung["rate"], rung[name]) for rung in result["ladder"]
            if name in rung and rung[name]["requests"]]


def latency(result, limits):
    """Throughput against latency: every trial of the search, and the ladder's medians."""
    def paint(axes):
        knee = result["points"][0]["knee"]
        for holds, colour, label in ((True, PROXIED, "p99, goal held"),
                                     (False, BAD, "p99, goal missed")):
            trials = [trial for trial in knee["trials"] if trial["holds"] == holds]
            if trials:
                axes.plot([trial["rate"] for trial in trials],
                          [trial["run"]["latency_us"]["p99"] / 1000 for trial in trials],
                          "o" if holds else "x", color=colour, markersize=6, label=label)
        for name, colour in (("proxied", PROXIED), ("direct", DIRECT)):
            rungs = _rungs(result, name)
            if rungs:
                axes.plot([rate for rate, _ in rungs],
                          [run["latency_us"]["p50"] / 1000 for _, run in rungs], "-",
                          color=colour, label=f"p50 {name}")
        for measure, limit in limits:
            axes.axhline(limit / 1000, color=GOAL, linestyle="--", linewidth=1.5,
                         label=f"goal: {measure}")
        axes.set_yscale("log")
        axes.set_xlim(left=0)
        _log_axis(axes.yaxis)
        axes.xaxis.set_major_formatter(FuncFormatter(short))
    return _draw("Throughput against latency", paint, "requests/s", "latency, ms")


def cost(result):
    """CPU microseconds a request against the rate."""
    def paint(axes):
        for name, group, colour, label in (("proxied", "proxy", PROXIED, "proxy"),
                                           ("proxied", "servers", GOAL, "servers behind it"),
                                           ("direct", "servers", DIRECT, "server, direct")):
            rungs = [(rate, run["groups"][group]["cpu_us_per_request"])
                     for rate, run in _rungs(result, name) if group in run["groups"]]
            if rungs:
                axes.plot(*zip(*rungs), "o-", color=colour, markersize=5, label=label)
        axes.set_xlim(left=0)
        axes.set_ylim(bottom=0)
        axes.xaxis.set_major_formatter(FuncFormatter(short))
    return _draw("CPU per request against rate", paint, "requests/s", "CPU, µs a request")


def percentiles(result):
    """Percentile curves: the distance to 100 % on a log axis, as HdrHistogram's plotters do."""
    def paint(axes):
        rungs = _rungs(result, "proxied")
        chosen = {0, len(rungs) // 2, len(rungs) - 1}
        for (rate, run), colour in zip([rungs[index] for index in sorted(chosen)],
                                       (DIRECT, PROXIED, BAD)):
            points = [(1 / (1 - share), value) for share, value in run["percentiles"]]
            if points:
                axes.plot(*zip(*points), "-", color=colour, label=f"{short(rate)} requests/s")
        axes.set_xscale("log")
        axes.set_yscale("log")
        levels = [0.5, 0.9, 0.99, 0.999, 0.9999]
        reach = max((1 / (1 - run["percentiles"][-1][0]) for _, run in rungs
                     if run["percentiles"]), default=100)
        shown = [level for level in levels if 1 / (1 - level) <= max(reach, 100)]
        axes.set_xticks([1 / (1 - level) for level in shown])
        axes.set_xticklabels([f"{level * 100:g} %" for level in shown], fontsize=9)
        axes.xaxis.set_minor_formatter(NullFormatter())
        _log_axis(axes.yaxis)
    return _draw("Percentiles of the latency", paint, "share of requests that are faster",
                 "latency, ms")


def direct_and_proxied(result):
    """What the proxy adds, at the same rates in turns: p50 and p99 of both."""
    def paint(axes):
        for name, colour in (("proxied", PROXIED), ("direct", DIRECT)):
            rungs = _rungs(result, name)
            for measure, line in (("p50", "o-"), ("p99", "s--")):
                if rungs:
                    axes.plot([rate for rate, _ in rungs],
                              [run["latency_us"][measure] / 1000 for _, run in rungs], line,
                              color=colour, markersize=5, label=f"{measure} {name}")
        axes.set_yscale("log")
        axes.set_xlim(left=0)
        _log_axis(axes.yaxis)
        axes.xaxis.set_major_formatter(FuncFormatter(short))
    return _draw("Direct against proxied", paint, "requests/s", "latency, ms")


def threads(result):
    """The scaling law with its 95 % band, and the points it was fitted to."""
    found = result["scaling"]

    def paint(axes):
        most = max(point[0] for point in found["points"])
        span = [1 + step * (2 * most - 1) / 60 for step in range(61)]
        low, high = scaling.band(found, span)
        axes.fill_between(span, low, high, color=PROXIED, alpha=0.2, linewidth=0, label="95 %")
        parameters = (found["lambda"], found["sigma"], found["kappa"])
        inside = [step for step in span if step <= most]
        beyond = [step for step in span if step >= (inside or span)[-1]]
        axes.plot(inside, scaling.predict(parameters, inside), "-", color=PROXIED, label="law")
        axes.plot(beyond, scaling.predict(parameters, beyond), ":", color=PROXIED,
                  label="beyond what was measured")
        for number, rate, bottom, top in found["points"]:
            axes.errorbar([number], [rate], yerr=[[rate - bottom], [top - rate]], fmt="o",
                          color=INK, capsize=4)
        axes.set_xlim(left=0)
        axes.set_ylim(bottom=0)
        axes.yaxis.set_major_formatter(FuncFormatter(short))
        axes.xaxis.get_major_locator().set_params(integer=True)
    return _draw("Scaling over threads", paint, "threads", "requests/s that hold the goal")
