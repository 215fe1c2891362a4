"""The L402 client of lightning-enable-mcp asks for URL, and again with the token that it hands back."""

import asyncio

import httpx
from lightning_enable_mcp.l402_client import L402Client
from wallet import AsyncWallet, arguments, report


async def main():
    url, rpc = arguments()
    wallet = AsyncWallet(rpc)
    client = L402Client(wallet)
    # It connects to no address of this machine, which is right for an agent's tool.
    client._http_client = httpx.AsyncClient(timeout=30)
    text, paid = (await client.fetch(url, max_sats=10))[:2]
    report([(200, text)], wallet, paid=paid)


asyncio.run(main())
