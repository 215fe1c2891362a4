"""l402-requests asks twice for URL."""

from l402_requests import L402Client
from l402_requests.wallets import WalletBase
from wallet import AsyncWallet, arguments, report


class Paying(AsyncWallet, WalletBase):
    pass


url, rpc = arguments()
wallet = Paying(rpc)
client = L402Client(wallet=wallet)
answers = [client.get(url) for _ in range(2)]
report([(answer.status_code, answer.text) for answer in answers], wallet)
