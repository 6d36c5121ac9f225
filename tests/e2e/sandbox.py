#!/usr/bin/env python3
"""Runs a command where io_uring is forbidden, as container runtimes and systemd units forbid it: a
seccomp filter answers its system calls.

    tests/e2e/sandbox.py COMMAND...                     all three calls fail with EPERM
    tests/e2e/sandbox.py --answer kill COMMAND...       the caller dies, systemd's default
    tests/e2e/sandbox.py --calls enter COMMAND...       only io_uring_enter is forbidden

Needs no privilege, and the processes that the command starts inherit it.
"""

import argparse
import ctypes
import errno
import os
import struct

PR_SET_SECCOMP, PR_CAPBSET_DROP, PR_SET_NO_NEW_PRIVS = 22, 24, 38
CAP_IPC_LOCK = 14
SECCOMP_MODE_FILTER = 2
ANSWERS = {"eperm": 0x00050000 | errno.EPERM, "enosys": 0x00050000 | errno.ENOSYS,
           "kill": 0x80000000}
ALLOW = 0x7fff0000
# The same numbers on every architecture: they are younger than the tables were joined.
CALLS = {"setup": 425, "enter": 426, "register": 427}
LOAD_NUMBER, JUMP_IF_EQUAL, RETURN = 0x20, 0x15, 0x06


class Program(ctypes.Structure):
    """struct sock_fprog"""
    _fields_ = [("length", ctypes.c_ushort), ("instructions", ctypes.c_void_p)]


def forbid_uring(calls=tuple(CALLS), answer="eperm"):
    """Puts the filter around this process, for good. May be a preexec_fn."""
    code = [(LOAD_NUMBER, 0, 0, 0)]
    for index, call in enumerate(calls):
        code.append((JUMP_IF_EQUAL, len(calls) - index, 0, CALLS[call]))
    code += [(RETURN, 0, 0, ALLOW), (RETURN, 0, 0, ANSWERS[answer])]
    instructions = ctypes.create_string_buffer(
        b"".join(struct.pack("HBBI", *instruction) for instruction in code))
    program = Program(len(code), ctypes.addressof(instructions))
    libc = ctypes.CDLL(None, use_errno=True)
    for arguments in ((PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0),
                      (PR_SET_SECCOMP, SECCOMP_MODE_FILTER, ctypes.byref(program), 0, 0)):
        if libc.prctl(*arguments) != 0:
            raise OSError(ctypes.get_errno(), "the kernel refuses the seccomp filter")


def drop_capability(capability):
    """Keeps what this process starts from having a capability, where it has any."""
    ctypes.CDLL(None).prctl(PR_CAPBSET_DROP, capability, 0, 0, 0)


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--calls", nargs=1, choices=CALLS, default=list(CALLS))
    parser.add_argument("--answer", choices=ANSWERS, default="eperm")
    parser.add_argument("command", nargs=argparse.REMAINDER)
    options = parser.parse_args()
    if not options.command:
        parser.error("which command?")
    forbid_uring(options.calls, options.answer)
    os.execvp(options.command[0], options.command)


if __name__ == "__main__":
    main()
