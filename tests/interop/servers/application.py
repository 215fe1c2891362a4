"""WSGI, whose PATH_INFO is the decoded path. Argument: the port."""

import sys
from socketserver import ThreadingMixIn
from wsgiref.simple_server import WSGIRequestHandler, WSGIServer, make_server


class Server(ThreadingMixIn, WSGIServer):
    daemon_threads = True


class Handler(WSGIRequestHandler):
    def log_message(self, *_):
        pass


def application(environ, start_response):
    path = environ["PATH_INFO"]
    name = "other"
    if path == "/docs/open":
        name = "open"
    elif path.startswith("/pub/"):
        name = "pub"
    elif path == "/docs/edit" or path.startswith("/docs/edit/"):
        name = "edit"
    elif path.startswith("/docs/dir/"):
        name = "dir"
    start_response("200 OK", [("X-Served", name), ("Content-Length", "0")])
    return [b""]


make_server("127.0.0.1", int(sys.argv[1]), application, Server, Handler).serve_forever()
