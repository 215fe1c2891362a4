"""A buyer, a router and a seller in a row, and what most tests do with them."""

import secrets

import pytest

from conftest import line
from rpc import RpcError


def refused(net, node, method, params):
    with pytest.raises(RpcError) as error:
        net.call(node, method, params)
    return error.value.error


def hop_chain(net, amount, delay=10):
    """buyer -> router -> seller for sendpay."""
    return [
        {"id": net.node_id("router"), "channel": "103x1x0", "amount_msat": amount + 1000, "delay": delay + 6},
        {"id": net.node_id("seller"), "channel": "103x2x0", "amount_msat": amount, "delay": delay},
    ]


def market(start, **named):
    return start(line("buyer", "router", "seller", capacity=1_000_000_000), **named)


def invoice(net, amount=10_000, label=None, **more):
    label = label or secrets.token_hex(4)
    return net.call("seller", "invoice", {"amount_msat": amount, "label": label, "description": "d", **more})


def send(net, made, amount=10_000, delay=10, timeout=20, **more):
    """One part by sendpay; the waitsendpay result, or its error."""
    params = {"route": hop_chain(net, amount, delay), "payment_hash": made["payment_hash"], "payment_secret": made["payment_secret"], **more}
    net.call("buyer", "sendpay", params)
    wait = {"payment_hash": made["payment_hash"], "timeout": timeout}
    for name in ("partid", "groupid"):
        if name in more:
            wait[name] = more[name]
    try:
        return net.call("buyer", "waitsendpay", wait)
    except RpcError as error:
        return error.error
