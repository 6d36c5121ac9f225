#!/usr/bin/env bash
# package_check.sh PACKAGE: installs, runs, upgrades, removes and purges a Debian package of
# ringfold in a copy of this machine that vanishes at the end: an overlay in memory, in namespaces
# of its own for mounts, processes and network. Needs root. Ends with 0 when all is well.
set -eu
if [ $# -eq 1 ]; then
  folder=$(mktemp -d)
  trap 'rmdir "$folder"' EXIT
  unshare --mount --pid --net --fork --kill-child --propagation private "$0" "$1" "$folder"
  exit
fi
PATH=$PATH:/usr/sbin:/sbin
MACHINE=$2
ROOT=$MACHINE/root
CONFIG=/etc/ringfold/ringfold.toml

fail() {
  echo "FAILED: $*" >&2
  exit 1
}

inside() {
  chroot "$ROOT" "$@"
}

# wait_for WHAT COMMAND...: until it succeeds, for half a minute.
wait_for() {
  local what=$1 end=$((SECONDS + 30))
  shift
  until "$@" >/dev/null 2>&1; do
    [ $SECONDS -lt $end ] || fail "waited for $what"
    read -r -t 0.05 <> <(:) || true
  done
}

enter() {
  mount -t tmpfs tmpfs "$MACHINE"
  mkdir "$MACHINE/changed" "$MACHINE/work" "$ROOT"
  mount -t overlay overlay -o "lowerdir=/,upperdir=$MACHINE/changed,workdir=$MACHINE/work" "$ROOT"
  mount --bind /dev "$ROOT/dev"
  mount -t proc proc "$ROOT/proc"
  mount -t tmpfs tmpfs "$ROOT/run"
  mount -t tmpfs tmpfs "$ROOT/tmp"
  ip link set lo up
  cp "$1" "$ROOT/tmp/ringfold.deb"
}

is_installed_well() {
  inside ringfold -V | grep -q '^ringfold ' || fail "ringfold -V"
  inside ringfold-bench load --help >/dev/null
  if inside sh -c 'command -v python3' >/dev/null; then
    inside ringfold-bench capacity --help >/dev/null
  fi
  [ "$(inside stat -c %U:%G:%a /etc/ringfold)" = root:ringfold:750 ] || fail "/etc/ringfold"
  inside systemd-analyze verify --man=no /lib/systemd/system/ringfold.service \
    /lib/systemd/system/ringfold@x.service || fail "the units"
  [ "$(inside systemctl is-enabled ringfold.service)" = enabled ] || fail "ringfold.service"
  for page in man1/ringfold.1 man1/ringfold-bench.1 man5/ringfold.toml.5; do
    inside test -e /usr/share/man/$page.gz || [ -e /etc/dpkg/dpkg.cfg.d/docker ] || fail "$page"
  done
}

# As the service runs: its user, its configuration as shipped.
runs() {
  local proxy
  inside redis-server --save '' --daemonize yes --dir /tmp >/dev/null
  wait_for redis-server inside redis-cli ping
  inside setpriv --reuid ringfold --regid ringfold --clear-groups --no-new-privs \
    ringfold -t --connect -c $CONFIG 2>"$MACHINE/warnings" || fail "the configuration"
  [ ! -s "$MACHINE/warnings" ] || fail "$(cat "$MACHINE/warnings")"
  chroot "$ROOT" setpriv --reuid ringfold --regid ringfold --clear-groups --no-new-privs \
    ringfold -c $CONFIG 2>"$MACHINE/log" &
  proxy=$!
  wait_for ringfold inside redis-cli -p 22121 ping
  [ "$(inside redis-cli -p 22121 set key value)" = OK ] || fail "SET"
  [ "$(inside redis-cli -p 6379 get key)" = value ] || fail "GET"
  kill -TERM $proxy
  wait $proxy || fail "ringfold ended with $?: $(cat "$MACHINE/log")"
  inside redis-cli shutdown nosave
}

is_gone() {
  inside getent passwd ringfold && fail "the user is there"
  cmp /etc/passwd "$ROOT/etc/passwd" || fail "/etc/passwd has changed"
  cmp /etc/group "$ROOT/etc/group" || fail "/etc/group has changed"
  # A character device is overlayfs' mark of what was removed.
  find "$MACHINE/changed" -name '*ringfold*' ! -type c | grep . && fail "the above is left"
  return 0
}

enter "$1"
! inside dpkg-query -W ringfold >/dev/null 2>&1 || fail "ringfold is installed on this machine"
inside dpkg -i /tmp/ringfold.deb
is_installed_well
runs
echo '# edited' >>"$ROOT$CONFIG"
inside dpkg -i /tmp/ringfold.deb </dev/null
grep -q '^# edited$' "$ROOT$CONFIG" || fail "an upgrade has changed the configuration"
is_installed_well
inside dpkg -r ringfold
[ ! -e "$ROOT/usr/bin/ringfold" ] || fail "removed, and the program is there"
grep -q '^# edited$' "$ROOT$CONFIG" || fail "removing has removed the configuration"
inside dpkg -i /tmp/ringfold.deb </dev/null
inside dpkg -P ringfold
is_gone
