"""The Grafana dashboard and the Prometheus alert rules: made of the program's own metrics."""

import json
import re
import shutil
import subprocess
import sys

import pytest

import harness

TOOL = harness.ROOT / "tools" / "make_dashboards.py"
DASHBOARD = harness.ROOT / "packaging" / "grafana" / "ringfold.json"
ALERTS = harness.ROOT / "packaging" / "prometheus" / "alerts.yml"


def run(*command):
    return subprocess.run([str(word) for word in command], capture_output=True, text=True,
                          check=False, timeout=60)


def metrics():
    return {line.split("\t")[0] for line in harness.ringfold("--metrics-table").stdout.splitlines()}


def panels():
    found = []
    for panel in json.loads(DASHBOARD.read_text())["panels"]:
        found += [panel, *panel.get("panels", [])]
    return found


def queries():
    return [target["expr"] for panel in panels() for target in panel.get("targets", [])]


def names_in(text):
    """A histogram's parts count as itself."""
    found = set(re.findall(r"\bringfold_\w+", text))
    return {re.sub("_bucket$", "", name) for name in found}


def test_they_are_up_to_date():
    done = run(sys.executable, TOOL, "--check", "--binary", harness.BINARY)
    assert done.returncode == 0, done.stdout + done.stderr


def test_they_name_what_there_is_and_show_all_of_it():
    known = metrics()
    assert len(known) > 30
    shown = set().union(*map(names_in, queries()))
    assert shown == known
    expressions = re.findall(r"^        expr: (.*)$", ALERTS.read_text(), re.MULTILINE)
    assert len(expressions) > 5
    for expression in expressions:
        assert names_in(expression) and names_in(expression) <= known


def test_panels_have_a_place_of_their_own():
    ids = [panel["id"] for panel in panels()]
    assert len(ids) == len(set(ids))
    places = set()
    for panel in panels():
        place = panel["gridPos"]
        assert place["x"] + place["w"] <= 24
        cells = {(x, y) for x in range(place["x"], place["x"] + place["w"])
                 for y in range(place["y"], place["y"] + place["h"])}
        assert not cells & places, panel["title"]
        places |= cells


@pytest.fixture
def promtool():
    path = shutil.which("promtool")
    if path is None:
        pytest.skip("promtool (Debian: prometheus) is not installed")
    return path


def test_the_rules_are_prometheus(promtool):
    done = run(promtool, "check", "rules", ALERTS)
    assert done.returncode == 0, done.stderr
    assert "rules found" in done.stdout


def test_each_query_of_the_dashboard_is_promql(promtool, tmp_path):
    """As rules, because that is what promtool reads."""
    path = tmp_path / "queries.yml"
    rules = [{"record": f"query_{index}", "expr": query.replace("$__rate_interval", "1m")}
             for index, query in enumerate(queries())]
    path.write_text(json.dumps({"groups": [{"name": "queries", "rules": rules}]}))
    done = run(promtool, "check", "rules", path)
    assert done.returncode == 0, done.stderr


CASES = """
rule_files: [%s]
evaluation_interval: 1m
tests:
  - interval: 1m
    input_series:
      - series: 'ringfold_uptime_seconds{instance="a"}'
        values: '0+60x30'
      - series: 'ringfold_server_state{instance="a",pool="p",server="s",state="down"}'
        values: '0x9 1x20'
      - series: 'ringfold_server_state{instance="a",pool="p",server="s",state="up"}'
        values: '1x9 0x20'
      - series: 'ringfold_cpu_seconds_total{instance="a",job="j"}'
        values: '0+114x30'
      - series: 'ringfold_worker_ticks_total{instance="a",job="j",worker="0"}'
        values: '0+1x30'
      - series: 'ringfold_worker_ticks_total{instance="a",job="j",worker="1"}'
        values: '0+1x30'
    alert_rule_test:
      - eval_time: 9m
        alertname: RingfoldServerDown
      - eval_time: 15m
        alertname: RingfoldServerDown
        exp_alerts:
          - exp_labels: {severity: critical, instance: a, pool: p, server: s, state: down}
            exp_annotations:
              summary: server s of pool p is down
              description: Requests for its keys fail, or go elsewhere (on_failure). The log of
                ringfold says why.
      - eval_time: 25m
        alertname: RingfoldSaturated
        exp_alerts:
          - exp_labels: {severity: warning, instance: a, job: j}
            exp_annotations:
              summary: the workers use 95%% of their cores
              description: Raise threads, or add a proxy; ringfold-bench capacity says how many.
      - eval_time: 25m
        alertname: RingfoldAbsent
"""


def test_alerts_fire_when_they_should(promtool, tmp_path):
    path = tmp_path / "cases.yml"
    path.write_text(CASES % ALERTS)
    done = run(promtool, "test", "rules", path)
    assert done.returncode == 0, done.stdout + done.stderr
