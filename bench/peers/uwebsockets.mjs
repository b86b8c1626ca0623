// SPDX-License-Identifier: Apache-2.0
// A broadcast server with uWebSockets as it is meant to be used: a message to / goes to every
// connection of / through its topic tree, a message to /echo goes back to its sender. See README.md.
//   node uwebsockets.mjs PORT
import uws from "@trufflesuite/uws-js-unofficial";

const port = Number(process.argv[2]);
const app = uws.App();
const limits = { maxPayloadLength: 1 << 20, maxBackpressure: 64 << 20, idleTimeout: 0 };
app.ws("/echo", { ...limits, message: (socket, data, binary) => socket.send(data, binary) });
app.ws("/*", {
  ...limits,
  open: (socket) => socket.subscribe("all"),
  message: (_, data, binary) => app.publish("all", data, binary),
});
app.listen("127.0.0.1", port, (listening) => {
  if (!listening) {
    console.error(`cannot listen on 127.0.0.1:${port}`);
    process.exit(1);
  }
  console.log(`listening on 127.0.0.1:${port}`);
});
