// SPDX-License-Identifier: Apache-2.0

// Package conformance drives the Go SDK as an application uses it, against the server that the
// environment names: CONFORMANCE_PORT, CONFORMANCE_SECRET and CONFORMANCE_API_KEY.
package conformance

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"sort"
	"testing"

	"github.com/centrifugal/centrifuge-go"
)

func TestPublishAndReceive(t *testing.T) {
	each(t, func(t *testing.T, s *scenario) {
		a, b := s.client(claims{"sub": "42", "info": claims{"name": "Ada"}}), s.client(claims{"sub": "43"})
		atA, atB := s.subscribe(a, "x"), s.subscribe(b, "x")
		s.must(atA.Publish(context.Background(), []byte(`{"n":1}`)))
		s.must(b.Publish(context.Background(), s.channel("x"), []byte(`{"n":2}`)))
		for _, sub := range []*subscription{atA, atB} {
			one, two := sub.publication(), sub.publication()
			equal(t, string(one.Data), `{"n":1}`)
			equal(t, one.Info.User, "42")
			equal(t, string(one.Info.ConnInfo), `{"name":"Ada"}`)
			equal(t, string(two.Data), `{"n":2}`)
			equal(t, two.Info.User, "43")
		}
	})
}

func TestPresenceAndHistory(t *testing.T) {
	each(t, func(t *testing.T, s *scenario) {
		a, b := s.client(claims{"sub": "42"}), s.client(claims{"sub": "43"})
		s.subscribe(a, "presence:x")
		sub := s.subscribe(b, "presence:x")
		presence, err := sub.Presence(context.Background())
		s.check(err)
		var users []string
		for _, info := range presence.Clients {
			users = append(users, info.User)
		}
		sort.Strings(users)
		equal(t, fmt.Sprint(users), "[42 43]")
		stats, err := a.PresenceStats(context.Background(), s.channel("presence:x"))
		s.check(err)
		equal(t, fmt.Sprint(stats.NumClients, stats.NumUsers), "2 2")

		for n := 1; n <= 3; n++ {
			s.must(a.Publish(context.Background(), s.channel("history:x"), fmt.Appendf(nil, `{"n":%d}`, n)))
		}
		top, err := a.History(context.Background(), s.channel("history:x"))
		s.check(err)
		equal(t, fmt.Sprint(top.Offset, len(top.Publications)), "3 0")
		since := &centrifuge.StreamPosition{Offset: 1, Epoch: top.Epoch}
		page, err := a.History(context.Background(), s.channel("history:x"),
			centrifuge.WithHistoryLimit(1), centrifuge.WithHistorySince(since))
		s.check(err)
		equal(t, len(page.Publications), 1)
		equal(t, string(page.Publications[0].Data), `{"n":2}`)
		back, err := a.History(context.Background(), s.channel("history:x"),
			centrifuge.WithHistoryLimit(2), centrifuge.WithHistoryReverse(true))
		s.check(err)
		equal(t, len(back.Publications), 2)
		equal(t, fmt.Sprint(back.Publications[0].Offset, back.Publications[1].Offset), "3 2")
	})
}

func TestRecoversWhatItMissed(t *testing.T) {
	each(t, func(t *testing.T, s *scenario) {
		proxy := startProxy(t)
		sub := s.subscribe(s.clientAt(proxy.port, claims{"sub": "42"}), "recovery:x")
		s.publish("recovery:x", 1)
		sub.publication()
		proxy.cut()
		wait(t, sub.subscribing, "the loss of the connection")
		s.publish("recovery:x", 2)
		s.publish("recovery:x", 3)
		proxy.restore()
		again := wait(t, sub.subscribed, "the subscription again")
		equal(t, fmt.Sprint(again.WasRecovering, again.Recovered), "true true")
		s.publish("recovery:x", 4)
		for n := 2; n <= 4; n++ {
			publication := sub.publication()
			equal(t, string(publication.Data), fmt.Sprintf(`{"n":%d}`, n))
			equal(t, publication.Offset, uint64(n))
		}
	})
}

