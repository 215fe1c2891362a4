"""Where requests come in: several listeners, unix sockets, certificates that are replaced, sockets of systemd."""

import shutil
import signal
import socket
import ssl
import subprocess
import sys
import time

import pytest
from kit.http import Client
from kit.service import BINARY, Ticker, wait_for
from kit.tls import Authority
from kit.upstream import response

FREE = "/weather/public/"


@pytest.fixture(scope="module")
def authority(tmp_path_factory):
    return Authority(tmp_path_factory.mktemp("tls"))


def config(house, *listeners):
    """The usual configuration with these listeners, each the lines of a [[listen]]."""
    usual = '[listen]\naddress = "127.0.0.1:0"\nthreads = 2\n'
    assert usual in house.config()
    return house.config().replace(usual, "".join(f"[[listen]]\n{lines}\n" for lines in listeners))


def tls_lines(certificate, key, address="127.0.0.1:0"):
    return f'address = "{address}"\ntls_cert = "{certificate}"\ntls_key = "{key}"'


def refused(house, text, name="second.toml"):
    """What a service with this configuration says when it does not start."""
    file = house.folder / name
    file.write_text(text.replace('"millrace.db"', '"other.db"'))
    done = subprocess.run([BINARY, "--config", str(file)], capture_output=True, text=True, timeout=20)
    assert done.returncode == 1, done.stderr
    return done.stderr


def shown(port, trust, name="localhost"):
    """The certificate that a new connection is shown."""
    with socket.create_connection(("127.0.0.1", port), timeout=10) as plain, trust.wrap_socket(plain, server_hostname=name) as secure:
        return secure.getpeercert(binary_form=True)


def der(certificate):
    return ssl.PEM_cert_to_DER_cert(certificate.read_text()[certificate.read_text().index("-----BEGIN") :])


def test_several_listeners_serve_the_same_each_in_its_way(house, authority):
    one, other = authority.issue("one.test"), authority.issue("other.test")
    path = house.folder / "http.sock"
    service = house.start(
        config=config(
            house,
            'address = "127.0.0.1:0"\nthreads = 2',
            tls_lines(one.certificate, one.key),
            tls_lines(other.certificate, other.key),
            tls_lines(other.certificate, other.key, "[::1]:0"),
            'address = "unix:http.sock"',
        )
    )
    plain, first, second, third = service.ports
    token = house.paid()
    trust = authority.trust()
    with service.client(plain) as client, service.client(path=path) as unix:
        for one_client in (client, unix):
            assert one_client.get("/weather/x").status == 402
            assert one_client.get("/weather/x", token.headers()).status == 200
            assert house.upstream.last.get("x-forwarded-proto") == "http"
    assert shown(first, trust, "one.test") == der(one.certificate)
    assert shown(second, trust, "other.test") == der(other.certificate)
    with socket.create_connection(("::1", third), timeout=10) as connection:
        with trust.wrap_socket(connection, server_hostname="other.test") as secure:
            secure.sendall(f"GET {FREE}x HTTP/1.1\r\nHost: a\r\n\r\n".encode())
            assert secure.recv(12) == b"HTTP/1.1 200"
    assert house.upstream.last.get("x-forwarded-proto") == "https"
    assert house.upstream.last.get("x-forwarded-for") == "::1"
    said = service.log_file.read_text()
    assert f"listening on unix:{path}\n" in said
    # All of them are closed when the service ends.
    service.stop()
    assert not path.exists()
    for port in service.ports:
        with pytest.raises(OSError):
            Client(port)


def test_a_unix_socket_has_its_mode_and_its_peer_is_called_unix(house):
    path = house.folder / "http.sock"
    service = house.start(config=config(house, f'address = "unix:{path}"\nmode = "0600"'))
    assert path.stat().st_mode & 0o777 == 0o600
    body = b"x" * 300_000
    house.upstream.routes[FREE + "echo"] = lambda request, *_: response(request.body)
    with service.client(path=path) as client:
        assert client.request("POST", FREE + "echo", body=body).read().body == body
    assert house.upstream.last.get("x-forwarded-for") == "unix:"
    wait_for(lambda: f"unix: {FREE}echo 200" in service.log_file.read_text(), "the request stands in the log")


