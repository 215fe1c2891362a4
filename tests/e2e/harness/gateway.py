"""The plugin's own socket: JSON-RPC 2.0, one object a line (common/gateway/messages.hpp)."""

import json
import socket


class Gateway:
    def __init__(self, path):
        self.socket = socket.socket(socket.AF_UNIX)
        self.socket.settimeout(60)
        self.socket.connect(str(path))
        self.stream = self.socket.makefile("rw", encoding="utf-8", newline="\n")
        self.number = 0

    def __enter__(self):
        return self

    def __exit__(self, *raised):
        self.stream.close()
        self.socket.close()

    def call(self, method, params=None):
        """The whole answer: a result or an error."""
        self.number += 1
        self.stream.write(json.dumps({"jsonrpc": "2.0", "id": self.number, "method": method, "params": params or {}}) + "\n")
        self.stream.flush()
        while True:
            answer = json.loads(self.stream.readline())
            if "id" in answer:  # notifications may come between
                assert answer["id"] == self.number, answer
                return answer

    def hello(self):
        assert "result" in self.call("hello", {"protocol": 1, "client": "test"})
