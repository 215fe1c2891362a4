"""An HTTP server on raw sockets: keeps what it was sent, byte for byte, and answers what a test tells it to."""

import socket
import threading


class Request:
    def __init__(self, head, body):
        self.head = head
        self.body = body
        lines = head.decode("latin-1").split("\r\n")
        self.method, self.target, self.version = lines[0].split(" ", 2)
        self.fields = [tuple(part.strip() for part in line.split(":", 1)) for line in lines[1:] if line]

    def get(self, name):
        values = [value for key, value in self.fields if key.lower() == name.lower()]
        return values[0] if values else None

    def names(self):
        return [key.lower() for key, _ in self.fields]


def read_head(stream):
    head = b""
    while not head.endswith(b"\r\n\r\n"):
        byte = stream.read(1)
        if not byte:
            return None
        head += byte
    return head[:-2]


def read_body(stream, request):
    if (request.get("transfer-encoding") or "").lower() == "chunked":
        body = b""
        while True:
            size = int(stream.readline().split(b";")[0], 16)
            body += stream.read(size)
            stream.readline()
            if size == 0:
                return body
    return stream.read(int(request.get("content-length") or 0))


def response(body=b"", status="200 OK", headers=()):
    lines = [f"HTTP/1.1 {status}", f"Content-Length: {len(body)}", *headers]
    return "\r\n".join(lines).encode() + b"\r\n\r\n" + body


class Upstream:
    """`routes` maps a path (without query) to handler(request, connection, stream): it sends the answer itself, or returns
    bytes to send; answering None after sending everything keeps the connection, raising Hangup closes it."""

    class Hangup(Exception):
        pass

    def __init__(self, port=0, tls=None, path=None):
        self.tls = tls
        if path:
            self.listener = socket.socket(socket.AF_UNIX)
            self.listener.bind(str(path))
            self.url = f"unix:{path}"
        else:
            self.listener = socket.socket()
            self.listener.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            self.listener.bind(("127.0.0.1", port))
            self.port = self.listener.getsockname()[1]
            self.url = f"{'https' if tls else 'http'}://127.0.0.1:{self.port}"
        self.listener.listen(64)
        self.requests = []
        self.connections = 0
        self.open = []
        self.routes = {}
        # Handlers that read the body themselves.
        self.streaming = set()
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        try:
            self.listener.shutdown(socket.SHUT_RDWR)  # wakes the thread that accepts
        except OSError:
            pass
        self.listener.close()
        self.drop_connections()

    def drop_connections(self):
        for connection in self.open:
            try:
                connection.shutdown(socket.SHUT_RDWR)
            except OSError:
                pass
        self.open = []

    @property
    def last(self):
        return self.requests[-1]

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            if self.tls:
                try:
                    connection = self.tls.wrap_socket(connection, server_side=True)
                except OSError:
                    continue
            self.connections += 1
            self.open.append(connection)
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        if connection.family != socket.AF_UNIX:
            connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        with connection, connection.makefile("rb") as stream:
            try:
                while (head := read_head(stream)) is not None:
                    request = Request(head, b"")
                    path = request.target.split("?")[0]
                    if path not in self.streaming:
                        request.body = read_body(stream, request)
                    self.requests.append(request)
                    handler = self.routes.get(path, lambda *_: response(b"hello\n"))
                    answer = handler(request, connection, stream)
                    if answer is not None:
                        connection.sendall(answer)
            except (OSError, Upstream.Hangup, ValueError):
                pass
