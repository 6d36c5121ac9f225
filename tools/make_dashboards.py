#!/usr/bin/env python3
"""Writes the Grafana dashboard and the Prometheus alert rules from the program's own table of
metrics (`ringfold --metrics-table`), so that neither can name what is not there:

    tools/make_dashboards.py            writes packaging/grafana and packaging/prometheus
    tools/make_dashboards.py --check    writes nothing; exit code 1 when they are not up to date

PANELS and ALERTS below are what an operator looks at first. Every metric that no panel of them
shows has one of its own in the last row of the dashboard, and help texts come from the table.
"""

import argparse
import json
import pathlib
import re
import subprocess
import sys

ROOT = pathlib.Path(__file__).resolve().parent.parent
DASHBOARD = ROOT / "packaging" / "grafana" / "ringfold.json"
ALERTS_FILE = ROOT / "packaging" / "prometheus" / "alerts.yml"
METRIC = re.compile(r"\bringfold_\w+")
SELECTED = re.compile(r"\b(ringfold_\w+)(?:\{([^}]*)\})?")
COLUMNS, WIDTH, HEIGHT = 24, 8, 7

# What the variables of the dashboard choose: one machine or several, and a pool.
ALL = 'instance=~"$instance"'
POOL = ALL + ',pool=~"$pool"'


def rate(metric, by, more=""):
    return f"sum by ({by}) (rate({metric}{{{POOL}{more}}}[$__rate_interval]))"


def quantiles(metric, by):
    """p50, p99 and p99.9 of a histogram, as pairs of query and legend."""
    legend = "".join(f" {{{{{label}}}}}" for label in by.split(",") if label)
    inner = rate(f"{metric}_bucket", ",".join(filter(None, ["le", by])))
    return [(f"histogram_quantile({share}, {inner})", f"{name}{legend}")
            for share, name in ((0.5, "p50"), (0.99, "p99"), (0.999, "p99.9"))]


def servers(metric, more=""):
    return [(f"sum by (pool,server) ({metric}{{{POOL}{more}}})", "{{pool}} {{server}}")]


# Row: its panels, each with title, unit, and pairs of query and legend.
PANELS = {
    "Is anything wrong?": [
        ("Servers that are not up", "short",
         [(f'max by (pool,server,state) (ringfold_server_state{{{POOL},state!="up"}}) > 0',
           "{{pool}} {{server}} {{state}}")]),
        ("Errors for a server's part", "reqps",
         [(rate("ringfold_server_errors_total", "pool,server,reason") + " > 0",
           "{{pool}} {{server}} {{reason}}")]),
        ("Errors for a client's part", "reqps",
         [(rate("ringfold_errors_total", "pool,reason") + " > 0", "{{pool}} {{reason}}")]),
    ],
    "Traffic": [
        ("Requests", "reqps",
         [(rate("ringfold_requests_total", "pool,command"), "{{pool}} {{command}}")]),
        ("Bytes", "Bps",
         [(rate("ringfold_received_bytes_total", "pool"), "{{pool}} received"),
          (rate("ringfold_sent_bytes_total", "pool"), "{{pool}} sent")]),
        ("Clients", "short", [(f"sum by (pool) (ringfold_clients{{{POOL}}})", "{{pool}}")]),
    ],
    "Where the time goes": [
        ("Requests, from received to answered", "s",
         quantiles("ringfold_request_duration_seconds", "pool")),
        ("Waiting in the proxy", "s", quantiles("ringfold_server_waiting_seconds", "pool")),
        ("At the servers", "s", quantiles("ringfold_server_serving_seconds", "pool")),
        ("At each server, p99", "s",
         quantiles("ringfold_server_serving_seconds", "pool,server")[1:2]),
        ("Writing replies", "s", quantiles("ringfold_reply_writing_seconds", "pool")),
    ],
    "Servers": [
        ("Requests", "reqps", [(rate("ringfold_server_requests_total", "pool,server"),
                                "{{pool}} {{server}}")]),
        ("Requests that wait", "short", servers("ringfold_server_pending_requests")),
        ("Share of the keys", "percentunit",
         [(f"max by (pool,server) (ringfold_server_key_share_ratio{{{POOL}}})",
           "{{pool}} {{server}}")]),
        ("Timeouts", "reqps",
         [(rate("ringfold_server_timeouts_total", "pool,server"), "{{pool}} {{server}}")]),
        ("Ejections and returns", "short",
         [(rate("ringfold_server_ejections_total", "pool,server"), "{{pool}} {{server}} ejected"),
          (rate("ringfold_server_returns_total", "pool,server"), "{{pool}} {{server}} back")]),
        ("Connections", "short", servers("ringfold_server_connections")),
    ],
    "The process": [
        ("Processor", "percentunit",
         [(f"rate(ringfold_cpu_seconds_total{{{ALL}}}[$__rate_interval])", "{{instance}}")]),
        ("Memory", "bytes",
         [(f"ringfold_resident_memory_bytes{{{ALL}}}", "{{instance}} resident"),
          (f"sum by (instance,account) (ringfold_memory_bytes{{{ALL}}})",
           "{{instance}} {{account}}")]),
        ("Open descriptors", "short", [(f"ringfold_open_descriptors{{{ALL}}}", "{{instance}}")]),
        ("Completions a turn", "short",
         [(f"rate(ringfold_worker_completions_total{{{ALL}}}[$__rate_interval]) / "
           f"rate(ringfold_worker_ticks_total{{{ALL}}}[$__rate_interval])",
           "{{instance}} worker {{worker}}")]),
        ("Requests a send", "short",
         [(f"rate(ringfold_worker_requests_total{{{ALL}}}[$__rate_interval]) / "
           f"rate(ringfold_worker_sends_total{{{ALL}}}[$__rate_interval])",
           "{{instance}} worker {{worker}}")]),
    ],
}

