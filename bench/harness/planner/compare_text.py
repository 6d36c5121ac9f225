"""The table that compare prints."""

COLUMNS = [  # name, head, format of a median
    ("requests_per_second", "requests/s", lambda value: f"{value:,.0f}"),
    ("p50_us", "p50 us", lambda value: f"{value:,.1f}"),
    ("p99_us", "p99 us", lambda value: f"{value:,.1f}"),
    ("target_cpu_us_per_request", "CPU us/req", lambda value: f"{value:.3f}"),
    ("servers_cpu_us_per_request", "servers us/req", lambda value: f"{value:.3f}"),
    ("target_resident_bytes", "MiB", lambda value: f"{value / 2**20:.1f}"),
]
BUSY_CORE = 0.9


def align(rows):
    """Lines of columns as wide as their widest cell; the first to the left, others to the right."""
    widths = [max(len(row[index]) for row in rows) for index in range(len(rows[0]))]
    return ["  ".join([row[0].ljust(widths[0])] +
                      [cell.rjust(width) for cell, width in zip(row[1:], widths[1:])]).rstrip()
            for row in rows]


def ratio_text(ratio):
    return f"{ratio['ratio']:.3f} [{ratio['low']:.3f}, {ratio['high']:.3f}]"


def table(result):
    targets = result["targets"]
    shown = [column for column in COLUMNS
             if any(column[0] in target["median"] for target in targets)]
    machine = result["machine"]
    lines = [f"{machine['cpu']}, {machine['cores']} cores, Linux {machine['kernel']}, load average "
             f"{machine['load_average']:.1f}",
             f"traffic: {' '.join(result['load_options']) or 'that of load without options'}", ""]
    rows = [["median of runs"] + [head for _, head, _ in shown] + ["runs", "faults"]]
    for target in targets:
        cells = [text(target["median"][name]) if name in target["median"] else "-"
                 for name, _, text in shown]
        rows.append([target["name"], *cells, str(target["runs"]), f"{target['faults']:,}"])
    lines += align(rows)
    lines += ratio_lines(targets, shown)
    for target in targets:
        for name, value in target["system_calls"].items():
            group = name.split("_", 1)[0]
            lines.append(f"system calls a request, {target['name']}, {group}: {value:.3f}")
    return "\n".join(lines + remarks(result))


def ratio_lines(targets, shown):
    compared = [target for target in targets[1:] if target["ratio"]]
    if not compared:
        return []
    intervals = {ratio["interval"] for target in compared for ratio in target["ratio"].values()
                 if ratio}
    rows = [[f"ratio to {targets[0]['name']}"] + [head for _, head, _ in shown]]
    for target in compared:
        ratios = [target["ratio"].get(name) for name, _, _ in shown]
        rows.append([target["name"]] + [ratio_text(ratio) if ratio else "-" for ratio in ratios])
    return ["", *align(rows), f"in brackets: {', '.join(sorted(intervals))}"]


def remarks(result):
    lines = []
    for target in result["targets"]:
        if target["load_cores"] is not None and target["load_cores"] > BUSY_CORE:
            lines.append(f"{target['name']}: the load generator used {target['load_cores']:.0%} of "
                         "its threads; it may be what limits the throughput (load's --threads)")
        examples = [each for one in result["runs"] if target["name"] in one
                    for each in one[target["name"]]["fault_examples"]]
        if examples:
            lines.append(f"{target['name']}: first fault: {examples[0]['what']}: "
                         f"{examples[0]['request']}: {examples[0]['got']}")
    if result["interrupted"]:
        lines.append("interrupted: what was measured until then")
    return ["", *lines] if lines else []
