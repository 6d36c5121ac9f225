# shellcheck shell=bash disable=SC2034  # the variables are for the scripts that source this
# What the scripts beside it share. To be sourced by bash, with the root of the project as folder.

# Debian's Python, because the packages python3-pytest and python3-redis belong to it.
PYTHON=/usr/bin/python3

BUILD_PACKAGES=(git g++ meson ninja-build pkg-config liburing-dev libtomlplusplus-dev
                nlohmann-json3-dev libyaml-cpp-dev libmimalloc-dev doctest-dev libcli11-dev
                libfmt-dev libssl-dev libxxhash-dev libexpected-dev libsystemd-dev
                prometheus-cpp-dev libcpp-httplib-dev)
# What tools/package needs besides.
PACKAGE_PACKAGES=(debhelper dpkg-dev fakeroot)

fail() {
  echo "$*" >&2
  exit 1
}

# need_packages NAME...: installs those that are missing; does nothing when none is.
need_packages() {
  local missing=() name
  for name in "$@"; do
    dpkg-query -W -f '${Status}' "$name" 2>/dev/null | grep -q 'install ok installed' ||
      missing+=("$name")
  done
  [ ${#missing[@]} -eq 0 ] && return
  [ "$(id -u)" -eq 0 ] || fail "missing packages: ${missing[*]}
install them (apt-get install ${missing[*]}) or run this script as root"
  echo "installing: ${missing[*]}"
  # A package such as redis-server would start a service at once; nobody asked for that.
  local policy=/usr/sbin/policy-rc.d made=0 status=0
  if [ ! -e $policy ]; then
    printf '#!/bin/sh\nexit 101\n' >$policy
    chmod +x $policy
    made=1
  fi
  apt-get update -q >/dev/null &&
    DEBIAN_FRONTEND=noninteractive apt-get install -q -y --no-install-recommends "${missing[@]}" \
      >/dev/null || status=$?
  [ $made -eq 0 ] || rm -f $policy
  [ $status -eq 0 ] || fail "apt-get could not install: ${missing[*]}"
}

# configure FOLDER OPTION...: sets up a build folder, or brings an old one up to date.
configure() {
  local folder=$1
  shift
  if [ -e "$folder/build.ninja" ]; then
    meson configure "$folder" "$@"
  else
    meson setup "$folder" "$@"
  fi
}

build_release() {
  configure build --buildtype=release && ninja -C build
}
