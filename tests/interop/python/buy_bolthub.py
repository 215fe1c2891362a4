"""bolthub asks twice for URL."""

from bolthub import L402Client
from wallet import Wallet, arguments, report

url, rpc = arguments()
wallet = Wallet(rpc)
with L402Client(wallet, max_per_request_sats=10) as client:
    answers = [client.get(url) for _ in range(2)]
    report([(answer.status_code, answer.text) for answer in answers], wallet)
