# SPDX-License-Identifier: Apache-2.0
"""What the tests of the Python SDK share: tokens, the server API, clients, a TCP proxy."""

import asyncio
import base64
import hashlib
import hmac
import json
import os
import time
import unittest
import urllib.request

from centrifuge import Client, ClientEventHandler, SubscriptionEventHandler

PORT = int(os.environ["CONFORMANCE_PORT"])
SECRET = os.environ["CONFORMANCE_SECRET"]
API_KEY = os.environ["CONFORMANCE_API_KEY"]
# No server under test takes longer for anything a test waits for.
PATIENCE_S = 20


def soon(seconds):
    return int(time.time()) + seconds


def token(**claims):
    def encode(data):
        return base64.urlsafe_b64encode(data).rstrip(b"=")

    header = encode(b'{"alg":"HS256","typ":"JWT"}')
    text = header + b"." + encode(json.dumps(claims).encode())
    return (text + b"." + encode(hmac.digest(SECRET.encode(), text, hashlib.sha256))).decode()


class Events(ClientEventHandler, SubscriptionEventHandler):
    """Every event as (name, context), in the order in which they came."""

    def __init__(self):
        self.seen = asyncio.Queue()

    async def take(self, *names):
        """The next event of one of these names; the others are passed over."""
        while True:
            name, context = await asyncio.wait_for(self.seen.get(), PATIENCE_S)
            if name in names:
                return context


def _recorder(name):
    async def record(self, context):
        self.seen.put_nowait((name, context))

    return record


for _name in (
    "connecting connected disconnected error subscribing subscribed unsubscribed publication "
    "join leave"
).split():
    setattr(Events, f"on_{_name}", _recorder(_name))


class Proxy:
    """Relays TCP connections, to cut them as a network does."""

    def __init__(self):
        self._down = False
        self._writers = []

    async def start(self):
        self._server = await asyncio.start_server(self._relay, "127.0.0.1", 0)
        self.port = self._server.sockets[0].getsockname()[1]

    def cut(self):
        """Ends every connection, and each new one at once until restore()."""
        self._down = True
        for writer in self._writers:
            writer.transport.abort()
        self._writers.clear()

    def restore(self):
        self._down = False

    def close(self):
        self._server.close()
        self.cut()

    async def _relay(self, reader, writer):
        if self._down:
            writer.transport.abort()
            return
        there, back = await asyncio.open_connection("127.0.0.1", PORT)
        self._writers += [writer, back]
        await asyncio.gather(self._copy(reader, back), self._copy(there, writer))

    @staticmethod
    async def _copy(reader, writer):
        try:
            while data := await reader.read(65536):
                writer.write(data)
        except ConnectionError:
            pass  # shows as the end
        writer.close()


class Scenario(unittest.IsolatedAsyncioTestCase):
    """A test over one encoding, with channels of its own."""

    use_protobuf = False

    def channel(self, name):
        """A name of this test's own in the same namespace."""
        encoding = "protobuf" if self.use_protobuf else "json"
        return f"{name}-{self._testMethodName}-{encoding}"

    def payload(self, data):
        return json.dumps(data).encode() if self.use_protobuf else data

    @staticmethod
    def value(data):
        return json.loads(data) if isinstance(data, bytes) else data

    def client(self, port=PORT, **options):
        events = Events()
        client = Client(
            f"ws://127.0.0.1:{port}/connection/websocket",
            events=events,
            use_protobuf=self.use_protobuf,
            min_reconnect_delay=0.01,
            max_reconnect_delay=0.05,
            proxy=None,
            **options,
        )
        self.addAsyncCleanup(client.disconnect)
        return client, events

    async def connected(self, port=PORT, **claims):
        client, events = self.client(port, token=token(**claims))
        await client.connect()
        await client.ready(PATIENCE_S)
        return client, events

    async def subscribed(self, client, channel, **options):
        events = Events()
        subscription = client.new_subscription(
            self.channel(channel),
            events=events,
            min_resubscribe_delay=0.01,
            max_resubscribe_delay=0.05,
            **options,
        )
        await subscription.subscribe()
        await events.take("subscribed")
        return subscription, events

    async def proxy(self):
        proxy = Proxy()
        await proxy.start()
        self.addCleanup(proxy.close)
        return proxy

    async def publish(self, channel, n):
        """Publishes {"n": n} by the server API."""
        await self.api("publish", channel=self.channel(channel), data={"n": n})

    async def api(self, method, **body):
        request = urllib.request.Request(
            f"http://127.0.0.1:{PORT}/api/{method}",
            data=json.dumps(body).encode(),
            headers={"Content-Type": "application/json", "X-API-Key": API_KEY},
        )

        def call():
            with urllib.request.urlopen(request, timeout=PATIENCE_S) as response:
                return json.load(response)

        answer = await asyncio.to_thread(call)
        self.assertNotIn("error", answer, method)
