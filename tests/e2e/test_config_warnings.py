"""`ringfold -t` warns of what is allowed but will hurt, and still says that the file is good."""

import re
import resource

import harness


def test_warnings_name_the_place_and_change_no_exit_code(tmp_path):
    path = tmp_path / "ringfold.toml"
    path.write_text("""\
[[pool]]
name = "main"
listen = "127.0.0.1:22121"
hash = "crc32"
client_connections = 5000
servers = ["127.0.0.1:6379:1 alpha", "127.0.0.1:6380:1 beta",
           "127.0.0.1:6379:1 gamma"]
""")
    limits = (1024, 4096)
    done = harness.ringfold(
        "-t", "-c", path, preexec_fn=lambda: resource.setrlimit(resource.RLIMIT_NOFILE, limits))
    assert done.returncode == 0
    assert done.stdout == f"{path}: configuration ok\n"
    lines = done.stderr.splitlines()
    assert all(re.match(re.escape(str(path)) + r":\d+:\d+: warning: ", line) for line in lines)
    descriptors, spread, address = lines
    assert f"{path}:1:" in descriptors and "5000 clients" in descriptors and "4096" in descriptors
    assert f"{path}:4:8: " in spread and "crc32" in spread
    assert f"{path}:7:12: " in address and "gamma" in address and "alpha" in address


def test_a_good_file_has_none():
    for path in sorted((harness.ROOT / "configs").glob("*.toml")):
        done = harness.ringfold("-t", "-c", path)
        assert done.returncode == 0
        assert done.stdout.endswith("configuration ok\n")
        assert done.stderr == ""
