"""l402sdk asks twice for URL, and pays through lnd's REST API."""

import l402
from wallet import Lnd, arguments, report

url, rpc = arguments()
wallet = Lnd(rpc)
client = l402.L402Client.with_lnd_rest(wallet.url, "00")
answers = [client.get(url) for _ in range(2)]
report([(answer.status, answer.text()) for answer in answers], wallet)
