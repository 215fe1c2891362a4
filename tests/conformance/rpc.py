"""A minimal JSON-RPC client for a lightning-rpc socket, and a running millrace-sim."""

import itertools
import json
import os
import signal
import socket
import subprocess


class RpcError(Exception):
    def __init__(self, error):
        super().__init__(f"{error.get('code')}: {error.get('message')}")
        self.error = error


class Connection:
    """One connection; requests may be pipelined with send() and receive()."""

    def __init__(self, path, timeout=30):
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.socket.settimeout(timeout)
        self.socket.connect(path)
        self.ids = itertools.count(1)
        self.buffer = b""

    def send(self, method, params=None, request_id=None):
        request_id = request_id if request_id is not None else f"test:{method}#{next(self.ids)}"
        request = {"jsonrpc": "2.0", "id": request_id, "method": method, "params": {} if params is None else params}
        self.socket.sendall(json.dumps(request).encode())
        return request_id

    def send_raw(self, text):
        self.socket.sendall(text.encode())

    def receive_raw(self):
        while b"\n\n" not in self.buffer:
            data = self.socket.recv(65536)
            if not data:
                raise ConnectionError("the connection was closed")
            self.buffer += data
        text, self.buffer = self.buffer.split(b"\n\n", 1)
        return text.decode()

    def receive(self):
        return json.loads(self.receive_raw())

    def call(self, method, params=None):
        request_id = self.send(method, params)
        while True:
            answer = self.receive()
            if answer.get("id") == request_id:
                break
        if "error" in answer:
            raise RpcError(answer["error"])
        return answer["result"]

    def close(self):
        self.socket.close()


class Simulator:
    """millrace-sim as a child process; every node by its name."""

    def __init__(self, binary, topology, directory, arguments=(), ready=True):
        path = os.path.join(directory, "topology.json")
        with open(path, "w", encoding="utf-8") as out:
            json.dump(topology, out)
        self.directory = directory
        self.stderr_path = os.path.join(directory, "stderr")
        with open(self.stderr_path, "w", encoding="utf-8") as errors:
            self.process = subprocess.Popen(
                [binary, "--topology", path, "--dir", directory, *arguments],
                stdout=subprocess.PIPE, stderr=errors, text=True)
        self.nodes = {}
        self.connections = []
        if ready:
            line = self.process.stdout.readline()
            if not line:
                raise RuntimeError("millrace-sim did not start: " + self.stderr())
            self.nodes = json.loads(line)["nodes"]

    def stderr(self):
        with open(self.stderr_path, encoding="utf-8") as text:
            return text.read()

    def log(self, node):
        with open(os.path.join(self.directory, node, "log"), encoding="utf-8") as text:
            return text.read()

    def connect(self, node):
        connection = Connection(self.nodes[node]["rpc"])
        self.connections.append(connection)
        return connection

    def call(self, node, method, params=None):
        connection = Connection(self.nodes[node]["rpc"])
        try:
            return connection.call(method, params)
        finally:
            connection.close()

    def control(self, method, params=None):
        connection = Connection(os.path.join(self.directory, "control.sock"))
        try:
            return connection.call(method, params)
        finally:
            connection.close()

    def stop(self):
        for connection in self.connections:
            connection.close()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        try:
            return self.process.wait(40)
        except subprocess.TimeoutExpired:
            self.process.kill()
            raise
        finally:
            self.process.stdout.close()
