"""What capacity prints."""

import textwrap

from planner import sizing, verdict
from planner.compare_text import align
from planner.measuring import cost_at_knee, memory_of

COLUMNS = 100


def number(value, form=",.0f"):
    return "-" if value is None else format(value, form)


def confidence(knee):
    """How sure the rate of a point is, in words."""
    if knee["rate"] is None:
        return "no rate held the goal"
    text = (f"held in {knee['held']} of {knee['trials_at_rate']} runs (95 %: in "
            f"{knee['share_low']:.0%} to {knee['share_high']:.0%})")
    low = f"always held up to {number(knee['low'])}" if knee["low"] else "no rate always held"
    high = f"never from {number(knee['high'])}" if knee["high"] else "no rate always failed"
    return f"{text}; {low}, {high}"


def limit_text(knee):
    """What ended the search."""
    if not knee["is_complete"]:
        return "the search was not finished"
    if knee["limit"] is None:
        return "nothing failed: the rate could be higher"
    text = verdict.EXPLANATIONS[knee["limit"]]
    if not verdict.is_own_limit(knee["limit"]):
        return f"the machine, not the proxy, is the limit: {text}; a proxy alone would hold more"
    return text


def shape_text(point):
    pipeline = f", pipeline {point['pipeline']}" if point["pipeline"] else ""
    plural = "thread" if point["threads"] == 1 else "threads"
    return f"{point['threads']} {plural}, {point['connections']} connections{pipeline}"


def point_rows(result):
    """Cells of one table row a point; the first row is the head."""
    rows = [["proxy", "requests/s", "between", "closed loop", "proxy us/req", "servers us/req",
             "MiB"]]
    for point in result["points"]:
        knee = point["knee"]
        if not knee:
            continue
        memory = memory_of(point)
        rows.append([
            shape_text(point), number(knee["rate"]),
            f"{number(knee['low']) if knee['low'] else '?'} - "
            f"{number(knee['high']) if knee['high'] else '?'}",
            number(point["closed_loop"]["requests_per_second"]),
            number(cost_at_knee(point, "proxy"), ".3f"),
            number(cost_at_knee(point, "servers"), ".3f"),
            number(memory and memory / sizing.MIB, ".1f")])
    return rows


def ladder_rows(result):
    """Direct against proxied, a row a rate."""
    rows = [["requests/s", "p50 ms", "p99 ms", "direct p50", "direct p99", "proxy us/req",
             "servers us/req", "direct us/req"]]
    for rung in result["ladder"]:
        cells = [f"{rung['rate']:,.0f}"]
        for name in ("proxied", "direct"):
            for measure in ("p50", "p99"):
                run = rung.get(name)
                cells.append(number(run and run["latency_us"][measure] / 1000, ".3f"))
        for name, group in (("proxied", "proxy"), ("proxied", "servers"), ("direct", "servers")):
            groups = rung[name]["groups"] if name in rung else {}
            cells.append(number(groups[group]["cpu_us_per_request"], ".3f")
                         if group in groups else "-")
        rows.append(cells)
    return rows


def scaling_lines(found):
    if not found:
        return []
    if len(found["points"]) == 1:
        return [found["remark"]]
    lines = [f"scaling over threads (Universal Scalability Law): one thread "
             f"{found['lambda']:,.0f} requests/s"]
    for name, meaning in (("sigma", "contention"), ("kappa", "coherence")):
        low, high = found[f"{name}_interval"]
        lines.append(f"  {name} ({meaning}) {found[name]:.4f} [{low:.4f}, {high:.4f}]")
    if found["best_threads"]:
        lines.append(f"  more than {found['best_threads']:.0f} threads would make it slower")
    return lines + ([f"  {found['remark']}"] if found["remark"] else [])


def answer_lines(result):
    if not result["need"]:
        return []
    if not result["answers"]:
        return ["no rate held the goal, so that no number of proxies would"]
    return [sizing.sentence(row, result["need"], result["goal"], result["headroom_percent"])
            for row in result["answers"]]


def text(result):
    machine = result["machine"]
    lines = [f"{machine['cpu']}, {machine['cores']} cores, Linux {machine['kernel']}, load average "
             f"{machine['load_average']:.1f}",
             f"traffic: {result['traffic']['name']}; {result['servers']}",
             f"goal: {result['goal']}", ""]
    lines += align(point_rows(result))
    for point in result["points"]:
        if point["knee"]:
            lines.append(f"{shape_text(point)}: {confidence(point['knee'])}; "
                         f"{limit_text(point['knee'])}")
    if result["ladder"]:
        lines += ["", "with the proxy and without, in turns:", *align(ladder_rows(result))]
    lines += [f"system calls a request, {group}: {counted['calls_per_request']:.3f} (at "
              f"{counted['rate']:,.0f} requests/s)"
              for group, counted in result["system_calls"].items()]
    lines += ["", *scaling_lines(result["scaling"])]
    lines += result["remarks"]
    if result["first_fault"]:
        fault = result["first_fault"]
        lines.append(f"first fault: {fault['what']}: {fault['request']}: {fault['got']}")
    if result["interrupted"]:
        lines.append("interrupted: what was measured until then")
    answers = answer_lines(result)
    if answers:
        lines += ["", *answers, "provided that:"]
        for line in result["assumptions"]:
            lines.append(textwrap.fill(line, COLUMNS, initial_indent="- ", subsequent_indent="  "))
    return "\n".join(lines)
