// SPDX-License-Identifier: Apache-2.0
// A broadcast server with ws: a message to / goes to every connection of /, a message to /echo goes
// back to its sender. See README.md.
//   node ws.mjs PORT
import { WebSocketServer } from "ws";

const port = Number(process.argv[2]);
const members = new Set();
// The message stays the Buffer that it came in: nothing is encoded, copied or compressed.
const broadcast = (data, binary) => {
  const options = { binary };
  for (const member of members) member.send(data, options);
};
const server = new WebSocketServer({
  host: "127.0.0.1",
  port,
  backlog: 4096,
  clientTracking: false,
  perMessageDeflate: false,
  maxPayload: 1 << 20,
});
server.on("connection", (socket, request) => {
  socket.on("error", () => socket.terminate());
  if (request.url === "/echo") {
    socket.on("message", (data, binary) => socket.send(data, { binary }));
    return;
  }
  members.add(socket);
  socket.on("close", () => members.delete(socket));
  socket.on("message", broadcast);
});
