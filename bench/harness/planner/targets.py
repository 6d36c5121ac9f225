"""The targets of compare: addresses that answer already, or commands that it starts and stops."""

import pathlib
import re
import shlex

from planner.errors import StartError, UsageError
from planner.processes import check_alive
from planner.programs import Program, accepts, free_port, parse_cores

NAME = re.compile(r"[A-Za-z0-9_.+-]+")
ADDRESS = re.compile(r"unix:\S+|\[[0-9a-fA-F:.]+\]:\d+|[^\s:/{}]+:\d+")
RESERVED_NAMES = {"load", "servers"}
ATTEMPTS = 5  # a port that was free may be taken a moment later


def split_pair(text, option):
    name, separator, value = text.partition("=")
    if not separator or not NAME.fullmatch(name) or not value:
        raise UsageError(f"{option} {text}: NAME=VALUE is expected")
    return name, value


class Target:
    """One thing to measure. Owns its process, if it started one."""

    def __init__(self, name, text):
        self.name = name
        self.text = text
        self.is_command = not ADDRESS.fullmatch(text)
        if self.is_command and "{port}" not in text and "{config}" not in text:
            raise UsageError(f"--target {name}={text}: neither an address (HOST:PORT, unix:PATH) "
                             "nor a command with {port} or {config}")
        self.address = None if self.is_command else text
        self.config = None
        self.pids = []
        self.cores = None
        self.program = None

    def start(self, folder):
        if not self.is_command:
            if not accepts(self.address):
                raise StartError(f"target {self.name}: nothing accepts connections at "
                                 f"{self.address}")
            return
        for attempt in range(ATTEMPTS):
            try:
                self._try_start(pathlib.Path(folder))
                return
            except StartError as failure:
                self.stop()
                if attempt + 1 == ATTEMPTS or "use" not in str(failure):
                    raise

    def _try_start(self, folder):
        port = str(free_port())
        values = {"{port}": port}
        if self.config:
            values["{config}"] = str(folder / f"{self.name}.conf")
            text = pathlib.Path(self.config).read_text()
            pathlib.Path(values["{config}"]).write_text(text.replace("{port}", port))
        command = self.text
        for placeholder, value in values.items():
            command = command.replace(placeholder, shlex.quote(value))
        self.address = f"127.0.0.1:{port}"
        self.program = Program(shlex.split(command), folder / f"{self.name}.log", self.cores)
        self.pids = [self.program.pid]
        self.program.wait_until_accepts(self.address)

    def check_alive(self):
        if self.program and self.program.has_ended():
            raise StartError(f"target {self.name} ended with exit code "
                             f"{self.program.process.returncode}: {self.program.last_words()}")

    def stop(self):
        if self.program:
            self.program.stop()
            self.program = None


def make_targets(options):
    """From --target, --config, --pid and --pin of the command line; (targets, load's cores)."""
    targets = {}
    for text in options.target:
        name, value = split_pair(text, "--target")
        if name in targets or name in RESERVED_NAMES:
            raise UsageError(f"--target {text}: the name {name} is taken")
        targets[name] = Target(name, value)
    if len(targets) < 2:
        raise UsageError("compare needs two targets at least: --target NAME=ADDRESS or "
                         "--target NAME=COMMAND")
    _configs(targets, options.config)
    for text in options.pid:
        name, value = split_pair(text, "--pid")
        target = _known(targets, name, f"--pid {text}")
        if target.is_command or not value.isdigit():
            raise UsageError(f"--pid {text}: for a target that runs already, and a number")
        check_alive(int(value), f"--pid {text}")
        target.pids.append(int(value))
    load_cores = None
    for text in options.pin:
        name, value = split_pair(text, "--pin")
        if name == "load":
            load_cores = parse_cores(value)
            continue
        target = _known(targets, name, f"--pin {text}")
        if not target.is_command:
            raise UsageError(f"--pin {text}: {name} runs already; pin it with taskset")
        target.cores = parse_cores(value)
    return list(targets.values()), load_cores


def _known(targets, name, what):
    if name not in targets:
        raise UsageError(f"{what}: no target is called {name}")
    return targets[name]


def _configs(targets, given):
    for text in given:
        name, value = split_pair(text, "--config")
        target = _known(targets, name, f"--config {text}")
        if not target.is_command or "{config}" not in target.text:
            raise UsageError(f"--config {text}: the command of {name} has no {{config}}")
        if not pathlib.Path(value).is_file():
            raise UsageError(f"--config {text}: there is no file {value}")
        target.config = value
    for target in targets.values():
        if target.is_command and "{config}" in target.text and not target.config:
            raise UsageError(f"--target {target.name}: its {{config}} needs --config "
                             f"{target.name}=FILE")
        if target.is_command and "{port}" not in target.text:
            text = pathlib.Path(target.config).read_text()
            if "{port}" not in text:
                raise UsageError(f"{target.config}: no {{port}} where target {target.name} is to "
                                 "listen, and none in its command")