# Name, query, for how long, severity, summary, and what to do.
ALERTS = [
    ("RingfoldServerDown",
     'max by (instance, pool, server, state) (ringfold_server_state{state!="up"}) > 0', "1m",
     "critical", "server {{ $labels.server }} of pool {{ $labels.pool }} is {{ $labels.state }}",
     "Requests for its keys fail, or go elsewhere (on_failure). The log of ringfold says why."),
    ("RingfoldServerErrors",
     "sum by (instance, pool, server) (rate(ringfold_server_errors_total[5m])) / "
     "sum by (instance, pool, server) (rate(ringfold_server_requests_total[5m])) > 0.01", "5m",
     "warning", "{{ $value | humanizePercentage }} of the requests to {{ $labels.server }} fail",
     "The label reason of ringfold_server_errors_total says how."),
    ("RingfoldServerFlaps",
     "sum by (instance, pool, server) (increase(ringfold_server_ejections_total[30m])) > 3", "0m",
     "warning", "server {{ $labels.server }} is ejected again and again",
     "With on_failure = rehash its keys are elsewhere each time, and old when it is back."),
    ("RingfoldTimeouts",
     "sum by (instance, pool, server) (rate(ringfold_server_timeouts_total[5m])) > 1", "5m",
     "warning", "requests to {{ $labels.server }} take longer than timeout_ms",
     "Compare ringfold_server_serving_seconds with ringfold_server_waiting_seconds: is it the "
     "server or the proxy?"),
    ("RingfoldMemoryPressure",
     'max by (instance, level) (ringfold_memory_pressure{level!="none"}) > 0', "2m", "warning",
     "memory is {{ $labels.level }}: clients are held up, or refused",
     "Raise memory_limit, or find who does not read replies (ringfold_memory_bytes)."),
    ("RingfoldDescriptors",
     "ringfold_open_descriptors / ringfold_max_descriptors > 0.9", "5m", "warning",
     "{{ $value | humanizePercentage }} of the descriptors are in use",
     "Raise the hard limit (LimitNOFILE=), or lower client_connections."),
    ("RingfoldSaturated",
     "rate(ringfold_cpu_seconds_total[5m]) / on (instance, job) "
     "count by (instance, job) (ringfold_worker_ticks_total) > 0.9", "10m", "warning",
     "the workers use {{ $value | humanizePercentage }} of their cores",
     "Raise threads, or add a proxy; ringfold-bench capacity says how many."),
    ("RingfoldHotKey", "ringfold_hottest_key_share_ratio > 0.5", "10m", "info",
     "one key is in {{ $value | humanizePercentage }} of the requests of {{ $labels.pool }}",
     "One server has to bear them all."),
    ("RingfoldReloadFailed",
     'increase(ringfold_reloads_total{result="failed"}[15m]) > 0', "0m", "warning",
     "a new configuration was refused", "The old one stays in use; the log says what is wrong."),
    ("RingfoldRestarts", "resets(ringfold_uptime_seconds[1h]) > 2", "0m", "critical",
     "ringfold has ended several times in an hour", "Its log and the service manager's say why."),
    ("RingfoldAbsent", "absent(ringfold_uptime_seconds)", "2m", "critical",
     "no ringfold is seen at all", "It does not run, or Prometheus cannot reach its admin port."),
]


def read_table(binary):
    """The metrics by name: type, labels, help."""
    text = subprocess.run([binary, "--metrics-table"], capture_output=True, text=True, check=True,
                          timeout=60).stdout
    rows = (line.split("\t") for line in text.splitlines())
    return {name: (kind, [label for label in labels.split(",") if label], help_text)
            for name, kind, labels, help_text in rows}


def base_name(name, table):
    """A histogram is queried by its parts."""
    for ending in ("_bucket", "_sum", "_count"):
        stem = name.removesuffix(ending)
        if stem != name and table.get(stem, ("",))[0] == "histogram":
            return stem
    return name


def check_query(query, table):
    """Ends the program when a query names a metric or label that the program does not have."""
    for name, selector in SELECTED.findall(query):
        stem = base_name(name, table)
        if stem not in table:
            sys.exit(f"there is no metric {name}, but it is asked for: {query}")
        labels = {*table[stem][1], "instance", "job", "le"}
        for label in re.findall(r"(\w+)\s*[!=]", selector):
            if label not in labels:
                sys.exit(f"{name} has no label {label}, but it is asked for: {query}")


