"""What is sold to the clients of others."""

from harness.service import PRICE_MSAT

SOLD = [
    {"name": "token", "path": "/token/", "price_msat": PRICE_MSAT},
    {"name": "charge", "path": "/charge/", "price_msat": PRICE_MSAT, "schemes": ["payment"]},
    {"name": "both", "path": "/both/", "price_msat": PRICE_MSAT, "schemes": ["l402", "payment"]},
]


def market(path):
    whole = path()
    whole.sell(services=SOLD)
    return whole, whole.network.payer.rpc.path


def note_preimages(whole):
    """What must stand in no log: clients of others keep nothing where it could be read."""
    for payment in whole.network.payer.rpc("listsendpays")["payments"]:
        if "payment_preimage" in payment:
            whole.secrets[payment["payment_preimage"]] = "a preimage"
