"""routeweiler asks twice for URL."""

import asyncio

from routeweiler import LightningFundingSource, Routeweiler
from wallet import Wallet, arguments, report


class Node(Wallet):
    async def pay_invoice(self, bolt11, *, max_fee_msat):
        return bytes.fromhex(await asyncio.to_thread(self.pay, bolt11))

    async def get_node_pubkey(self):
        return "02" * 33


async def main():
    url, rpc = arguments()
    wallet = Node(rpc)
    funding = await LightningFundingSource.create(wallet, "bitcoin-regtest")
    async with Routeweiler(funding=[funding]) as client:
        answers = [await client.get(url) for _ in range(2)]
    report([(answer.status_code, answer.text) for answer in answers], wallet)


asyncio.run(main())
