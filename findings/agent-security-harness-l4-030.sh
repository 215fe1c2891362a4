#!/bin/sh
# agent-security-harness 4.28.1 (PyPI): test L4-030, "Header Injection DoS", of its L402 suite fails against every server. One of its five
# header values holds CR and LF, which Python's own http.client refuses to send; the harness counts its client's refusal as a fault of the
# server, which never sees the request.
#
# Seen on 2026-11-28 with Python 3.11, against a server that answers 402 to whatever it is asked:
#   the server saw 4 of 5 requests and answered each with 402
#   L4-030 passed: False
# Fails where that changes.
set -eu
folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install -q --disable-pip-version-check agent-security-harness==4.28.1
"$folder/venv/bin/python" - "$folder/report.json" <<'EOF'
import http.server
import subprocess
import sys
import threading

seen = []


class Refusing(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        if self.headers.get("Authorization"):
            seen.append(self.headers["Authorization"])
        self.send_response(402)
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_):
        pass


server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Refusing)
threading.Thread(target=server.serve_forever, daemon=True).start()
command = [sys.executable, "-m", "protocol_tests.l402_harness", "--url", f"http://127.0.0.1:{server.server_port}", "--categories", "ln_dos", "--report", sys.argv[1]]
done = subprocess.run(command, capture_output=True, text=True, timeout=120)
line = next(line for line in done.stdout.splitlines() if "L4-030" in line)
ours = [value for value in seen if any(text in value for text in ("DROP TABLE", "X-Injected", "7*7", "etc/passwd", "admin"))]
print(f"the server saw {len(ours)} of 5 requests and answered each with 402")
print("L4-030 passed:", "PASS" in line)
assert len(ours) == 4, "it has changed"
assert "FAIL" in line, "it has changed"
EOF
