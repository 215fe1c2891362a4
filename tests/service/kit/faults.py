"""What goes wrong around a service: a disk that is full, a clock that jumps, an upstream that dies, a store that somebody locks
or damages."""

import errno
import os
import signal
import subprocess
import sys
import time
from pathlib import Path

import pytest

from .service import BINARY_SAYS, wait_for

FAKETIME = [Path("/usr/lib") / place / "faketime/libfaketimeMT.so.1" for place in (f"{os.uname().machine}-linux-gnu", "")]


class SmallDisk:
    """A file system of `size` bytes at `folder`; only root may mount one."""

    def __init__(self, folder, size="1m"):
        folder.mkdir()
        self.folder, self.mounted = folder, False
        done = subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={size}", "tmpfs", str(folder)], capture_output=True, text=True)
        if done.returncode:
            pytest.skip(f"NOT RUN: no file system can be mounted here: {done.stderr.strip()}")
        self.mounted = True

    def fill(self):
        with open(self.folder / "filler", "ab", buffering=0) as filler:
            for size in (65536, 4096, 1):
                try:
                    while True:
                        filler.write(b"f" * size)
                except OSError as error:
                    assert error.errno == errno.ENOSPC

    def free(self):
        (self.folder / "filler").unlink()

    def close(self):
        if self.mounted:
            subprocess.run(["umount", "-l", str(self.folder)], check=True)
            self.mounted = False


# libfaketime shifts what timerfd_settime is told, of the steady clock too. Asio's "at once" is an absolute time there: a
# timer that is due when the clock jumps back would wait for a day. So the kernel is asked directly.
REAL_TIMERS = """
#include <sys/syscall.h>
#include <unistd.h>
int timerfd_settime(int timer, int flags, const void *set, void *was) {
    return (int)syscall(SYS_timerfd_settime, timer, flags, set, was);
}
"""


class Clock:
    """The clock of a process that is started with env(); the steady clock and its timers go on."""

    def __init__(self, folder):
        library = next((path for path in FAKETIME if path.exists()), None)
        if library is None:
            pytest.skip("NOT RUN: no libfaketime (Debian's package faketime)")
        if b"__tsan_init" in BINARY_SAYS or b"__asan_init" in BINARY_SAYS:
            pytest.skip("NOT RUN: a sanitizer and libfaketime cannot both come first")
        self.library, self.file, self.ahead = library, folder / "clock", 0
        self.timers = folder / "real_timers.so"
        command = ["cc", "-shared", "-fPIC", "-x", "c", "-", "-o", str(self.timers)]
        subprocess.run(command, input=REAL_TIMERS, text=True, check=True, timeout=60)
        self.set(0)

    def env(self):
        return {
            "LD_PRELOAD": f"{self.timers}:{self.library}",
            "FAKETIME_TIMESTAMP_FILE": str(self.file),
            "FAKETIME_NO_CACHE": "1",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1",
            "FAKETIME_DONT_RESET": "1",
        }

    def set(self, ahead):
        new = self.file.with_suffix(".new")
        new.write_text(f"{ahead:+d}\n")
        os.replace(new, self.file)
        self.ahead = ahead

    def time(self):
        return time.time() + self.ahead


UPSTREAM = """
import socket, sys, threading, time
listener = socket.socket()
listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
listener.bind(("127.0.0.1", int(sys.argv[1])))
listener.listen(16)
print(listener.getsockname()[1], flush=True)

def serve(connection):
    stream = connection.makefile("rb")
    while True:
        head = b""
        while not head.endswith(b"\\r\\n\\r\\n"):
            line = stream.readline()
            if not line:
                return
            head += line
        if b"/slow" in head.split(b"\\r\\n")[0]:
            connection.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 1000000\\r\\n\\r\\n" + b"s" * 20000)
            time.sleep(600)
        if b"/pieces" in head.split(b"\\r\\n")[0]:
            connection.sendall(b"HTTP/1.1 200 OK\\r\\nTransfer-Encoding: chunked\\r\\n\\r\\n4e20\\r\\n" + b"s" * 20000 + b"\\r\\n")
            time.sleep(600)
        connection.sendall(b"HTTP/1.1 200 OK\\r\\nContent-Length: 6\\r\\n\\r\\nhello\\n")

while True:
    threading.Thread(target=serve, args=(listener.accept()[0],), daemon=True).start()
"""


class UpstreamProcess:
    """An HTTP server that can be killed: /slow and /pieces send 20,000 bytes of more and then nothing."""

    def __init__(self):
        self.port = 0
        self.start()

    def start(self):
        self.process = subprocess.Popen([sys.executable, "-c", UPSTREAM, str(self.port)], stdout=subprocess.PIPE, text=True)
        self.port = int(self.process.stdout.readline())
        self.url = f"http://127.0.0.1:{self.port}"
        return self

    def kill(self):
        if self.process.poll() is None:
            os.kill(self.process.pid, signal.SIGKILL)
        self.process.wait(10)
        self.process.stdout.close()


HOLD = """
import sqlite3, sys, time
database = sqlite3.connect(sys.argv[1], timeout=30, isolation_level=None)
database.execute("BEGIN EXCLUSIVE")
print("locked", flush=True)
sys.stdin.readline()
database.execute("ROLLBACK")
"""


class Locker:
    """Another process that holds the database's write lock until released."""

    def __init__(self, database):
        self.process = subprocess.Popen(
            [sys.executable, "-c", HOLD, str(database)], stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True
        )
        assert self.process.stdout.readline() == "locked\n"

    def release(self):
        if self.process.poll() is None:
            self.process.communicate("\n", timeout=30)


def wait_for_log(service, text, since=0, seconds=15):
    wait_for(lambda: text in service.log_file.read_text()[since:], f"the log to say {text!r}", seconds)
