"""Makes calls of the socket layer fail in a service that is started with env(): tests/service/faults/faults.cpp.

    faults = FaultLayer(folder)
    service.start(env=faults.env())
    faults.fail(errno.EMFILE, ("socket", "accept"), at=3)      the third of them from now on
    faults.often(errno.ECONNRESET, ("recv", "send"), 0.01, seed=7)
    faults.off()
"""

import mmap
import os
import re
import shutil
import struct
import subprocess
from pathlib import Path

import pytest

from .service import BINARY, BINARY_SAYS

CALLS = ("socket", "accept", "connect", "recv", "send", "epoll", "open")
FIELDS = struct.Struct("<IIIIQQQQQ")  # mode, calls, error, chance, at, length, count, injected, seed
COUNT, INJECTED = 32, 40


def runtime():
    """The sanitizer's library, which has to come first; None where there is none, or where it is part of the program."""
    if b"__asan_init" not in BINARY_SAYS and b"__tsan_init" not in BINARY_SAYS:
        return None
    needed = subprocess.run(["ldd", shutil.which(BINARY) or BINARY], capture_output=True, text=True, check=True).stdout
    found = re.search(r"lib[at]san\S* => (\S+)", needed)
    return found[1] if found else None


class FaultLayer:
    def __init__(self, folder):
        build = os.environ.get("MILLRACE_FAULT_BUILD") or os.environ.get("MILLRACE_BUILD", "")
        self.library = Path(build) / "tests/service/faults/libmillrace-faults.so"
        if not self.library.exists():
            pytest.skip(f"NOT RUN: {self.library} is not built")
        self.file = Path(folder) / "faults"
        self.file.write_bytes(bytes(FIELDS.size))
        with open(self.file, "r+b") as opened:
            self.map = mmap.mmap(opened.fileno(), FIELDS.size)

    def env(self):
        preload = [str(path) for path in (runtime(), self.library) if path]
        return {"LD_PRELOAD": ":".join(preload), "MILLRACE_FAULTS": str(self.file)}

    def _set(self, mode, error, calls, chance, at, length, seed):
        self.off()
        bits = sum(1 << CALLS.index(call) for call in calls)
        self.map[:] = FIELDS.pack(0, bits, error, chance, at, length, 0, 0, seed)
        self.map[0:4] = struct.pack("<I", mode)

    def fail(self, error, calls, at=1, length=1):
        self._set(1, error, calls, 0, at, length, 0)

    def always(self, error, calls):
        self.fail(error, calls, 1, 2**63)

    def often(self, error, calls, part, seed):
        self._set(2, error, calls, int(part * 1_000_000), 0, 0, seed)

    def off(self):
        self.map[0:4] = struct.pack("<I", 0)

    @property
    def count(self):
        """Calls of the chosen kinds since they were chosen."""
        return struct.unpack_from("<Q", self.map, COUNT)[0]

    @property
    def injected(self):
        return struct.unpack_from("<Q", self.map, INJECTED)[0]
