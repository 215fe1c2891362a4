// mppx-seller.mjs LIGHTNING_RPC [FIELD]: mppx sells by lightning charges, with invoices of the node at LIGHTNING_RPC; with FIELD it wants the
// credential in a field of its own. Prints its port.
import { createHash, randomBytes } from "node:crypto";
import http from "node:http";
import { Method, Receipt, z } from "mppx";
import { Mppx } from "mppx/server";
import { call } from "./wallet.mjs";

const [rpc, field] = process.argv.slice(2);
const charge = Method.from({
  name: "lightning",
  intent: "charge",
  schema: {
    credential: { payload: z.object({ preimage: z.string() }) },
    request: z.object({
      amount: z.string(),
      currency: z.literal("sat"),
      methodDetails: z.object({ invoice: z.string(), paymentHash: z.string(), network: z.string() }),
    }),
  },
});
const used = new Set();
const method = Method.toServer(charge, {
  async request({ credential, request }) {
    if (credential) return credential.challenge.request; // what was issued, which its id covers
    const label = randomBytes(8).toString("hex");
    const made = await call(rpc, "invoice", { amount_msat: 1000, label, description: label });
    return { ...request, methodDetails: { invoice: made.bolt11, paymentHash: made.payment_hash, network: "regtest" } };
  },
  async verify({ credential }) {
    const reference = credential.challenge.request.methodDetails.paymentHash;
    const paid = createHash("sha256").update(Buffer.from(credential.payload.preimage, "hex")).digest("hex");
    if (paid !== reference || used.has(reference)) throw new Error("not paid, or used");
    used.add(reference);
    return Receipt.from({ method: "lightning", reference, status: "success", timestamp: new Date().toISOString() });
  },
});
const mppx = Mppx.create({ methods: [method], secretKey: "a secret of thirty-two bytes or more", realm: "127.0.0.1", requiresAuth: Boolean(field) });
const sell = Mppx.toNodeListener(
  mppx.lightning.charge({ amount: "1", currency: "sat", methodDetails: { invoice: "", paymentHash: "", network: "regtest" } }),
);
const server = http.createServer(async (request, response) => {
  const result = await sell(request, response);
  if (result.status !== 402) response.end(request.headers.authorization?.startsWith("Bearer ") ? "sunny, bearer\n" : "sunny\n");
});
server.listen(0, "127.0.0.1", () => console.log(server.address().port));
