"""pympp asks twice for URL, with a lightning charge of the draft."""

import asyncio

from mpp import Credential
from mpp.client import ClientMethod, Mpp
from mpp.methods import Method
from pydantic import BaseModel
from wallet import Wallet, arguments, report

url, rpc = arguments()
wallet = Wallet(rpc)


async def create_credential(parameters):
    challenge = parameters.challenge
    preimage = await asyncio.to_thread(wallet.pay, challenge.request["methodDetails"]["invoice"])
    return Credential(challenge=challenge.to_echo(), payload={"preimage": preimage}).to_authorization()


async def main():
    method = Method(name="lightning", intent="charge", request_model=BaseModel, payload_model=BaseModel)
    charge = ClientMethod(method=method, create_credential=create_credential)
    async with Mpp(methods=[charge]) as client:
        answers = [await client.fetch(url) for _ in range(2)]
        report([(answer.status_code, answer.text) for answer in answers], wallet, receipt=answers[-1].headers.get("payment-receipt"))


asyncio.run(main())