def test_a_stale_socket_file_is_replaced_and_a_live_one_is_not(house):
    path = house.folder / "http.sock"
    text = config(house, f'address = "unix:{path}"')
    service = house.start(config=text)
    assert f"another process serves this socket: {path}" in refused(house, text)
    with service.client(path=path) as client:
        assert client.get(FREE + "x").status == 200
    service.kill()
    assert path.exists()
    service.start()
    with service.client(path=path) as client:
        assert client.get(FREE + "x").status == 200
    service.stop()
    assert not path.exists()
    path.write_text("precious")
    assert f"something that is not a socket stands there: {path}" in refused(house, text)
    assert path.read_text() == "precious"


def test_sigterm_closes_a_unix_socket_too_and_finishes_what_is_under_way(house):
    path = house.folder / "http.sock"
    service = house.start(config=config(house, f'address = "unix:{path}"'))

    def slow(*_):
        time.sleep(0.6)
        return response(b"finished")

    house.upstream.routes[FREE + "slow"] = slow
    with service.client(path=path) as busy:
        busy.request("GET", FREE + "slow")
        time.sleep(0.2)
        service.signal(signal.SIGTERM)
        wait_for(lambda: not path.exists(), "the socket is gone", 2)
        assert service.process.poll() is None
        assert busy.read().body == b"finished"
    service.stop(expect=0)


class Live:
    """Certificate and key as certbot lays them: links to numbered files, which a renewal makes anew."""

    def __init__(self, folder, pair):
        self.folder, self.count = folder, 0
        self.certificate, self.key = folder / "fullchain.pem", folder / "privkey.pem"
        self.renew(pair)

    def renew(self, pair, key=True, certificate=True):
        self.count += 1
        for wanted, link, source in ((certificate, self.certificate, pair.certificate), (key, self.key, pair.key)):
            if not wanted:
                continue
            target = self.folder / f"{link.stem}{self.count}.pem"
            shutil.copy(source, target)
            link.unlink(missing_ok=True)
            link.symlink_to(target.name)


def test_a_certificate_replaced_under_load_is_taken_up_and_drops_nothing(house, authority):
    live = Live(house.folder, authority.issue())
    service = house.start(config=config(house, tls_lines(live.certificate, live.key)))
    trust, token = authority.trust(), house.paid()
    kept = service.client(tls=trust)

    def on_the_same_connection():
        answer = kept.get("/weather/x", token.headers())
        return answer.status, answer.body

    def on_a_new_one():
        with service.client(tls=trust) as client:
            answer = client.get(FREE + "x")
            return answer.status, answer.body

    tickers = [Ticker(on_the_same_connection), Ticker(on_a_new_one)]
    for _ in range(2):
        renewed = authority.issue()
        live.renew(renewed)
        wait_for(lambda: shown(service.port, trust) == der(renewed.certificate), "the new certificate is shown", 6)
    for ticker in tickers:
        results = ticker.finish()
        assert set(results) == {(200, b"hello\n")} and len(results) > 20
    kept.close()
    assert service.log_file.read_text().count("loaded anew") == 2


def test_a_pair_that_does_not_fit_or_load_leaves_the_old_one_in_use(house, authority):
    first = authority.issue()
    live = Live(house.folder, first)
    service = house.start(config=config(house, tls_lines(live.certificate, live.key)))
    trust = authority.trust()
    second = authority.issue()

    def stays(why):
        wait_for(lambda: why in service.log_file.read_text(), why, 6)
        assert shown(service.port, trust) == der(first.certificate)

    live.renew(second, key=False)
    stays("the old one stays: bad value: listen.tls_key: ")
    live.certificate.unlink()
    stays("the old one stays: bad value: listen.tls_cert: ")
    time.sleep(2.5)  # told once, not at each look
    assert service.log_file.read_text().count("the old one stays") == 2
    live.renew(second)
    wait_for(lambda: shown(service.port, trust) == der(second.certificate), "the new certificate is shown", 6)


