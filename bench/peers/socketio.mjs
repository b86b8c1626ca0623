// SPDX-License-Identifier: Apache-2.0
// A broadcast server with Socket.IO, by WebSocket only: an event "m" goes to every connection. See
// README.md.
//   node socketio.mjs PORT
import { createServer } from "node:http";
import { Server } from "socket.io";

const http = createServer();
const io = new Server(http, {
  transports: ["websocket"],
  serveClient: false,
  perMessageDeflate: false,
});
// Its manual's advice against memory: forget the upgrade request.
io.engine.on("connection", (connection) => {
  connection.request = null;
});
io.on("connection", (socket) => socket.on("m", (data) => io.emit("m", data)));
http.listen({ host: "127.0.0.1", port: Number(process.argv[2]), backlog: 4096 });
