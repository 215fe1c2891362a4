"""An upstream that behaves as each request's case says, and notes what it acted upon."""

import socket
import struct
import threading
import time


class Case:
    """What one request's upstream does, and what became of it there."""

    def __init__(self, number, behaviour, size, delay):
        self.number, self.behaviour, self.size, self.delay = number, behaviour, size, delay
        self.acted = 0  # how often
        self.read_whole = False
        self.head = None  # the status of a final head that was sent

    def __repr__(self):
        return f"upstream {self.behaviour} (answer of {self.size}, after {self.delay * 1e3:.0f} ms): acted {self.acted}, read whole {self.read_whole}, head {self.head}"


class Reset(Exception):
    pass


class OddUpstream:
    def __init__(self):
        self.cases = {}
        self.listener = socket.create_server(("127.0.0.1", 0), backlog=256)
        self.port = self.listener.getsockname()[1]
        self.url = f"http://127.0.0.1:{self.port}"
        threading.Thread(target=self._accept, daemon=True).start()

    def close(self):
        try:
            self.listener.shutdown(socket.SHUT_RDWR)
        except OSError:
            pass
        self.listener.close()

    def _accept(self):
        while True:
            try:
                connection, _ = self.listener.accept()
            except OSError:
                return
            threading.Thread(target=self._serve, args=(connection,), daemon=True).start()

    def _serve(self, connection):
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        connection.settimeout(20)
        with connection, connection.makefile("rb") as stream:
            try:
                while line := stream.readline():
                    fields = {}
                    while (field := stream.readline()) not in (b"\r\n", b""):
                        name, _, value = field.decode("latin-1").partition(":")
                        fields[name.lower()] = value.strip()
                    case = self.cases[int(fields.get("x-case", -1))]
                    again = getattr(self, case.behaviour)(case, connection, stream, fields)
                    if not again or "close" in fields.get("connection", ""):
                        return
            except Reset:
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            except (OSError, ValueError, KeyError):
                pass

    # -- what it may do; True: the connection goes on ----------------------------------------------------------------

    def _read(self, case, stream, fields):
        """The whole body; raises where it breaks off."""
        if fields.get("transfer-encoding") == "chunked":
            while size := int(stream.readline().split(b";")[0], 16):
                if len(stream.read(size + 2)) < size + 2:
                    raise OSError
            stream.readline()
        else:
            size = int(fields.get("content-length", 0))
            if len(stream.read(size)) < size:
                raise OSError
        case.read_whole = True

    def _act(self, case, stream, fields):
        self._read(case, stream, fields)
        case.acted += 1
        time.sleep(case.delay)

    def _send_head(self, case, connection, status, more=b""):
        case.head = status
        connection.sendall(b"HTTP/1.1 %d Odd\r\n" % status + more)

    def _answer(self, case, connection, status=200):
        self._send_head(case, connection, status, b"Content-Length: %d\r\n\r\n" % case.size + b"a" * case.size)
        return True

    def reset_before_acting(self, case, connection, stream, fields):
        raise Reset

    def reset_after_acting(self, case, connection, stream, fields):
        self._act(case, stream, fields)
        raise Reset

    def half_a_head(self, case, connection, stream, fields):
        self._act(case, stream, fields)
        connection.sendall(b"HTTP/1.1 200 OK\r\nContent-")
        raise Reset

    def answer(self, case, connection, stream, fields):
        self._act(case, stream, fields)
        return self._answer(case, connection)

    def not_found(self, case, connection, stream, fields):
        self._act(case, stream, fields)
        return self._answer(case, connection, 404)

    def fail(self, case, connection, stream, fields):
        self._act(case, stream, fields)
        return self._answer(case, connection, 500)

    def no_status(self, case, connection, stream, fields):
        self._act(case, stream, fields)
        connection.sendall(b"HTTP/1.1 999 Odd\r\nContent-Length: 0\r\n\r\n")

    def chunked(self, case, connection, stream, fields):
        self._act(case, stream, fields)
        self._send_head(case, connection, 200, b"Transfer-Encoding: chunked\r\n\r\n")
        for _ in range(3):
            connection.sendall(b"%x \r\n" % case.size + b"c" * case.size + b"\r\n")
            time.sleep(case.delay / 3)
        connection.sendall(b"0\r\n\r\n")
        return True

    def until_eof(self, case, connection, stream, fields):
        self._act(case, stream, fields)
        self._send_head(case, connection, 200, b"Connection: close\r\n\r\n" + b"e" * case.size)

    def early_head(self, case, connection, stream, fields):
        """Acts on the head alone, answers, and reads the rest, or not."""
        case.acted += 1
        self._answer(case, connection)
        self._read(case, stream, fields)
        return True

    def hints(self, case, connection, stream, fields):
        self._act(case, stream, fields)
        for _ in range(5):
            connection.sendall(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
        return self._answer(case, connection)

    def hints_without_end(self, case, connection, stream, fields):
        self._act(case, stream, fields)
        for _ in range(50):
            connection.sendall(b"HTTP/1.1 103 Early Hints\r\nLink: </a>\r\n\r\n")
        return self._answer(case, connection)

    def garbage_at_once(self, case, connection, stream, fields):
        self._act(case, stream, fields)
        connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n")
        case.head = 0  # one that may be read as an answer, where it comes in two pieces

    def garbage_later(self, case, connection, stream, fields):
        self._act(case, stream, fields)
        self._send_head(case, connection, 200, b"Transfer-Encoding: chunked\r\n\r\n%x\r\n" % case.size + b"g" * case.size + b"\r\n")
        time.sleep(0.02)
        connection.sendall(b"zz\r\n")

    def short_body(self, case, connection, stream, fields):
        self._act(case, stream, fields)
        self._send_head(case, connection, 200, b"Content-Length: %d\r\n\r\n" % (case.size + 100) + b"s" * case.size)

    def silent(self, case, connection, stream, fields):
        self._act(case, stream, fields)
        connection.recv(1)

    def drip(self, case, connection, stream, fields):
        self._act(case, stream, fields)
        self._send_head(case, connection, 200, b"Content-Length: %d\r\n\r\n" % (case.size + 3) + b"d" * case.size)
        for _ in range(3):
            time.sleep(0.05)
            connection.sendall(b"d")
        return True
