// alby.mjs URL LIGHTNING_RPC [HOW]: the 402 fetch of @getalby/lightning-tools; one line of JSON says what came of it.
import * as tools from "@getalby/lightning-tools";
import { Wallet } from "./wallet.mjs";

const [url, rpc, how = "fetch402"] = process.argv.slice(2);
const wallet = new Wallet(rpc);
const response = await tools[how](url, {}, { wallet });
const out = { status: response.status, body: await response.text(), receipt: response.headers.get("payment-receipt"), payments: wallet.payments };
if (how === "fetch402") {
  // The credential that it hands back, for the same URL.
  const again = await tools.fetch402(url, {}, { wallet, credentials: response.payment.credentials });
  Object.assign(out, { again: again.status, scheme: response.payment.credentials.value.split(" ")[0], payments: wallet.payments });
}
console.log(JSON.stringify(out));