def test_sighup_takes_up_other_files_and_these_are_watched(house, authority):
    first, second = authority.issue(), authority.issue()
    service = house.start(config=config(house, tls_lines(first.certificate, first.key, "127.0.0.1:0")))
    trust = authority.trust()
    live = Live(house.folder, second)
    text = config(house, tls_lines(live.certificate, live.key))
    with service.client(tls=trust) as client:
        assert client.get(FREE + "x").status == 200
        assert "configuration reloaded" in service.reload(text)
        assert shown(service.port, trust) == der(second.certificate)
        assert client.get(FREE + "x").status == 200
    third = authority.issue()
    live.renew(third)
    wait_for(lambda: shown(service.port, trust) == der(third.certificate), "the new certificate is shown", 6)
    # One that does not load keeps the whole configuration.
    said = service.reload(text.replace(str(live.key), str(first.key)))
    assert "not reloaded" in said and "listen.tls_key" in said
    assert shown(service.port, trust) == der(third.certificate)
    # Without a certificate: that takes a restart, and the old one is watched on.
    said = service.reload(config(house, 'address = "127.0.0.1:0"'))
    assert "listen.tls_cert has changed, which takes a restart" in said
    live.renew(first)
    wait_for(lambda: shown(service.port, trust) == der(first.certificate), "the old files are watched on", 6)


# As systemd: descriptors from 3 on, and LISTEN_PID is the process that they are for.
LAUNCHER = """
import os, sys
names, fds, command = sys.argv[1], [int(fd) for fd in sys.argv[2].split(",")], sys.argv[3:]
high = [os.dup2(fd, 100 + i) for i, fd in enumerate(fds)]
for i, fd in enumerate(high):
    os.dup2(fd, 3 + i)
os.closerange(3 + len(fds), 200)
os.environ.update(LISTEN_PID=str(os.getpid()), LISTEN_FDS=str(len(fds)), LISTEN_FDNAMES=names)
os.execvp(command[0], command)
"""


def activation(**sockets):
    """How to start a service with these sockets: name=socket."""
    fds = [one.fileno() for one in sockets.values()]
    names = ":".join(name.rstrip("0123456789") for name in sockets)
    launcher = [sys.executable, "-c", LAUNCHER, names, ",".join(map(str, fds))]
    return {"launcher": launcher, "pass_fds": fds}


def listening(path=None):
    if path is None:
        return socket.create_server(("127.0.0.1", 0))
    made = socket.socket(socket.AF_UNIX)
    made.bind(str(path))
    made.listen(16)
    return made


def test_a_socket_of_systemd_serves_who_came_before_the_service(house):
    with listening() as one:
        early = Client(one.getsockname()[1])
        early.request("GET", FREE + "early")
        service = house.start(config=config(house, 'address = "systemd"'), **activation(web=one))
        assert service.port == one.getsockname()[1]
        assert early.read().status == 200
        early.close()
        # And who comes while it is restarted.
        service.stop()
        between = Client(one.getsockname()[1])
        between.request("GET", FREE + "between")
        service.start(**activation(web=one))
        assert between.read().status == 200
        between.close()


def test_sockets_of_systemd_are_told_apart_by_name(house, authority):
    pair = authority.issue()
    path = house.folder / "passed.sock"
    with listening() as plain, listening() as first, listening() as second, listening(path) as unix, listening() as spare:
        sockets = activation(plain=plain, secure1=first, secure2=second, local=unix, spare=spare)
        lines = [tls_lines(pair.certificate, pair.key, "systemd:secure"), 'address = "systemd:local"', 'address = "systemd:plain"', 'address = "127.0.0.1:0"']
        service = house.start(config=config(house, *lines), **sockets)
        for secure in (first, second):
            assert shown(secure.getsockname()[1], authority.trust()) == der(pair.certificate)
        for client in (Client(plain.getsockname()[1]), Client(0, path=path), Client(service.ports[-1])):
            assert client.get(FREE + "x").status == 200
            client.close()
        assert 'systemd passed a socket "spare" that no listen.address asks for' in service.log_file.read_text()
        service.stop()
        assert path.exists()  # systemd's, not ours


def test_a_socket_that_systemd_did_not_pass_is_an_error(house):
    assert "systemd:web: systemd passed no such socket; there is none left, or the service was not started by a socket unit" in refused(
        house, config(house, 'address = "systemd:web"')
    )
    with listening() as one, socket.socket() as bound:
        bound.bind(("127.0.0.1", 0))
        for sockets, lines, why in (
            (activation(web=one), 'address = "systemd:admin"', "systemd passed no such socket; there are: web"),
            (activation(web=bound), 'address = "systemd"', "is no stream socket that takes connections; the socket unit needs"),
        ):
            file = house.folder / "second.toml"
            file.write_text(config(house, lines))
            command = [*sockets["launcher"], BINARY, "--config", str(file)]
            done = subprocess.run(command, capture_output=True, text=True, timeout=20, pass_fds=sockets["pass_fds"])
            assert done.returncode == 1 and why in done.stderr, done.stderr
