"""The metrics: what the README says of them is what the binary has."""

import re
import subprocess

import harness

README = harness.ROOT / "README.md"


def table_of_binary():
    text = subprocess.run([harness.BINARY, "--metrics-table"], check=True, capture_output=True,
                          text=True, timeout=60).stdout
    return [tuple(line.split("\t")) for line in text.splitlines()]


def table_of_readme():
    lines = README.read_text().splitlines()
    start = lines.index("| metric | type | labels | meaning |") + 2
    rows = []
    for line in lines[start:]:
        if not line.startswith("|"):
            break
        name, kind, labels, meaning = [cell.strip() for cell in line.strip("|").split(" | ")]
        rows.append((name.strip("`"), kind, labels.replace(", ", ","), meaning))
    return rows


def test_the_readme_has_every_metric():
    assert table_of_readme() == table_of_binary()


def test_names_follow_the_rules():
    names = [name for name, *_ in table_of_binary()]
    assert len(set(names)) == len(names) > 40
    for name, kind, labels, meaning in table_of_binary():
        assert re.fullmatch(r"ringfold_[a-z_]+[a-z]", name)
        assert name.endswith("_total") == (kind == "counter")
        assert kind in ("counter", "gauge", "histogram")
        assert re.fullmatch(r"([a-z]+(,[a-z]+)*)?", labels)
        assert meaning.endswith(".")
