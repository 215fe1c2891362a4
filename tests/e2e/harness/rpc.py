"""lightning-rpc, as a test needs it: one request, one connection."""

import json
import socket
import threading
import time


class RpcError(Exception):
    def __init__(self, method, error):
        super().__init__(f"{method}: {error.get('message')} (code {error.get('code')})")
        self.code = error.get("code")
        self.message = error.get("message", "")
        self.data = error.get("data")


class UnixRpc:
    """Calls over a unix socket, each on a connection of its own, so that a long one holds up no other."""

    def __init__(self, path):
        self.path = str(path)

    def __call__(self, method, params=None, timeout=60):
        with socket.socket(socket.AF_UNIX) as connection:
            connection.settimeout(timeout)
            connection.connect(self.path)
            request = {"jsonrpc": "2.0", "id": f"test:{method}#1", "method": method, "params": params or {}}
            connection.sendall(json.dumps(request).encode())
            reply = read_json(connection, method)
        if "error" in reply:
            raise RpcError(method, reply["error"])
        return reply["result"]


def read_json(connection, what):
    """The next JSON value on a connection that has nothing behind it."""
    decoder, data = json.JSONDecoder(), b""
    while True:
        piece = connection.recv(65536)
        if not piece:
            raise ConnectionError(f"{what}: the connection ended")
        data += piece
        try:
            return decoder.raw_decode(data.decode().lstrip())[0]
        except (json.JSONDecodeError, UnicodeDecodeError):
            continue


class Background:
    """A call that runs in a thread: `result()` waits for it and returns or raises what it did."""

    def __init__(self, function, *arguments, **options):
        self.outcome = self.error = None

        def work():
            try:
                self.outcome = function(*arguments, **options)
            except BaseException as error:  # handed to whoever asks for the result
                self.error = error

        self.thread = threading.Thread(target=work, daemon=True)
        self.thread.start()

    def done(self):
        return not self.thread.is_alive()

    def result(self, timeout=60):
        self.thread.join(timeout)
        assert not self.thread.is_alive(), "the call did not end"
        if self.error is not None:
            raise self.error
        return self.outcome


def complete_lines(path):
    """What a process that may still be writing has written to a file; [] where there is none yet."""
    text = path.read_text() if path.exists() else ""
    return text[:text.rfind("\n") + 1].splitlines()


def wait_for(condition, what, timeout=30):
    """The first true value of condition()."""
    end = time.monotonic() + timeout
    while True:
        value = condition()
        if value:
            return value
        assert time.monotonic() < end, f"waited {timeout} s for {what() if callable(what) else what}"
        time.sleep(0.05)
