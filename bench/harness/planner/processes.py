"""What /proc says of processes and of the machine."""

import os
import pathlib

from planner.errors import UsageError

TICKS_PER_SECOND = os.sysconf("SC_CLK_TCK")


def check_alive(pid, what):
    if not pathlib.Path(f"/proc/{pid}").exists():
        raise UsageError(f"{what}: there is no process {pid}")


def with_children(pid):
    """pid and all that it has started: a command may be a shell or a launcher."""
    found, fresh = [pid], [pid]
    while fresh:
        current = fresh.pop()
        for path in pathlib.Path(f"/proc/{current}/task").glob("*/children"):
            try:
                fresh += [int(word) for word in path.read_text().split()]
            except OSError:
                continue
        found += [each for each in fresh if each not in found]
    return found


def _ticks(pid):
    text = pathlib.Path(f"/proc/{pid}/stat").read_text()
    fields = text[text.rindex(")") + 2:].split()
    return (int(fields[11]) + int(fields[12])) / TICKS_PER_SECOND


def cpu_seconds(pid):
    """CPU time of all threads so far; 0 for a process that is gone. schedstat counts nanoseconds;
    kernels without it leave the hundredths of a second of stat."""
    total = 0
    try:
        threads = list(pathlib.Path(f"/proc/{pid}/task").iterdir())
        for thread in threads:
            total += int((thread / "schedstat").read_text().split()[0])
        return total / 1e9 if total else _ticks(pid)
    except (OSError, IndexError):
        try:
            return _ticks(pid)
        except OSError:
            return 0.0


def resident_bytes(pid):
    """Memory in use; 0 for a process that is gone."""
    try:
        for line in pathlib.Path(f"/proc/{pid}/status").read_text().splitlines():
            if line.startswith("VmRSS:"):
                return int(line.split()[1]) * 1024
    except OSError:
        pass
    return 0


def machine_seconds():
    """(busy, all) CPU seconds of the machine since it started. What a hypervisor took is busy."""
    fields = pathlib.Path("/proc/stat").read_text().split("\n", 1)[0].split()[1:9]
    seconds = [int(field) / TICKS_PER_SECOND for field in fields]
    return sum(seconds) - seconds[3] - seconds[4], sum(seconds)


class Meter:
    """CPU time and memory of named groups of processes from construction to read()."""

    def __init__(self, groups):
        """groups: name to list of process ids. A group's children that come later count as well."""
        self.groups = groups
        self.start = {name: self._by_process(pids) for name, pids in groups.items()}
        self.machine = machine_seconds()

    @staticmethod
    def _by_process(pids):
        everyone = {each for pid in pids for each in with_children(pid)}
        return {each: cpu_seconds(each) for each in everyone}

    def read(self):
        """name to {cpu_seconds, busiest_seconds, resident_bytes}, and the machine's busy share."""
        result = {}
        for name, pids in self.groups.items():
            before, now = self.start[name], self._by_process(pids)
            spent = [max(0.0, value - before.get(pid, 0.0)) for pid, value in now.items()]
            result[name] = {"cpu_seconds": sum(spent), "busiest_seconds": max(spent, default=0.0),
                            "resident_bytes": sum(resident_bytes(pid) for pid in now)}
        busy, everything = (now - then for now, then in zip(machine_seconds(), self.machine))
        return result, busy / everything if everything > 0 else 0.0


def describe_machine():
    """What a report must say about where it was made."""
    model = "unknown"
    for line in pathlib.Path("/proc/cpuinfo").read_text().splitlines():
        if line.lower().startswith(("model name", "hardware")):
            model = line.split(":", 1)[1].strip()
            break
    return {"cpu": model, "cores": len(os.sched_getaffinity(0)), "kernel": os.uname().release,
            "load_average": os.getloadavg()[0]}
