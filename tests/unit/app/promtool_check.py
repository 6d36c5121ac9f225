"""Lets promtool judge the metrics: promtool_check.py PROGRAM_THAT_PRINTS_THEM. Exit code 77, which
meson counts as skipped, without promtool (Debian package prometheus)."""

import shutil
import subprocess
import sys

promtool = shutil.which("promtool")
if promtool is None:
    print("no promtool")
    sys.exit(77)
text = subprocess.run([sys.argv[1]], check=True, capture_output=True, timeout=60).stdout
verdict = subprocess.run([promtool, "check", "metrics"], input=text, capture_output=True,
                         timeout=60)
print(verdict.stdout.decode() + verdict.stderr.decode())
sys.exit(verdict.returncode or (1 if verdict.stderr else 0))
