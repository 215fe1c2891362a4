"""What the service makes of its node: which one it sells for, and whether anybody can pay it."""

import re
import subprocess

import pytest
from kit.service import BINARY, wait_for

OTHER = "03" + "22" * 32


def restart_gateway(house, node_id=None):
    house.gateway.stop()
    house.gateway.node_id = node_id or house.gateway.node_id
    house.gateway.start()


# -- N3: whether it can be paid -------------------------------------------------------------------------------------------


@pytest.mark.parametrize("why", ["offline", "no-channels", "a word of later"])
def test_case_n3_while_nobody_can_pay_the_node_only_new_challenges_are_503(house, why):
    service = house.start()
    paid = house.paid()
    assert service.get("/weather/x").status == 402
    house.gateway.push_figures(active_channels=0, receivable_msat=0, unpayable=why)
    wait_for(lambda: service.get("/weather/x").status == 503, "nothing is sold")
    refused = service.get("/weather/x")
    assert int(refused.get("retry-after")) > 0
    assert refused.get("www-authenticate") is None
    assert "off line" in refused.body.decode()
    assert service.get("/weather/x", paid.headers()).status == 200
    assert service.get("/weather/health").status == 200
    assert service.monitor("/readyz")[0] == 200
    reason = why if why in ("offline", "no-channels") else "offline"
    gauges = {name: service.metric(f'l402_payable{{reason="{name}"}}') for name in ("offline", "no-channels", "inbound")}
    assert gauges == {"offline": 1, "no-channels": 1, "inbound": 1, reason: 0}
    house.gateway.push_figures()
    wait_for(lambda: service.get("/weather/x").status == 402, "it is sold again")
    service.expect_metric(f'l402_payable{{reason="{reason}"}}', 1)


def test_case_n3_a_plugin_that_does_not_say_is_sold_for(house):
    service = house.start()
    house.gateway.push_figures(active_channels=0, receivable_msat=0)
    service.expect_metric("cln_channels_active", 0)
    assert service.get("/weather/x").status == 402


def test_case_n3_a_price_above_what_the_node_can_receive_is_seen_in_the_figures(house):
    service = house.start()
    series = 'l402_payable{reason="inbound"}'
    house.gateway.receivable = 5000
    assert service.get("/weather/x").status == 402
    service.expect_metric(series, 1)
    assert service.get("/weather/admin/x").status == 402  # 9000 msat: sold all the same
    service.expect_metric(series, 0)
    assert service.get("/weather/x").status == 402
    service.expect_metric(series, 0)
    assert service.monitor("/readyz")[0] == 200
    house.gateway.receivable = 50_000
    house.gateway.push_figures(receivable_msat=50_000)
    service.expect_metric(series, 1)


# -- N8: which node it sells for ------------------------------------------------------------------------------------------


def test_case_n8_another_node_at_the_socket_is_not_sold_for(house):
    service = house.start()
    paid, home = house.paid(), house.gateway.node_id
    restart_gateway(house, OTHER)
    wait_for(lambda: OTHER in service.monitor("/readyz")[1], "the service says whose gateway it is")
    status, why = service.monitor("/readyz")
    assert status == 503
    assert home in why and "node.id" in why
    asked = len(house.gateway.subscriptions)
    refused = service.get("/weather/x")
    assert refused.status == 503 and int(refused.get("retry-after")) > 0
    assert service.get("/weather/x", paid.headers()).status == 200
    assert re.search(rf"gateway belongs to (?:another )?node.*{OTHER}", service.log_file.read_text())
    # It holds on to it across a restart: nothing was asked of the other node but its name.
    service.stop()
    service.start(wait_ready=False)
    wait_for(lambda: OTHER in service.monitor("/readyz")[1], "the service still says so")
    assert len(house.gateway.subscriptions) == asked
    restart_gateway(house, home)
    wait_for(service.ready, "the service sells again")
    assert service.get("/weather/x").status == 402


def test_case_n8_a_node_that_never_sold_anything_is_held_on_to_as_well(house):
    service = house.start()
    home = house.gateway.node_id
    service.stop()
    restart_gateway(house, OTHER)
    service.start(wait_ready=False)
    wait_for(lambda: home in service.monitor("/readyz")[1], "the service knows its node")


def test_case_n8_the_operator_names_another_node(house):
    service = house.start()
    service.stop()
    restart_gateway(house, OTHER)
    moved = house.config().replace("[node]\n", f'[node]\nid = "{OTHER.upper()}"\n')
    service = house.start(config=moved)
    assert service.get("/weather/x").status == 402
    for bad in ("02", OTHER + "0", "zz" * 33):
        house.service.config_file.write_text(house.config().replace("[node]\n", f'[node]\nid = "{bad}"\n'))
        done = subprocess.run([BINARY, "--config", str(house.service.config_file), "--check-config"], capture_output=True, text=True, timeout=20)
        assert done.returncode == 1 and "node.id: must be the id of the node" in done.stdout + done.stderr
