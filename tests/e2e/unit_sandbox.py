#!/usr/bin/env python3
"""Runs a command inside what a systemd unit's sandbox does with system calls, without systemd:

    tests/e2e/unit_sandbox.py UNIT COMMAND...

The filters are made of the unit's own lines with libseccomp, as systemd makes them
(src/shared/seccomp-util.c), except that a call that the unit does not allow kills the process,
where the unit may have it fail: so nothing that is needed goes unnoticed. Its limits and its
capabilities (none) hold as well; the file system stays as it is. Needs Debian's python3-seccomp,
and systemd-analyze, which knows the groups of calls.
"""

import ctypes
import errno
import functools
import os
import re
import resource
import socket
import subprocess
import sys

import seccomp

import sandbox

CLONE_NEWUSER = 0x10000000
CLONE_NEW = 0x7e020080  # every kind of namespace
PROT_WRITE, PROT_EXEC = 2, 4
SHM_EXEC = 0o100000
SET_ID_BITS = 0o6000
CAPABILITIES = 64
LIMITS = {"NOFILE": resource.RLIMIT_NOFILE, "MEMLOCK": resource.RLIMIT_MEMLOCK}


def settings(path):
    """The lines of a unit, as pairs."""
    with open(path, encoding="utf-8") as unit:
        return re.findall(r"^(\w+)=(.*)$", unit.read(), re.MULTILINE)


@functools.cache
def groups():
    """The members of each group of system calls, as systemd has them."""
    listing = subprocess.run(["systemd-analyze", "syscall-filter", "--no-pager"], check=True,
                             capture_output=True, text=True).stdout
    found, members = {}, []
    for line in listing.splitlines():
        word = line.strip().lstrip("# ")
        if line.startswith("@"):
            members = found.setdefault(word, [])
        elif re.fullmatch(r"    @?\w[\w-]*", line):
            members.append(word)
    return found


def calls_of(word):
    if not word.startswith("@"):
        return {word}
    return set().union(*(calls_of(member) for member in groups()[word]))


def allowed_calls(unit):
    """What SystemCallFilter= leaves, line after line; @default is always there."""
    allowed = calls_of("@default")
    for key, value in settings(unit):
        if key != "SystemCallFilter":
            continue
        named = set().union(*(calls_of(word) for word in value.lstrip("~").split()))
        allowed = allowed - named if value.startswith("~") else allowed | named
    return allowed | calls_of("@default")


def forbid_uses(unit):
    """The settings that forbid some uses of a system call."""
    on = {key for key, value in settings(unit) if value == "yes"}
    families = dict(settings(unit))["RestrictAddressFamilies"].split()
    uses = seccomp.SyscallFilter(seccomp.ALLOW)

    def refuse(call, *conditions, error=errno.EPERM):
        uses.add_rule(seccomp.ERRNO(error), call, *conditions)

    if "MemoryDenyWriteExecute" in on:
        both = PROT_WRITE | PROT_EXEC
        refuse("mmap", seccomp.Arg(2, seccomp.MASKED_EQ, both, both))
        refuse("mprotect", seccomp.Arg(2, seccomp.MASKED_EQ, PROT_EXEC, PROT_EXEC))
        refuse("pkey_mprotect", seccomp.Arg(2, seccomp.MASKED_EQ, PROT_EXEC, PROT_EXEC))
        refuse("shmat", seccomp.Arg(2, seccomp.MASKED_EQ, SHM_EXEC, SHM_EXEC))
    if "RestrictNamespaces" in on:
        refuse("setns")
        refuse("clone3", error=errno.ENOSYS)  # its flags are in memory, which no filter sees
        for bit in (1 << shift for shift in range(32)):
            if bit & CLONE_NEW:
                refuse("unshare", seccomp.Arg(0, seccomp.MASKED_EQ, bit, bit))
                refuse("clone", seccomp.Arg(0, seccomp.MASKED_EQ, bit, bit))
    if "RestrictSUIDSGID" in on:
        for bit in (1 << shift for shift in range(12)):
            if bit & SET_ID_BITS:
                refuse("chmod", seccomp.Arg(1, seccomp.MASKED_EQ, bit, bit))
                refuse("fchmod", seccomp.Arg(1, seccomp.MASKED_EQ, bit, bit))
    if "RestrictRealtime" in on:
        refuse("sched_setscheduler", seccomp.Arg(1, seccomp.GT, 0))
    numbers = sorted(int(getattr(socket, family)) for family in families)
    for number in range(numbers[-1] + 1):
        if number not in numbers:
            refuse("socket", seccomp.Arg(0, seccomp.EQ, number), error=errno.EAFNOSUPPORT)
    refuse("socket", seccomp.Arg(0, seccomp.GT, numbers[-1]), error=errno.EAFNOSUPPORT)
    uses.load()


def forbid_calls(unit):
    calls = seccomp.SyscallFilter(seccomp.KILL_PROCESS)
    for call in sorted(allowed_calls(unit)):
        # systemd knows calls that this architecture, or libseccomp, does not have: no number.
        number = seccomp.resolve_syscall(seccomp.Arch(), call)
        if number >= 0:
            calls.add_rule(seccomp.ALLOW, number)
    calls.load()


def set_limits(unit):
    for key, value in settings(unit):
        if not key.startswith("Limit"):
            continue
        kind = LIMITS[key.removeprefix("Limit")]
        wanted = resource.RLIM_INFINITY if value == "infinity" else int(value)
        try:
            resource.setrlimit(kind, (wanted, wanted))
        except ValueError:  # only the administrator of the machine may raise it
            hard = resource.getrlimit(kind)[1]
            resource.setrlimit(kind, (hard, hard))


def enter_user_namespace():
    """PrivateUsers=yes, with this user only."""
    user, group = os.geteuid(), os.getegid()
    if ctypes.CDLL(None).unshare(CLONE_NEWUSER) != 0:
        print("no user namespace to be had: PrivateUsers= is not tried", file=sys.stderr)
        return
    for name, text in (("setgroups", "deny"), ("uid_map", f"{user} {user} 1"),
                       ("gid_map", f"{group} {group} 1")):
        with open(f"/proc/self/{name}", "w", encoding="ascii") as file:
            file.write(text)


def main():
    unit, command = sys.argv[1], sys.argv[2:]
    groups()  # before everything, for it starts a program
    set_limits(unit)
    if ("PrivateUsers", "yes") in settings(unit):
        enter_user_namespace()
    for capability in range(CAPABILITIES):
        sandbox.drop_capability(capability)
    ctypes.CDLL(None).prctl(sandbox.PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0)
    forbid_uses(unit)
    forbid_calls(unit)
    os.execv(command[0], command)


if __name__ == "__main__":
    main()
