// A wallet for the clients under test: xpay of a Core Lightning node, over its unix socket.
import net from "node:net";

export function call(socketPath, method, params) {
  return new Promise((resolve, reject) => {
    const socket = net.connect(socketPath);
    let text = "";
    socket.on("error", reject);
    socket.on("data", (piece) => {
      text += piece;
      let reply;
      try {
        reply = JSON.parse(text);
      } catch {
        return; // more is to come
      }
      socket.destroy();
      reply.error ? reject(new Error(reply.error.message)) : resolve(reply.result);
    });
    socket.write(JSON.stringify({ jsonrpc: "2.0", id: 1, method, params }));
  });
}

export class Wallet {
  payments = 0;

  constructor(socketPath) {
    this.socketPath = socketPath;
  }

  async payInvoice({ invoice }) {
    const paid = await call(this.socketPath, "xpay", { invstring: invoice });
    this.payments += 1;
    return { preimage: paid.payment_preimage };
  }
}
