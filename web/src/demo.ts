// SPDX-License-Identifier: Apache-2.0
// A chat over one channel: what an application does with the unmodified Centrifuge SDK.
import { Centrifuge, type ErrorContext } from "centrifuge";
import "./demo.css";

const CHANNEL = "chat";
const MESSAGES_SHOWN_MAX = 500;

interface ChatMessage {
  name: string;
  text: string;
}

function element<T extends HTMLElement>(id: string): T {
  const found = document.getElementById(id);
  if (!found) throw new Error(`the page has no #${id}`);
  return found as T;
}

const state = element("state");
const toggle = element<HTMLButtonElement>("toggle");
const messages = element("messages");
const count = element("count");
const error = element("error");
const composer = element<HTMLFormElement>("composer");
const publish = composer.querySelector<HTMLButtonElement>("button[type=submit]")!;
const name = element<HTMLInputElement>("name");
const text = element<HTMLInputElement>("text");

const scheme = location.protocol === "https:" ? "wss" : "ws";
const centrifuge = new Centrifuge(`${scheme}://${location.host}/connection/websocket`);
const subscription = centrifuge.newSubscription(CHANNEL);
let received = 0;

function showState(now: "connecting" | "connected" | "disconnected", detail = ""): void {
  state.dataset.state = now;
  state.textContent = detail ? `${now} · ${detail}` : now;
  toggle.textContent = now === "disconnected" ? "Connect" : "Disconnect";
}

function showError(reason: string): void {
  error.textContent = reason;
  error.hidden = reason === "";
}

/** Anyone can publish anything to an open channel, so nothing about its shape is trusted. */
function parse(data: unknown): ChatMessage {
  const { name, text } = Object(data) as Partial<Record<keyof ChatMessage, unknown>>;
  if (typeof text === "string") {
    return { name: typeof name === "string" && name ? name : "someone", text };
  }
  return { name: "data", text: JSON.stringify(data) ?? "" };
}

function showMessage(data: unknown): void {
  const message = parse(data);
  const follows = messages.scrollHeight - messages.scrollTop - messages.clientHeight < 40;
  const item = document.createElement("li");
  const sender = document.createElement("cite");
  sender.textContent = message.name;
  item.append(sender, message.text);
  item.classList.toggle("own", message.name === name.value);
  messages.append(item);
  while (messages.childElementCount > MESSAGES_SHOWN_MAX) messages.firstElementChild?.remove();
  if (follows) messages.scrollTop = messages.scrollHeight;
  received += 1;
  count.textContent = received === 1 ? "1 message" : `${received} messages`;
}

centrifuge.on("connecting", () => showState("connecting"));
centrifuge.on("connected", (context) => {
  showState("connected", context.transport);
  showError("");
});
centrifuge.on("disconnected", (context) => {
  showState("disconnected", context.code === 0 ? "" : `${context.code} ${context.reason}`);
});
subscription.on("subscribed", () => (publish.disabled = false));
subscription.on("subscribing", () => (publish.disabled = true));
subscription.on("error", (context) => showError(context.error.message));
subscription.on("publication", (context) => showMessage(context.data));

toggle.addEventListener("click", () => {
  if (state.dataset.state === "disconnected") centrifuge.connect();
  else centrifuge.disconnect();
});

composer.addEventListener("submit", async (event) => {
  event.preventDefault();
  if (publish.disabled) return;
  const message: ChatMessage = { name: name.value, text: text.value };
  try {
    await subscription.publish(message);
    text.value = "";
    showError("");
  } catch (reason) {
    showError(`not published: ${(reason as ErrorContext["error"]).message}`);
  }
});

name.value = `guest-${Math.floor(Math.random() * 10_000)}`;
publish.disabled = true;
subscription.subscribe();
centrifuge.connect();
