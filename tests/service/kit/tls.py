"""Certificates of an authority of the test's own, made with the openssl command."""

import shutil
import ssl
import subprocess

import pytest

CURVE = ["-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes"]


class Pair:
    def __init__(self, certificate, key):
        self.certificate, self.key = certificate, key

    def server(self, authority=None):
        """A server's context; clients must show a certificate of `authority` where it is given."""
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(self.certificate, self.key)
        if authority:
            context.load_verify_locations(authority.certificate)
            context.verify_mode = ssl.CERT_REQUIRED
        return context


class Authority:
    def __init__(self, folder, name="authority"):
        if not shutil.which("openssl"):
            pytest.skip("no openssl command")
        self.folder, self.count = folder, 0
        self.certificate, self.key = folder / f"{name}.pem", folder / f"{name}.key"
        usage = ["-addext", "keyUsage=critical,keyCertSign,cRLSign"]
        self._run("req", "-x509", *CURVE, *usage, "-days", "2", "-subj", f"/CN={name}", "-out", self.certificate, "-keyout", self.key)

    def issue(self, name="localhost", addresses=()):
        """A certificate for a host name (and numeric addresses) with its key."""
        self.count += 1
        base = self.folder / f"{name}-{self.count}"
        certificate, key, request, extension = (base.with_suffix(end) for end in (".pem", ".key", ".csr", ".ext"))
        names = ",".join([f"DNS:{name}", *(f"IP:{address}" for address in addresses)])
        extension.write_text(f"subjectAltName={names}\nsubjectKeyIdentifier=hash\nauthorityKeyIdentifier=keyid\n")
        self._run("req", "-new", *CURVE, "-subj", f"/CN={name}", "-out", request, "-keyout", key)
        signed_by = ["-CA", self.certificate, "-CAkey", self.key, "-CAcreateserial", "-extfile", extension]
        self._run("x509", "-req", "-in", request, *signed_by, "-days", "2", "-out", certificate)
        return Pair(certificate, key)

    def trust(self):
        """A client's context that believes this authority."""
        return ssl.create_default_context(cafile=str(self.certificate))

    @staticmethod
    def _run(*command):
        subprocess.run(["openssl", *map(str, command)], check=True, capture_output=True)
