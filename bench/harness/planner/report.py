"""The HTML report: one file, nothing from outside, for a screen, a phone and paper."""

import html
import pathlib

from planner import capacity_text, verdict
from planner.goal import Goal

STYLE = pathlib.Path(__file__).with_name("report.css")


def escape(value):
    return html.escape(str(value))


def table(rows):
    """The first row is the head, the first column names the row."""
    head = "".join(f'<th scope="col">{escape(cell)}</th>' for cell in rows[0])
    body = ""
    for row in rows[1:]:
        cells = "".join(f"<td>{escape(cell)}</td>" for cell in row[1:])
        body += f'<tr><th scope="row">{escape(row[0])}</th>{cells}</tr>\n'
    return (f'<div class="scroll" tabindex="0"><table><thead><tr>{head}</tr></thead>\n'
            f"<tbody>{body}</tbody></table></div>")


def items(lines):
    return "<ul>" + "".join(f"<li>{escape(line)}</li>" for line in lines) + "</ul>"


def section(name, title, *parts):
    return f'<section id="{name}"><h2>{escape(title)}</h2>\n' + "\n".join(parts) + "</section>\n"


def figure(svg, text):
    return f"<figure>{svg}<figcaption>{escape(text)}</figcaption></figure>"


def paragraph(text):
    return f"<p>{escape(text)}</p>"


def answer(result):
    """The first thing to read: the number, how sure it is, and what was asked."""
    base = result["points"][0]
    knee = base["knee"]
    parts = []
    if knee["rate"]:
        at = escape(f"{result['goal']}, {capacity_text.shape_text(base)}")
        parts.append(f'<p class="figure-of-merit"><strong>{knee["rate"]:,.0f}</strong> requests/s '
                     f"at {at}</p>")
    sure = capacity_text.confidence(knee)
    parts.append(paragraph(f"{sure[0].upper() + sure[1:]}. What ended the search: "
                           f"{capacity_text.limit_text(knee)}."))
    lines = capacity_text.answer_lines(result)
    if lines:
        first = lines[0]
        parts.append(f'<p class="answer">{escape(first[0].upper() + first[1:])}.</p>')
        if lines[1:]:
            parts += [paragraph("Or:"), items(lines[1:])]
    if result["interrupted"]:
        parts.append('<p class="warning">Interrupted: this is what was measured until then.</p>')
    if result["quick"]:
        parts.append('<p class="warning">A quick run: few and short runs, a rough answer.</p>')
    limit = knee["limit"]
    if knee["rate"] and limit is not None and not verdict.is_own_limit(limit):
        parts.append('<p class="warning">The rate is a lower bound of what the proxy can do.</p>')
    return section("answer", "The answer", *parts)


def circumstances(result):
    machine = result["machine"]
    rows = [["", ""],
            ["machine", f"{machine['cpu']}, {machine['cores']} cores, Linux {machine['kernel']}"],
            ["load average at the end", f"{machine['load_average']:.1f}"],
            ["servers", result["servers"]],
            ["pinning", ", ".join(result["pinning"]) or "none"],
            ["runs", f"{result['seconds']:g} s each, {result['reps']} of a rate, searched to "
                     f"{result['precision']:.0%}"]]
    rows += [[f"traffic: {key}", value] for key, value in result["traffic"].items()]
    if result["load_options"]:
        rows.append(["options of load", " ".join(result["load_options"])])
    body = "".join(f'<tr><th scope="row">{escape(name)}</th><td>{escape(value)}</td></tr>\n'
                   for name, value in rows[1:])
    return section("circumstances", "How this was measured",
                   f'<div class="scroll" tabindex="0"><table class="facts"><tbody>{body}</tbody>'
                   "</table></div>")


def plots(result):
    """The sections with plots; what has not been measured says so."""
    from planner import plots as draw
    limits = Goal(result["goal"]).limits
    sections = [section("latency", "Throughput against latency", figure(
        draw.latency(result, limits),
        "Each mark is one run of the search. Latency counts from the time a request was due, so a "
        "proxy that cannot keep up shows as latency that grows without end."))]
    not_measured = paragraph("Not measured: the run was interrupted before.")
    has_ladder = any(rung.get("proxied") for rung in result["ladder"])
    sections.append(section("cost", "CPU per request against rate", figure(
        draw.cost(result), "A proxy that batches gets cheaper under load.")
        if has_ladder else not_measured))
    sections.append(section("percentiles", "Percentiles", figure(
        draw.percentiles(result), "To the right ever rarer requests; a step is a stall.")
        if has_ladder else not_measured))
    has_direct = any(rung.get("direct") for rung in result["ladder"])
    parts = [paragraph("Not measured: no server to compare with was given (--direct).")]
    if has_direct:
        parts = [figure(draw.direct_and_proxied(result), "The same traffic at the same rates, with "
                        "the proxy and at one server alone, in turns."),
                 table(capacity_text.ladder_rows(result))]
    sections.append(section("direct", "Direct against proxied", *parts))
    found = result["scaling"]
    parts = [paragraph("No rate held the goal, so that there is nothing to fit.")]
    if found:
        lines = [line.strip() for line in capacity_text.scaling_lines(found)]
        parts = [items(lines)]
    if found and len(found["points"]) > 1:
        parts = [figure(draw.threads(result), "The Universal Scalability Law, fitted to the "
                        "highest rates that hold the goal; bars: from always held to never held."),
                 items(lines)]
    sections.append(section("scaling", "Scaling over threads", *parts))
    return "".join(sections)


def page(result):
    """result: as capacity.evaluate() makes it, with at least one point."""
    result = {**result, "points": [point for point in result["points"] if point["knee"]]}
    points = [table(capacity_text.point_rows(result))]
    others = [f"{capacity_text.shape_text(point)}: {capacity_text.confidence(point['knee'])}; "
              f"{capacity_text.limit_text(point['knee'])}" for point in result["points"][1:]]
    if others:
        points.append(items(others))
    calls = [f"System calls a request, {group}: {counted['calls_per_request']:.3f} at "
             f"{counted['rate']:,.0f} requests/s (strace)"
             for group, counted in result["system_calls"].items()]
    remarks = [*calls, *result["remarks"]]
    if remarks:
        points.append(items(remarks))
    name = escape(result["traffic"].get("name", "traffic"))
    description = escape(result["traffic"].get("description", ""))
    return (f'<!doctype html>\n<html lang="en">\n<head>\n<meta charset="utf-8">\n'
            f'<meta name="viewport" content="width=device-width, initial-scale=1">\n'
            f'<meta name="color-scheme" content="light dark">\n'
            f"<title>Capacity: {name}</title>\n"
            f"<style>\n{STYLE.read_text(encoding='utf-8')}</style>\n"
            f"</head>\n<body>\n<main>\n<header><p class=\"tool\">ringfold-bench capacity</p>"
            f"<h1>Capacity for {name}</h1><p>{description}</p></header>\n"
            + answer(result) + section("points", "What was found", *points) + plots(result)
            + section("assumptions", "Provided that", items(result["assumptions"]))
            + circumstances(result) + "</main>\n</body>\n</html>\n")
