"""A client on a raw socket, so that tests say exactly what is sent and see exactly what comes."""

import json
import socket
import ssl


class Response:
    def __init__(self, status, reason, fields, body):
        self.status, self.reason, self.fields, self.body = status, reason, fields, body

    def get(self, name):
        values = self.all(name)
        return values[0] if values else None

    def all(self, name):
        return [value for key, value in self.fields if key.lower() == name.lower()]

    def json(self):
        return json.loads(self.body)


class Client:
    def __init__(self, port, timeout=15, tls=None, host="127.0.0.1", path=None):
        if path:
            self.socket = socket.socket(socket.AF_UNIX)
            self.socket.settimeout(timeout)
            self.socket.connect(str(path))
        else:
            self.socket = socket.create_connection((host, port), timeout=timeout)
            self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        if tls:
            self.socket = tls.wrap_socket(self.socket, server_hostname="localhost")
        self.stream = self.socket.makefile("rb")

    def close(self):
        self.stream.close()
        self.socket.close()

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()

    def send(self, data):
        self.socket.sendall(data.encode("latin-1") if isinstance(data, str) else data)
        return self

    def request(self, method, target, headers=None, body=None, version="1.1"):
        lines = [f"{method} {target} HTTP/{version}"]
        headers = dict(headers or {})
        if version == "1.1" and not any(name.lower() == "host" for name in headers):
            headers = {"Host": "test.example", **headers}
        if body is not None and not any(name.lower() in ("content-length", "transfer-encoding") for name in headers):
            headers["Content-Length"] = str(len(body))
        lines += [f"{name}: {value}" for name, value in headers.items()]
        return self.send("\r\n".join(lines).encode("latin-1") + b"\r\n\r\n" + (body or b""))

    def head(self):
        """Status line and fields of the next response; None at the end of the connection."""
        line = self.stream.readline()
        if not line:
            return None
        _, status, reason = line.decode("latin-1").rstrip("\r\n").split(" ", 2)
        fields = []
        while (line := self.stream.readline()) not in (b"\r\n", b""):
            name, value = line.decode("latin-1").split(":", 1)
            fields.append((name, value.strip()))
        return Response(int(status), reason, fields, b"")

    def read(self, to_head=False, interim=False):
        answer = self.head()
        if answer is None:
            return None
        if answer.status // 100 == 1 and answer.status != 101 and not interim:
            return self.read(to_head)
        if to_head or answer.status in (101, 204, 304) or answer.status // 100 == 1:
            return answer
        if (answer.get("transfer-encoding") or "") == "chunked":
            while True:
                size = int(self.stream.readline(), 16)
                answer.body += self.stream.read(size)
                assert self.stream.readline() == b"\r\n"
                if size == 0:
                    return answer
        length = answer.get("content-length")
        answer.body = self.stream.read(int(length)) if length is not None else self.stream.read()
        return answer

    def get(self, target, headers=None):
        return self.request("GET", target, headers).read()

    def ended(self):
        """True where the server closes the connection without another byte."""
        try:
            return self.stream.read(1) == b""
        except (ConnectionResetError, ssl.SSLError):
            return True
