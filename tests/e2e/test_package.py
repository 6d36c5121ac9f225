"""The Debian package that tools/package has built, and what `meson install` installs.

    RINGFOLD_PACKAGE=build/package/ringfold_0.1.0_amd64.deb pytest tests/e2e/test_package.py
"""

import os
import pathlib
import shutil
import subprocess

import pytest

import harness

PACKAGE = os.environ.get("RINGFOLD_PACKAGE")
CHECK = pathlib.Path(__file__).with_name("package_check.sh")
BUILD = harness.BINARY.parent

needs_package = pytest.mark.skipif(
    PACKAGE is None, reason="RINGFOLD_PACKAGE names no package (tools/package builds one)")


def run(*command, **options):
    return subprocess.run(command, capture_output=True, text=True, check=False, timeout=300,
                          **options)


def why_no_copy():
    """Why there is no copy of this machine to be had; None when there is."""
    if os.geteuid() != 0:
        return "only root can install a package into a copy of this machine"
    script = ('mount -t tmpfs t "$0" && mkdir "$0/u" "$0/w" "$0/r" && mount -t overlay o '
              '-o "lowerdir=/,upperdir=$0/u,workdir=$0/w" "$0/r"')
    # Any folder will do: what is mounted there is seen in the namespace only.
    done = run("unshare", "--mount", "--pid", "--net", "--fork", "--propagation", "private",
               "sh", "-c", script, "/mnt")
    return None if done.returncode == 0 else f"no namespaces or overlay: {done.stderr.strip()}"


@needs_package
def test_it_installs_runs_upgrades_and_leaves_nothing():
    reason = why_no_copy()
    if reason is not None:
        pytest.skip(reason)
    done = run(CHECK, os.path.abspath(PACKAGE))
    assert done.returncode == 0, done.stdout + done.stderr


@needs_package
def test_debians_own_checks():
    if shutil.which("lintian") is None:
        pytest.skip("lintian is not installed")
    # "initial-upload-closes-no-bugs" and the like are about Debian's archive, and only tags.
    done = run("lintian", "--allow-root", "--fail-on", "error,warning", PACKAGE)
    assert done.returncode == 0, done.stdout


@pytest.fixture(scope="module")
def build():
    """A small build folder with programs that are there already, for other prefixes."""
    if not (BUILD / "build.ninja").exists():
        pytest.skip(f"{BUILD} is no build folder")
    return BUILD


def install(build, destination):
    done = run("meson", "install", "-C", build, "--no-rebuild", "--destdir", destination)
    assert done.returncode == 0, done.stdout + done.stderr
    return destination


def test_meson_install(build, tmp_path):
    root = install(build, tmp_path / "root")
    prefix = next(root.rglob("bin/ringfold")).parents[1]
    done = run(prefix / "bin" / "ringfold", "-V")
    assert done.returncode == 0 and done.stdout.startswith("ringfold ")
    assert run(prefix / "bin" / "ringfold-bench", "load", "--help").returncode == 0
    config = next(root.rglob("etc/ringfold/ringfold.toml"))
    assert run(prefix / "bin" / "ringfold", "-t", "-c", config).returncode == 0
    # The services name what is installed, where it will be.
    for name, file in (("ringfold.service", "ringfold.toml"), ("ringfold@.service", "%i.toml")):
        unit = next(root.rglob(name)).read_text()
        command = next(line for line in unit.splitlines() if line.startswith("ExecStart="))
        program, _, path = command.removeprefix("ExecStart=").split()
        assert root / program.lstrip("/") == prefix / "bin" / "ringfold"
        assert root / path.lstrip("/") == config.with_name(file)
    assert "RuntimeDirectory=ringfold-%i\n" in unit and "(%i)" in unit
    for name in ("ringfold.1", "ringfold-bench.1", "ringfold.toml.5", "annotated.toml",
                 "ringfold.socket", "ringfold.conf", "ringfold.json", "alerts.yml"):
        assert next(root.rglob(name)).stat().st_size > 0


def test_a_second_install_keeps_the_configuration(build, tmp_path):
    root = install(build, tmp_path / "root")
    config = next(root.rglob("etc/ringfold/ringfold.toml"))
    config.write_text("# edited\n")
    install(build, root)
    assert config.read_text() == "# edited\n"