func TestIsToldWhenWhatItMissedIsGone(t *testing.T) {
	each(t, func(t *testing.T, s *scenario) {
		proxy := startProxy(t)
		sub := s.subscribe(s.clientAt(proxy.port, claims{"sub": "42"}), "small:x")
		s.publish("small:x", 1)
		sub.publication()
		proxy.cut()
		wait(t, sub.subscribing, "the loss of the connection")
		for n := 2; n <= 6; n++ {
			s.publish("small:x", n)
		}
		proxy.restore()
		again := wait(t, sub.subscribed, "the subscription again")
		equal(t, fmt.Sprint(again.WasRecovering, again.Recovered), "true false")
		s.publish("small:x", 7)
		equal(t, sub.publication().Offset, uint64(7))
	})
}

func TestTakesDifferences(t *testing.T) {
	each(t, func(t *testing.T, s *scenario) {
		proxy := startProxy(t)
		sub := s.subscribeWith(s.clientAt(proxy.port, claims{"sub": "42"}), "delta:x",
			centrifuge.SubscriptionConfig{Delta: centrifuge.DeltaTypeFossil})
		state := func(n int) string {
			return fmt.Sprintf(`{"n":%d,"text":"the same in all of them, and long enough"}`, n)
		}
		publish := func(n int) {
			s.api("publish", claims{"channel": s.channel("delta:x"), "data": json.RawMessage(state(n))})
		}
		for n := 1; n <= 3; n++ {
			publish(n)
			equal(t, string(sub.publication().Data), state(n))
		}
		proxy.cut()
		wait(t, sub.subscribing, "the loss of the connection")
		publish(4)
		publish(5)
		proxy.restore()
		equal(t, wait(t, sub.subscribed, "the subscription again").Recovered, true)
		publish(6)
		publish(7)
		for n := 4; n <= 7; n++ {
			equal(t, string(sub.publication().Data), state(n))
		}
	})
}

func TestFiltersByTags(t *testing.T) {
	each(t, func(t *testing.T, s *scenario) {
		filter := centrifuge.FilterAnd(
			centrifuge.FilterIn("color", "red", "green"), centrifuge.FilterNot(centrifuge.FilterLt("size", "10")))
		sub := s.subscribeWith(s.client(claims{"sub": "42"}), "filtered:x",
			centrifuge.SubscriptionConfig{TagsFilter: filter})
		tags := []claims{
			{"color": "red", "size": "9.5"}, {"color": "red", "size": "10"}, {"color": "blue", "size": "11"},
			{"size": "12"}, {"color": "green"}, {"color": "green", "size": "1e3"},
		}
		for n, tag := range tags {
			s.api("publish", claims{"channel": s.channel("filtered:x"), "data": claims{"n": n + 1}, "tags": tag})
		}
		for _, n := range []int{2, 5, 6} {
			equal(t, sub.publication().Offset, uint64(n))
		}
	})
}

func TestSeesWhoJoinsAndLeaves(t *testing.T) {
	each(t, func(t *testing.T, s *scenario) {
		a, b := s.client(claims{"sub": "42"}), s.client(claims{"sub": "43"})
		sub := s.subscribe(a, "joins:x")
		equal(t, wait(t, sub.presence, "its own join"), "join 42")
		other := s.subscribe(b, "joins:x")
		equal(t, wait(t, sub.presence, "a join"), "join 43")
		s.check(other.Unsubscribe())
		equal(t, wait(t, sub.presence, "a leave"), "leave 43")
		s.check(other.Subscribe())
		equal(t, wait(t, sub.presence, "a join"), "join 43")
		b.Close()
		equal(t, wait(t, sub.presence, "a leave"), "leave 43")
	})
}

