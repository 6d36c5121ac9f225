"""`ringfold-bench capacity`: how much a proxy holds, what that costs, how many are needed."""

import json
import sys
import tempfile

from planner import (capacity_options, capacity_text, deployment, errors, measuring, scaling,
                     sizing, traffic as traffic_files, verdict)
from planner.goal import Goal
from planner.load_run import Interrupted, Runner
from planner.processes import describe_machine
from planner.programs import finish_in_peace
from planner.progress import Progress

GOAL_DEFAULT = "p99<1ms"


def shapes_of(base, sweeps):
    """What is searched: the base first, then each sweep's other values, one thing varied at a
    time, threads first."""
    shapes = [base]
    for name, values in sorted(sweeps.items(), key=lambda item: item[0] != "threads"):
        shapes += [{**base, name: value} for value in values if value != base[name]]
    return shapes


def measure_all(session, shapes, wants_calls):
    """Searches every shape, the first with a ladder. A remark for each shape that is left out."""
    remarks, machine_is_full_at = [], None
    for shape in shapes:
        if machine_is_full_at is not None and shape["threads"] > machine_is_full_at:
            session.progress.expect(-session.seconds_of_point)
            remarks.append(f"{shape['threads']} threads were not tried: with {machine_is_full_at} "
                           "it was already the machine, not the proxy, that was the limit.")
            continue
        session.deployment.start(shape["threads"])
        if not session.points:
            session.fill(shape)
        point = session.search(shape)
        limit = point["knee"]["limit"]
        if limit is not None and not verdict.is_own_limit(limit):
            machine_is_full_at = min(shape["threads"], machine_is_full_at or shape["threads"])
        if point is session.points[0]:
            session.climb(point, shape)
            if wants_calls:
                session.count_calls(point, shape)
    return remarks


def fit_threads(points, base):
    """The scaling law over the points that differ in threads only, and were the proxy's own."""
    data = []
    for point in points:
        knee = point["knee"]
        same = all(point[name] == base[name] for name in ("connections", "pipeline"))
        if same and knee and knee["rate"] and knee["is_complete"] and \
                (point["threads"] == base["threads"] or not sizing.is_lower_bound(knee)):
            data.append((point["threads"], knee["rate"], knee["low"] or knee["rate"],
                         knee["high"] or knee["rate"]))
    found = scaling.fit(data)
    if found:
        found["points"] = data
    return found


def expected_seconds(session, shapes, has_direct, wants_calls):
    runs = len(session.shares) * (2 if has_direct else 1) + (2 if wants_calls else 0)
    return len(shapes) * session.seconds_of_point + runs * session.seconds_of_run


def evaluate(session, options, base, remarks, was_interrupted):
    """Everything, for the JSON, the text and the report."""
    config = session.deployment.config
    result = {
        "tool": "ringfold-bench capacity", "machine": describe_machine(),
        "traffic": session.traffic.keys, "load_options": session.traffic.extra,
        "goal": session.goal.text, "servers": servers_text(session.deployment),
        "pinning": options.pin, "seconds": session.seconds, "reps": session.reps,
        "precision": session.precision, "quick": options.quick, "interrupted": was_interrupted,
        "points": session.points, "ladder": session.ladder, "system_calls": session.calls,
        "scaling": fit_threads(session.points, base), "first_fault": session.fault,
        "need": options.need, "headroom_percent": options.headroom, "remarks": remarks,
        "assumptions": sizing.assumptions(session.deployment, session.traffic, session.goal,
                                          options.headroom, config)}
    result["answers"] = []
    if options.need:
        same = [point for point in session.points if all(point[name] == base[name] for name in
                                                         ("connections", "pipeline"))]
        result["answers"] = sizing.options_for(options.need, options.headroom, same, config)
    return result


def servers_text(what):
    if isinstance(what, deployment.Running):
        return f"the proxy at {what.address} and its servers"
    kind = "null servers" if what.has_null_servers else "real servers"
    return f"{len(what.config.servers)} {kind} started for this"


def write(options, result):
    """--json and --html."""
    pages = {}
    if options.json:
        plain = {**result, "scaling": result["scaling"] and
                 {name: value for name, value in result["scaling"].items() if name != "draws"}}
        pages[options.json] = json.dumps(plain, indent=1) + "\n"
    if options.html:
        from planner import report
        pages[options.html] = report.page(result)
    for path, text in pages.items():
        try:
            with open(path, "w", encoding="utf-8") as out:
                out.write(text)
        except OSError as error:
            raise errors.StartError(f"{path}: {error.strerror}") from None


def main(words):
    options = capacity_options.parse(words)
    keys = traffic_files.read(options.traffic) if options.traffic else {}
    traffic = traffic_files.with_words(keys, options.load)
    goal = Goal(options.target or keys.get("target", GOAL_DEFAULT))
    config = deployment.Config(options.config, options.pool, traffic.protocol) \
        if options.config else None
    was_interrupted, remarks = True, []
    with tempfile.TemporaryDirectory(prefix="ringfold-capacity-") as folder:
        what = deployment.Running(options, config) if options.proxy else \
            deployment.Started(options, config, traffic, folder, options.pins)
        base = {"threads": what.threads, "connections": traffic.connections,
                "pipeline": traffic.keys.get("pipeline")}
        shapes = shapes_of(base, options.sweeps)
        progress = Progress(1)
        session = measuring.Measuring(what, traffic, goal, Runner(folder, options.pins.get("load")),
                                      options, progress)
        progress.expect(expected_seconds(session, shapes, not options.proxy or options.direct,
                                         options.syscalls) - 1)
        try:
            remarks = measure_all(session, shapes, options.syscalls)
            was_interrupted = False
        except (Interrupted, KeyboardInterrupt):
            pass  # what was measured until now is what there is to report
        finally:
            finish_in_peace()
            progress.clear()
            what.stop()
        if not any(point["knee"] for point in session.points):
            print("interrupted before a run was complete", file=sys.stderr)
            return errors.INTERRUPTED
        result = evaluate(session, options, base, remarks, was_interrupted)
    write(options, result)
    print(capacity_text.text(result), flush=True)
    has_rate = any(point["knee"] and point["knee"]["rate"] for point in session.points)
    return errors.GOOD if has_rate else errors.WRONG_REPLIES
