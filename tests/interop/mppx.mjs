// mppx.mjs URL LIGHTNING_RPC: mppx' fetch with a lightning charge; one line of JSON says what came of it.
import { Credential, Method, Receipt, z } from "mppx";
import { Mppx } from "mppx/client";
import { Wallet } from "./wallet.mjs";

const [url, rpc] = process.argv.slice(2);
const wallet = new Wallet(rpc);

// The schemas of draft-lightning-charge.
const charge = Method.from({
  name: "lightning",
  intent: "charge",
  schema: {
    credential: { payload: z.object({ preimage: z.string() }) },
    request: z.object({
      amount: z.string(),
      currency: z.literal("sat"),
      description: z.optional(z.string()),
      externalId: z.optional(z.string()),
      methodDetails: z.object({ invoice: z.string(), paymentHash: z.optional(z.string()), network: z.optional(z.string()) }),
    }),
  },
});
const method = Method.toClient(charge, {
  async createCredential({ challenge }) {
    const { preimage } = await wallet.payInvoice({ invoice: challenge.request.methodDetails.invoice });
    return Credential.serialize({ challenge, payload: { preimage } });
  },
});

const mppx = Mppx.create({ methods: [method], polyfill: false });
const response = await mppx.fetch(url);
const out = { status: response.status, body: await response.text(), payments: wallet.payments };
if (response.status === 200) out.receipt = Receipt.fromResponse(response);
console.log(JSON.stringify(out));