func TestRefreshesItsToken(t *testing.T) {
	each(t, func(t *testing.T, s *scenario) {
		asked := make(chan int, 100)
		count := 0
		client := s.clientWith(s.port, centrifuge.Config{
			GetToken: func(centrifuge.ConnectionTokenEvent) (string, error) {
				count++
				asked <- count
				if count == 1 {
					return s.token(claims{"sub": "42", "exp": soon(2)}), nil
				}
				return s.token(claims{"sub": "42", "exp": soon(100)}), nil
			},
		})
		s.connect(client)
		wait(t, asked, "the first request for a token")
		wait(t, asked, "the second request for a token")
		s.must(client.Publish(context.Background(), s.channel("x"), []byte(`1`)))
		equal(t, client.State(), centrifuge.StateConnected)
	})
}

func TestReplacesAnExpiredToken(t *testing.T) {
	each(t, func(t *testing.T, s *scenario) {
		codes := make(chan uint32, 100)
		client := s.clientWith(s.port, centrifuge.Config{
			Token: s.token(claims{"sub": "42", "exp": soon(-10)}),
			GetToken: func(centrifuge.ConnectionTokenEvent) (string, error) {
				return s.token(claims{"sub": "42", "exp": soon(100)}), nil
			},
		})
		client.OnError(func(e centrifuge.ErrorEvent) {
			var connect centrifuge.ConnectError
			if errors.As(e.Error, &connect) {
				codes <- codeOf(connect.Err)
			}
		})
		s.connect(client)
		equal(t, wait(t, codes, "an error"), 109)
	})
}

func TestSubscribesWithATokenAndRefreshesIt(t *testing.T) {
	each(t, func(t *testing.T, s *scenario) {
		asked := make(chan string, 100)
		count := 0
		sub := s.subscribeWith(s.client(claims{"sub": "42"}), "$closed:x", centrifuge.SubscriptionConfig{
			GetToken: func(e centrifuge.SubscriptionTokenEvent) (string, error) {
				count++
				asked <- e.Channel
				exp := soon(100)
				if count == 1 {
					exp = soon(2)
				}
				return s.token(claims{"sub": "42", "channel": e.Channel, "exp": exp}), nil
			},
		})
		equal(t, wait(t, asked, "the first request for a token"), s.channel("$closed:x"))
		wait(t, asked, "the second request for a token")
		s.publish("$closed:x", 1)
		equal(t, string(sub.publication().Data), `{"n":1}`)
	})
}

func TestRecoversServerSideSubscriptions(t *testing.T) {
	each(t, func(t *testing.T, s *scenario) {
		proxy := startProxy(t)
		client := s.clientAt(proxy.port, claims{"sub": "42", "channels": []string{s.channel("recovery:x")}})
		subscribed := make(chan centrifuge.ServerSubscribedEvent, 100)
		subscribing := make(chan string, 100)
		publications := make(chan centrifuge.ServerPublicationEvent, 100)
		client.OnSubscribed(func(e centrifuge.ServerSubscribedEvent) { subscribed <- e })
		client.OnSubscribing(func(e centrifuge.ServerSubscribingEvent) { subscribing <- e.Channel })
		client.OnPublication(func(e centrifuge.ServerPublicationEvent) { publications <- e })
		s.connect(client)
		equal(t, wait(t, subscribed, "the subscription").Recoverable, true)
		s.publish("recovery:x", 1)
		wait(t, publications, "n 1")
		proxy.cut()
		wait(t, subscribing, "the loss of the connection")
		s.publish("recovery:x", 2)
		proxy.restore()
		again := wait(t, subscribed, "the subscription again")
		equal(t, fmt.Sprint(again.WasRecovering, again.Recovered), "true true")
		missed := wait(t, publications, "n 2")
		equal(t, string(missed.Data), `{"n":2}`)
		equal(t, missed.Offset, 2)
	})
}

