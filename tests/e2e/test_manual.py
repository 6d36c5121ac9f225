"""The man pages say all that the programs take, and nothing else."""

import re
import shutil
import subprocess

import pytest

import harness

MAN = harness.ROOT / "packaging" / "man"
PAGES = sorted(MAN.iterdir())
BENCH = harness.BINARY.with_name("ringfold-bench")
OPTION = re.compile(r"(?<![\w-])--?[A-Za-z][\w-]*")


def help_of(*command):
    done = subprocess.run([*command, "--help"], capture_output=True, text=True, check=True,
                          timeout=60)
    return done.stdout


def options_of_help(text):
    """Those at the beginnings of lines, and their other spellings."""
    found = set()
    for line in text.splitlines():
        words = re.match(r" {2,4}(-[^ ]+(?:,? -[^ ]+| [A-Z][^ ]*,? ?)*)", line)
        if words:
            found |= set(OPTION.findall(words.group(1)))
    return found


def options_of_page(lines):
    found = set()
    for line in lines:
        if line.startswith(".It Fl"):
            words = line.split()
            for index, word in enumerate(words[:-1]):
                if word != "Fl":
                    continue
                name = words[index + 1]
                if name == "Fl":
                    found.add("--" + words[index + 2])
                elif words[index - 1] != "Fl":
                    found.add("-" + name)
    return found


def section(page, title):
    """The lines of one section, .Sh, of a page."""
    text = (MAN / page).read_text()
    return re.search(rf"^\.Sh {title}\n(.*?)(?=^\.Sh )", text, re.MULTILINE | re.DOTALL).group(
        1).splitlines()


def commands_of_page():
    """The lines of each command of ringfold(1)."""
    commands, lines = {}, []
    for line in section("ringfold.1", "COMMANDS"):
        if line.startswith(".It Cm"):
            lines = commands.setdefault(line.split()[2], [])
        lines.append(line)
    return commands


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_pages_are_well_formed(page):
    if shutil.which("mandoc") is None:
        pytest.skip("mandoc is not installed")
    done = subprocess.run(["mandoc", "-Tlint", "-Wwarning", page], capture_output=True, text=True,
                          check=False, timeout=60)
    assert done.returncode == 0 and done.stdout == "", done.stdout


def test_options_of_ringfold():
    help_text = help_of(harness.BINARY)
    assert options_of_page(section("ringfold.1", "DESCRIPTION")) == options_of_help(help_text)
    commands = re.findall(r"^  (\w+)  ", help_text.partition("Subcommands:")[2], re.MULTILINE)
    pages = commands_of_page()
    assert sorted(pages) == sorted(commands)
    for name, lines in pages.items():
        options = options_of_help(help_of(harness.BINARY, name)) - {"-h", "--help"}
        assert options_of_page(lines) == options, name


def test_options_of_ringfold_bench():
    commands = re.findall(r"^  (\w+)  ", help_of(BENCH), re.MULTILINE)
    assert sorted(commands) == ["backend", "capacity", "compare", "load"]
    for name in commands:
        options = options_of_help(help_of(BENCH, name))
        assert len(options) > 5
        assert options_of_page(section("ringfold-bench.1", name.upper())) == options, name


def test_every_key_of_the_configuration():
    """By configs/annotated.toml, of which a unit test says that it has every key."""
    annotated = (harness.ROOT / "configs" / "annotated.toml").read_text()
    wanted, keys = {}, set()
    for line in annotated.splitlines():
        if table := re.match(r"\[+(\w+)\]+", line):
            keys = wanted.setdefault(table.group(1), set())
        elif key := re.match(r"(\w+) = ", line):
            keys.add(key.group(1))
    titles = {"proxy": "THE PROXY", "admin": "ADMINISTRATION", "pool": "POOLS"}
    assert sorted(wanted) == sorted(titles)
    for table, title in titles.items():
        lines = section("ringfold.toml.5", title)
        items = [line.split()[2] for line in lines if line.startswith(".It Ic")]
        assert len(items) == len(set(items))
        assert set(items) == wanted[table], table
        # Each says what it is when it is absent.
        assert len(items) == sum(line.startswith(("Default: ", "Default:", "Required;"))
                                 for line in lines), table


def test_every_value_that_is_a_word():
    """The lists of words, as the program itself names them when it is given another."""
    page = (MAN / "ringfold.toml.5").read_text()
    for key in ("protocol", "distribution", "hash", "on_failure"):
        path = harness.ROOT / "configs" / "minimal.toml"
        done = harness.ringfold("-t", "-c", "/dev/stdin",
                                input=path.read_text() + f'{key} = "no such word"\n')
        words = done.stderr.partition("must be one of ")[2]
        words = re.findall(r"\b[a-z]\w+\b", words.partition(", not")[0])
        item = re.search(rf"^\.It Ic {key}\n(.*?)^Default", page, re.MULTILINE | re.DOTALL).group(1)
        assert words and re.findall(r"\\\(dq(\w+)\\\(dq", item) == words, done.stderr
