"""Front proxies before a site, by the recipes of contrib/: the very files, with their addresses replaced."""

import shutil
import socket
import subprocess
from pathlib import Path

from .service import wait_for

CONTRIB = Path(__file__).resolve().parents[3] / "contrib"


def free_port():
    with socket.socket() as probe:
        probe.bind(("127.0.0.1", 0))
        return probe.getsockname()[1]


def listens(port):
    try:
        socket.create_connection(("127.0.0.1", port), timeout=1).close()
        return True
    except OSError:
        return False


class Front:
    """A process that is started with `command`, and listens on `ports` then."""

    def __init__(self, folder, name):
        self.folder = Path(folder) / name
        self.folder.mkdir()
        self.log_file = Path(folder) / f"{name}.log"
        self.process = None

    def run(self, command, ports, env=None):
        self.log = open(self.log_file, "ab")
        self.process = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=self.log, stderr=self.log, env=env)
        for port in ports:
            wait_for(lambda port=port: listens(port) or self.process.poll() is not None, f"{command[0]} listens")
        assert self.process.poll() is None, self.log_file.read_text()
        return self

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait(10)
            self.log.close()
            self.process = None


NGINX = """
daemon off;
master_process off;
pid {folder}/nginx.pid;
error_log {log} info;
events {{ worker_connections 256; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    {http}
    include {folder}/site.conf;
}}
"""


class Nginx(Front):
    """contrib/nginx: `port` speaks HTTP/1.1, `port2` HTTP/2. `http` and `location` are what an operator adds there."""

    def __init__(self, folder, auth_port, backend_port, grpc_port=9, http="", location=""):
        super().__init__(folder, "nginx")
        self.port, self.port2 = free_port(), free_port()
        addresses = {
            "127.0.0.1:8403": f"127.0.0.1:{auth_port}",
            "127.0.0.1:8080": f"127.0.0.1:{self.port}",
            "127.0.0.1:8081": f"127.0.0.1:{self.port2}",
            "127.0.0.1:9000": f"127.0.0.1:{backend_port}",
            "127.0.0.1:9001": f"127.0.0.1:{grpc_port}",
            "/etc/nginx/millrace": str(self.folder),
        }
        for file in (CONTRIB / "nginx").glob("*.conf"):
            text = file.read_text()
            for old, new in addresses.items():
                text = text.replace(old, new)
            if file.name == "site.conf" and location:
                text = text.replace("proxy_pass ", location + "\n        proxy_pass ")
            (self.folder / file.name).write_text(text)
        (self.folder / "nginx.conf").write_text(NGINX.format(folder=self.folder, log=self.log_file, http=http))

    @staticmethod
    def command():
        return shutil.which("nginx") or shutil.which("nginx", path="/usr/sbin")

    def start(self):
        return self.run([self.command(), "-p", str(self.folder), "-c", str(self.folder / "nginx.conf")], [self.port, self.port2])


CACHING = """
proxy_cache_path {folder}/cache keys_zone=shared:1m;
include {folder}/millrace-upgrade.conf;
server {{
    listen 127.0.0.1:{port};
    server_name shop.example;
    location / {{
        include {folder}/millrace-proxy.conf;
        proxy_cache shared;
        proxy_pass http://127.0.0.1:{upstream};
    }}
}}
"""


class CachingNginx(Nginx):
    """nginx with a shared cache in front of an ordinary listener, by contrib/nginx/millrace-proxy.conf."""

    def __init__(self, folder, port):
        super().__init__(folder, 9, 9)
        (self.folder / "site.conf").write_text(CACHING.format(folder=self.folder, port=self.port, upstream=port))
        self.port2 = self.port


class Caddy(Front):
    """contrib/caddy."""

    def __init__(self, folder, port, auth_port, backend_port):
        super().__init__(folder, "caddy")
        self.port = free_port()
        text = (CONTRIB / "caddy" / "Caddyfile").read_text()
        addresses = {
            "127.0.0.1:8402": f"127.0.0.1:{port}",
            "127.0.0.1:8403": f"127.0.0.1:{auth_port}",
            "127.0.0.1:9000": f"127.0.0.1:{backend_port}",
            "shop.example:8080": f"shop.example:{self.port}",
        }
        for old, new in addresses.items():
            text = text.replace(old, new)
        # No listener of its own for administration, nothing kept in the home folder.
        (self.folder / "Caddyfile").write_text("{\n\tadmin off\n\tstorage file_system " + str(self.folder) + "\n}\n" + text)

    @staticmethod
    def command():
        return shutil.which("caddy")

    def start(self):
        env = {"HOME": str(self.folder), "XDG_CONFIG_HOME": str(self.folder), "XDG_DATA_HOME": str(self.folder), "PATH": "/usr/bin:/bin"}
        return self.run([self.command(), "run", "--config", str(self.folder / "Caddyfile"), "--adapter", "caddyfile"], [self.port], env)