func TestIsSubscribedAndUnsubscribedByTheServer(t *testing.T) {
	each(t, func(t *testing.T, s *scenario) {
		user := s.channel("user")
		client := s.client(claims{"sub": user})
		events := make(chan string, 100)
		client.OnSubscribed(func(e centrifuge.ServerSubscribedEvent) { events <- "subscribed" })
		client.OnPublication(func(e centrifuge.ServerPublicationEvent) { events <- string(e.Data) })
		client.OnUnsubscribed(func(e centrifuge.ServerUnsubscribedEvent) { events <- "unsubscribed" })
		s.connect(client)
		s.api("subscribe", claims{"user": user, "channel": s.channel("closed:x")})
		equal(t, wait(t, events, "subscribed"), "subscribed")
		s.publish("closed:x", 1)
		equal(t, wait(t, events, "a publication"), `{"n":1}`)
		s.api("unsubscribe", claims{"user": user, "channel": s.channel("closed:x")})
		equal(t, wait(t, events, "unsubscribed"), "unsubscribed")

		sub := s.subscribe(client, "x")
		s.api("unsubscribe", claims{"user": user, "channel": s.channel("x")})
		equal(t, wait(t, sub.unsubscribed, "unsubscribed").Code, 2000)
		equal(t, sub.State(), centrifuge.SubStateUnsubscribed)
	})
}

func TestIsToldTheCodeOfEveryError(t *testing.T) {
	each(t, func(t *testing.T, s *scenario) {
		client := s.client(claims{"sub": "42"})
		s.connect(client)
		for channel, code := range map[string]uint32{"closed:x": 103, "nowhere:x": 102} {
			sub := s.newSubscription(client, channel, centrifuge.SubscriptionConfig{})
			s.check(sub.Subscribe())
			equal(t, wait(t, sub.unsubscribed, "the end of "+channel).Code, code)
		}
		_, err := client.Presence(context.Background(), s.channel("x"))
		equal(t, codeOf(err), 108)
		_, err = client.History(context.Background(), s.channel("x"))
		equal(t, codeOf(err), 108)
		_, err = client.Publish(context.Background(), s.channel("closed:x"), []byte(`1`))
		equal(t, codeOf(err), 103)
		since := &centrifuge.StreamPosition{Offset: 1, Epoch: "other"}
		_, err = client.History(context.Background(), s.channel("history:x"),
			centrifuge.WithHistoryLimit(1), centrifuge.WithHistorySince(since))
		equal(t, codeOf(err), 112)
		equal(t, client.State(), centrifuge.StateConnected)
	})
}

func TestReturnsOrStaysAwayAsTheCodeSays(t *testing.T) {
	each(t, func(t *testing.T, s *scenario) {
		user := s.channel("user")
		client := s.client(claims{"sub": user})
		events := make(chan string, 100)
		client.OnConnecting(func(e centrifuge.ConnectingEvent) { events <- fmt.Sprint("connecting ", e.Code) })
		client.OnConnected(func(centrifuge.ConnectedEvent) { events <- "connected" })
		client.OnDisconnected(func(e centrifuge.DisconnectedEvent) { events <- fmt.Sprint("disconnected ", e.Code) })
		s.check(client.Connect())
		expect := func(event string) { equal(t, wait(t, events, event), event) }
		expect("connecting 0")
		expect("connected")
		for _, code := range []int{3011, 4001} {
			s.api("disconnect", claims{"user": user, "disconnect": claims{"code": code, "reason": "test"}})
			expect(fmt.Sprint("connecting ", code))
			expect("connected")
		}
		s.api("disconnect", claims{"user": user, "disconnect": claims{"code": 4501, "reason": "test"}})
		expect("disconnected 4501")
		s.check(client.Connect())
		expect("connecting 0")
		expect("connected")
		s.api("disconnect", claims{"user": user})
		expect("disconnected 3503")
	})
}

func TestGivesUpWithABadToken(t *testing.T) {
	each(t, func(t *testing.T, s *scenario) {
		client := s.clientWith(s.port, centrifuge.Config{Token: "x.y.z"})
		ended := make(chan uint32, 1)
		client.OnDisconnected(func(e centrifuge.DisconnectedEvent) { ended <- e.Code })
		s.check(client.Connect())
		equal(t, wait(t, ended, "the end"), 3500)
	})
}
