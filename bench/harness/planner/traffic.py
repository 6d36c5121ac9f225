"""Traffic descriptions: TOML files such as configs/capacity/session_store.toml, and their words for
`ringfold-bench load`. bench/README.md documents the keys."""

import difflib
import pathlib
import tomllib

from planner.errors import StartError, UsageError

# Key: (type, option of load or None where the planner itself needs it).
KEYS = {
    "name": (str, None),
    "description": (str, None),
    "protocol": (str, "--protocol"),
    "target": (str, None),
    "mix": (str, "--mix"),
    "commands": (list, None),
    "keyspace": (int, "--keyspace"),
    "key_prefix": (str, "--key-prefix"),
    "distribution": (str, "--distribution"),
    "value_size": (str, "--size"),
    "hit_ratio": (float, None),
    "fill": (bool, None),
    "allow_misses": (bool, None),
    "connections": (int, None),
    "pipeline": (int, None),
    "load_threads": (int, "--threads"),
    "arrivals": (str, "--arrivals"),
}
# Keys by the options of load that mean them; what is not here goes to load as it is.
OPTIONS = {
    "--protocol": "protocol", "--mix": "mix", "-r": "keyspace", "--keyspace": "keyspace",
    "--key-maximum": "keyspace", "--key-prefix": "key_prefix", "--distribution": "distribution",
    "-d": "value_size", "--size": "value_size", "--data-size": "value_size",
    "--data-size-range": "value_size", "--data-size-list": "value_size",
    "--hit-ratio": "hit_ratio", "-c": "connections", "--connections": "connections",
    "-P": "pipeline", "--pipeline": "pipeline", "--threads": "load_threads",
    "--arrivals": "arrivals",
}
FLAGS = {"--fill": "fill", "--allow-misses": "allow_misses"}
COMMAND_KEYS = {"text": str, "weight": int}


def check_keys(table, known, where):
    for key, value in table.items():
        if key not in known:
            near = difflib.get_close_matches(key, known, 1, 0.5)
            hint = f"; did you mean \"{near[0]}\"?" if near else ""
            raise UsageError(f"{where}: there is no key \"{key}\"{hint}")
        kind = known[key][0] if isinstance(known[key], tuple) else known[key]
        good = (int, float) if kind is float else kind
        if not isinstance(value, good) or (isinstance(value, bool) and kind is not bool):
            raise UsageError(f"{where}: {key}: a {kind.__name__} is expected")


class Traffic:
    """keys: as in a file. extra: words for load that the command line gave after --."""

    def __init__(self, keys, extra=()):
        self.keys = keys
        self.extra = list(extra)

    @property
    def name(self):
        return self.keys["name"]

    @property
    def protocol(self):
        return self.keys.get("protocol", "redis")

    @property
    def fills(self):
        return self.keys.get("fill", False)

    @property
    def connections(self):
        return self.keys.get("connections", 50)

    @property
    def load_threads(self):
        return self.keys.get("load_threads", 1)

    def words(self, for_null_servers, connections=None, pipeline=None):
        """Null servers decide themselves which keys exist (null_server_words)."""
        words = []
        for key, (_, option) in KEYS.items():
            if option and key in self.keys:
                words += [option, str(self.keys[key])]
        for command in self.keys.get("commands", []):
            words += ["--command", command["text"], "--command-ratio",
                      str(command.get("weight", 1))]
        words += ["--connections", str(connections or self.connections)]
        pipeline = pipeline or self.keys.get("pipeline")
        if pipeline:
            words += ["--pipeline", str(pipeline)]
        if "hit_ratio" in self.keys and not for_null_servers:
            words += ["--hit-ratio", str(self.keys["hit_ratio"]), "--allow-misses"]
        elif self.keys.get("allow_misses"):
            words += ["--allow-misses"]
        return words + self.extra

    def null_server_words(self):
        """For `ringfold-bench backend`: the values that load expects (its --value-seed is 0)."""
        return ["--protocol", self.protocol, "--seed", "0",
                "--value-size", self.keys.get("value_size", "32"),
                "--hit-ratio", str(self.keys.get("hit_ratio", 1))]


def with_words(keys, words):
    """The traffic of a file's keys and of load's options, which win."""
    keys, extra, index = dict(keys), [], 0
    while index < len(words):
        name, separator, value = words[index].partition("=")
        index += 1
        if name in FLAGS and not separator:
            keys[FLAGS[name]] = True
        elif name in OPTIONS:
            if not separator:
                if index == len(words):
                    raise UsageError(f"{name}: a value is expected")
                value = words[index]
                index += 1
            kind = KEYS[OPTIONS[name]][0]
            try:
                keys[OPTIONS[name]] = kind(value)
            except ValueError:
                raise UsageError(f"{name} {value}: a number is expected") from None
        else:
            extra.append(words[index - 1])
    if "--mix" in words:
        keys.pop("commands", None)
    keys.setdefault("name", "traffic of the command line")
    check_values(keys, "--")
    return Traffic(keys, extra)


def check_values(keys, where):
    if "mix" in keys and "commands" in keys:
        raise UsageError(f"{where}: mix or commands, not both")
    if keys.get("protocol", "redis") not in ("redis", "memcached"):
        raise UsageError(f"{where}: protocol: redis or memcached")
    for key in ("keyspace", "connections", "pipeline", "load_threads"):
        if keys.get(key, 1) < 1:
            raise UsageError(f"{where}: {key}: 1 at least")


def read(path):
    """A file's keys. Fails on what is not TOML, an unknown key or a value of the wrong type."""
    try:
        text = pathlib.Path(path).read_text(encoding="utf-8")
    except OSError as error:
        raise StartError(f"--traffic {path}: {error.strerror}") from None
    try:
        keys = tomllib.loads(text)
    except tomllib.TOMLDecodeError as error:
        raise UsageError(f"{path}: {error}") from None
    check_keys(keys, KEYS, path)
    for command in keys.get("commands", []):
        if not isinstance(command, dict) or "text" not in command:
            raise UsageError(f"{path}: commands: {{ text = \"...\", weight = 1 }} is expected")
        check_keys(command, COMMAND_KEYS, f"{path}: commands")
    check_values(keys, path)
    keys.setdefault("name", pathlib.Path(path).stem)
    return keys
