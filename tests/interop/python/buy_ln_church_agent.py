"""ln-church-agent asks for URL."""

import json

from ln_church_agent import Payment402Client
from wallet import Wallet, arguments, report

url, rpc = arguments()
wallet = Wallet(rpc)
client = Payment402Client(ln_adapter=wallet)
answer = client.execute_request("GET", url)
report([(200, json.dumps(answer))], wallet)
