# SPDX-License-Identifier: Apache-2.0
"""Drives the Python SDK as an application uses it, against the server that the environment names:
CONFORMANCE_PORT, CONFORMANCE_SECRET and CONFORMANCE_API_KEY."""

import asyncio
import unittest

from centrifuge import ClientState, DeltaType, Filter, ReplyError, StreamPosition, SubscriptionState
from scenario import Events, PATIENCE_S, PORT, Scenario, soon, token


class Scenarios:
    """Run by the classes below, once for each encoding."""

    async def test_publish_and_receive(self):
        a, _ = await self.connected(sub="42", info={"name": "Ada"})
        b, _ = await self.connected(sub="43")
        at_a, events_a = await self.subscribed(a, "x")
        _, events_b = await self.subscribed(b, "x")
        await at_a.publish(self.payload({"n": 1}))
        await b.publish(self.channel("x"), self.payload({"n": 2}))
        for events in (events_a, events_b):
            one = (await events.take("publication")).pub
            two = (await events.take("publication")).pub
            self.assertEqual([self.value(one.data), self.value(two.data)], [{"n": 1}, {"n": 2}])
            self.assertEqual([one.info.user, two.info.user], ["42", "43"])
            self.assertEqual(self.value(one.info.conn_info), {"name": "Ada"})

    async def test_presence_and_history(self):
        a, _ = await self.connected(sub="42")
        b, _ = await self.connected(sub="43")
        await self.subscribed(a, "presence:x")
        subscription, _ = await self.subscribed(b, "presence:x")
        presence = await subscription.presence()
        self.assertEqual(sorted(info.user for info in presence.clients.values()), ["42", "43"])
        stats = await a.presence_stats(self.channel("presence:x"))
        self.assertEqual([stats.num_clients, stats.num_users], [2, 2])
        empty = await a.presence(self.channel("presence:nobody"))
        self.assertEqual(empty.clients, {})
        channel = self.channel("history:x")
        for n in (1, 2, 3):
            await a.publish(channel, self.payload({"n": n}))
        top = await a.history(channel)
        self.assertEqual([top.offset, top.publications], [3, []])
        page = await a.history(channel, limit=1, since=StreamPosition(1, top.epoch))
        self.assertEqual([self.value(pub.data) for pub in page.publications], [{"n": 2}])
        back = await a.history(channel, limit=2, reverse=True)
        self.assertEqual([pub.offset for pub in back.publications], [3, 2])

    async def test_recovers_what_it_missed(self):
        proxy = await self.proxy()
        client, _ = await self.connected(proxy.port, sub="42")
        _, events = await self.subscribed(client, "recovery:x")
        await self.publish("recovery:x", 1)
        await events.take("publication")
        proxy.cut()
        await events.take("subscribing")
        await self.publish("recovery:x", 2)
        await self.publish("recovery:x", 3)
        proxy.restore()
        again = await events.take("subscribed")
        self.assertEqual([again.was_recovering, again.recovered], [True, True])
        await self.publish("recovery:x", 4)
        for n in (2, 3, 4):
            pub = (await events.take("publication")).pub
            self.assertEqual([self.value(pub.data), pub.offset], [{"n": n}, n])

    async def test_is_told_when_what_it_missed_is_gone(self):
        proxy = await self.proxy()
        client, _ = await self.connected(proxy.port, sub="42")
        _, events = await self.subscribed(client, "small:x")
        await self.publish("small:x", 1)
        await events.take("publication")
        proxy.cut()
        await events.take("subscribing")
        for n in (2, 3, 4, 5, 6):
            await self.publish("small:x", n)
        proxy.restore()
        again = await events.take("subscribed")
        self.assertEqual([again.was_recovering, again.recovered], [True, False])
        await self.publish("small:x", 7)
        self.assertEqual((await events.take("publication")).pub.offset, 7)

    async def test_takes_differences(self):
        proxy = await self.proxy()
        client, _ = await self.connected(proxy.port, sub="42")
        _, events = await self.subscribed(client, "delta:x", delta=DeltaType.FOSSIL)

        def state(n):
            return {"n": n, "text": "во всех одно и то же, и довольно длинное"}

        async def publish(n):
            await self.api("publish", channel=self.channel("delta:x"), data=state(n))

        for n in (1, 2, 3):
            await publish(n)
            pub = (await events.take("publication")).pub
            self.assertEqual(self.value(pub.data), state(n))
        proxy.cut()
        await events.take("subscribing")
        for n in (4, 5):
            await publish(n)
        proxy.restore()
        self.assertTrue((await events.take("subscribed")).recovered)
        for n in (6, 7):
            await publish(n)
        for n in (4, 5, 6, 7):
            pub = (await events.take("publication")).pub
            self.assertEqual(self.value(pub.data), state(n))

    async def test_filters_by_tags(self):
        client, _ = await self.connected(sub="42")
        wanted = Filter.eq("color", "red")
        _, events = await self.subscribed(client, "filtered:x", tags_filter=wanted)
        for n, color in enumerate(("blue", "red", "green", "red"), 1):
            await self.api(
                "publish",
                channel=self.channel("filtered:x"),
                data={"n": n},
                tags={"color": color},
            )
        for n in (2, 4):
            self.assertEqual((await events.take("publication")).pub.offset, n)

    async def test_sees_who_joins_and_leaves(self):
        a, _ = await self.connected(sub="42")
        b, _ = await self.connected(sub="43")
        _, events = await self.subscribed(a, "joins:x")
        self.assertEqual((await events.take("join")).info.user, "42")
        other, _ = await self.subscribed(b, "joins:x")
        self.assertEqual((await events.take("join")).info.user, "43")
        await other.unsubscribe()
        self.assertEqual((await events.take("leave")).info.user, "43")
        await other.subscribe()
        self.assertEqual((await events.take("join")).info.user, "43")
        await b.disconnect()
        self.assertEqual((await events.take("leave")).info.user, "43")

    async def test_refreshes_its_token(self):
        asked = asyncio.Queue()
        count = 0

        async def get_token():
            nonlocal count
            count += 1
            asked.put_nowait(count)
            return token(sub="42", exp=soon(2 if count == 1 else 100))

        client, events = self.client(PORT, get_token=get_token)
        await client.connect()
        await client.ready(PATIENCE_S)
        await events.take("connected")
        for n in (1, 2):
            self.assertEqual(await asyncio.wait_for(asked.get(), PATIENCE_S), n)
        await client.publish(self.channel("x"), self.payload(1))
        self.assertEqual(client.state, ClientState.CONNECTED)

    async def test_replaces_an_expired_token(self):
        async def get_token():
            return token(sub="42", exp=soon(100))

        expired = token(sub="42", exp=soon(-10))
        client, events = self.client(PORT, token=expired, get_token=get_token)
        await client.connect()
        error = await events.take("error")
        self.assertIn("109", str(error.error))
        await events.take("connected")

    async def test_subscribes_with_a_token_and_refreshes_it(self):
        asked = asyncio.Queue()
        count = 0

        async def get_token(channel):
            nonlocal count
            count += 1
            asked.put_nowait(channel)
            return token(sub="42", channel=channel, exp=soon(2 if count == 1 else 100))

        client, _ = await self.connected(sub="42")
        _, events = await self.subscribed(client, "$closed:x", get_token=get_token)
        for _ in range(2):
            channel = await asyncio.wait_for(asked.get(), PATIENCE_S)
            self.assertEqual(channel, self.channel("$closed:x"))
        await self.publish("$closed:x", 1)
        pub = (await events.take("publication")).pub
        self.assertEqual(self.value(pub.data), {"n": 1})

    async def test_recovers_server_side_subscriptions(self):
        proxy = await self.proxy()
        channel = self.channel("recovery:x")
        client, events = self.client(proxy.port, token=token(sub="42", channels=[channel]))
        await client.connect()
        first = await events.take("subscribed")
        self.assertTrue(first.recoverable)
        await self.publish("recovery:x", 1)
        await events.take("publication")
        proxy.cut()
        await events.take("subscribing")
        await self.publish("recovery:x", 2)
        proxy.restore()
        again = await events.take("subscribed")
        self.assertEqual([again.was_recovering, again.recovered], [True, True])
        pub = (await events.take("publication")).pub
        self.assertEqual([self.value(pub.data), pub.offset], [{"n": 2}, 2])

    async def test_is_subscribed_and_unsubscribed_by_the_server(self):
        user = self.channel("user")
        client, events = await self.connected(sub=user)
        closed = self.channel("closed:x")
        await self.api("subscribe", user=user, channel=closed)
        self.assertEqual((await events.take("subscribed")).channel, closed)
        await self.publish("closed:x", 1)
        self.assertEqual(self.value((await events.take("publication")).pub.data), {"n": 1})
        await self.api("unsubscribe", user=user, channel=closed)
        self.assertEqual((await events.take("unsubscribed")).channel, closed)

        own, own_events = await self.subscribed(client, "x")
        await self.api("unsubscribe", user=user, channel=self.channel("x"))
        self.assertEqual((await own_events.take("unsubscribed")).code, 2000)
        self.assertEqual(own.state, SubscriptionState.UNSUBSCRIBED)

    async def test_is_told_the_code_of_every_error(self):
        client, _ = await self.connected(sub="42")
        for channel, code in (("closed:x", 103), ("nowhere:x", 102)):
            events = Events()
            await client.new_subscription(self.channel(channel), events=events).subscribe()
            self.assertEqual((await events.take("unsubscribed")).code, code)
        other = StreamPosition(1, "other")
        calls = (
            (client.presence(self.channel("x")), 108),
            (client.history(self.channel("x")), 108),
            (client.publish(self.channel("closed:x"), self.payload(1)), 103),
            (client.history(self.channel("history:x"), limit=1, since=other), 112),
        )
        for call, code in calls:
            with self.assertRaises(ReplyError) as raised:
                await call
            self.assertEqual(raised.exception.code, code)
        self.assertEqual(client.state, ClientState.CONNECTED)

    async def test_returns_or_stays_away_as_the_code_says(self):
        user = self.channel("user")
        client, events = await self.connected(sub=user)
        await events.take("connected")
        for code in (3011, 4001):
            await self.api("disconnect", user=user, disconnect={"code": code, "reason": "test"})
            self.assertEqual((await events.take("connecting", "disconnected")).code, code)
            await events.take("connected")
        await self.api("disconnect", user=user, disconnect={"code": 4501, "reason": "test"})
        self.assertEqual((await events.take("connecting", "disconnected")).code, 4501)
        self.assertEqual(client.state, ClientState.DISCONNECTED)
        await client.connect()
        await events.take("connected")
        await self.api("disconnect", user=user)
        self.assertEqual((await events.take("disconnected")).code, 3503)

    async def test_gives_up_with_a_bad_token(self):
        client, events = self.client(PORT, token="x.y.z")
        await client.connect()
        self.assertEqual((await events.take("disconnected")).code, 3500)


class Json(Scenarios, Scenario):
    use_protobuf = False


class Protobuf(Scenarios, Scenario):
    use_protobuf = True


if __name__ == "__main__":
    unittest.main()