def panel_of(name, kind, labels):
    """The panel of a metric that no other one shows."""
    own = ",".join(label for label in labels if label not in ("le",))
    by = ",".join(filter(None, ["instance", own]))
    legend = " ".join(f"{{{{{label}}}}}" for label in by.split(","))
    pick = POOL if "pool" in labels else ALL
    if kind == "histogram":
        return name, "s", quantiles(name, own)
    if kind == "counter":
        query = f"sum by ({by}) (rate({name}{{{pick}}}[$__rate_interval]))"
        return name + ", a second", "short", [(query, legend)]
    return name, "short", [(f"{name}{{{pick}}}", legend)]


def used_in(panels, table):
    return {base_name(name, table) for _, _, queries in panels for query, _ in queries
            for name in METRIC.findall(query)}


def make_panel(number, place, panel, table):
    title, unit, queries = panel
    helps = [f"{name}: {table[name][2]}" for name in sorted(used_in([panel], table))]
    return {
        "id": number, "type": "timeseries", "title": title, "description": "\n\n".join(helps),
        "gridPos": place, "datasource": {"type": "prometheus", "uid": "${datasource}"},
        "fieldConfig": {"defaults": {"unit": unit, "min": 0}, "overrides": []},
        "options": {"legend": {"displayMode": "list", "placement": "bottom"},
                    "tooltip": {"mode": "multi", "sort": "desc"}},
        "targets": [{"refId": chr(ord("A") + index), "expr": query, "legendFormat": legend}
                    for index, (query, legend) in enumerate(queries)],
    }


def make_rows(rows, table):
    """The rows one below the other; the last one is closed, and holds its panels."""
    result, number, y = [], 0, 0
    for title, panels in rows.items():
        is_last = title == list(rows)[-1]
        number += 1
        header = {"id": number, "type": "row", "title": title, "collapsed": is_last, "panels": [],
                  "gridPos": {"x": 0, "y": y, "w": COLUMNS, "h": 1}}
        result.append(header)
        y += 1
        for index, panel in enumerate(panels):
            number += 1
            column, line = index % (COLUMNS // WIDTH), index // (COLUMNS // WIDTH)
            place = {"x": column * WIDTH, "y": y + line * HEIGHT, "w": WIDTH, "h": HEIGHT}
            (header["panels"] if is_last else result).append(
                make_panel(number, place, panel, table))
        y += -(-len(panels) // (COLUMNS // WIDTH)) * HEIGHT
    return result


def variable(name, query):
    return {"name": name, "type": "query", "query": query, "refresh": 2, "multi": True,
            "includeAll": True, "current": {"text": "All", "value": "$__all"},
            "datasource": {"type": "prometheus", "uid": "${datasource}"}}


def make_dashboard(table):
    shown = used_in([panel for panels in PANELS.values() for panel in panels], table)
    rows = {**PANELS, "Everything else": [panel_of(name, kind, labels)
                                          for name, (kind, labels, _) in table.items()
                                          if name not in shown]}
    for panels in rows.values():
        for _, _, queries in panels:
            for query, _ in queries:
                check_query(query, table)
    return json.dumps({
        "title": "ringfold", "uid": "ringfold", "tags": ["redis", "memcached"],
        "schemaVersion": 38, "editable": True, "refresh": "10s",
        "time": {"from": "now-1h", "to": "now"}, "panels": make_rows(rows, table),
        "templating": {"list": [
            {"name": "datasource", "type": "datasource", "query": "prometheus"},
            variable("instance", "label_values(ringfold_build_info, instance)"),
            variable("pool", "label_values(ringfold_clients, pool)")]},
    }, indent=1) + "\n"


def make_alerts(table):
    lines = ["# Alert rules for ringfold, made by tools/make_dashboards.py. Set the limits to what",
             "# your applications bear.", "groups:", "  - name: ringfold", "    rules:"]
    for name, query, duration, severity, summary, remedy in ALERTS:
        check_query(query, table)
        lines += [f"      - alert: {name}", f"        expr: {json.dumps(query)}",
                  f"        for: {duration}", f"        labels: {{ severity: {severity} }}",
                  "        annotations:", f"          summary: {json.dumps(summary)}",
                  f"          description: {json.dumps(remedy)}"]
    return "\n".join(lines) + "\n"


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--binary", default=ROOT / "build" / "ringfold")
    parser.add_argument("--check", action="store_true")
    options = parser.parse_args()
    table = read_table(options.binary)
    stale = 0
    for path, text in ((DASHBOARD, make_dashboard(table)), (ALERTS_FILE, make_alerts(table))):
        if path.exists() and path.read_text() == text:
            continue
        stale += 1
        if options.check:
            print(f"{path.relative_to(ROOT)} is not up to date: run tools/make_dashboards.py")
        else:
            path.write_text(text)
            print(f"wrote {path.relative_to(ROOT)}")
    return 1 if options.check and stale else 0


if __name__ == "__main__":
    sys.exit(main())
