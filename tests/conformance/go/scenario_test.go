// SPDX-License-Identifier: Apache-2.0

package conformance

import (
	"bytes"
	"crypto/hmac"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net"
	"net/http"
	"os"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/centrifugal/centrifuge-go"
)

// No server under test takes longer for anything a test waits for.
const patience = 20 * time.Second

type claims map[string]any

// scenario is one test over one encoding, with channels of its own.
type scenario struct {
	t        *testing.T
	protobuf bool
	port     string
}

func each(t *testing.T, run func(*testing.T, *scenario)) {
	for _, encoding := range []string{"json", "protobuf"} {
		t.Run(encoding, func(t *testing.T) {
			t.Parallel()
			run(t, &scenario{t: t, protobuf: encoding == "protobuf", port: environment(t, "PORT")})
		})
	}
}

func environment(t *testing.T, name string) string {
	value := os.Getenv("CONFORMANCE_" + name)
	if value == "" {
		t.Fatalf("CONFORMANCE_%s is not set", name)
	}
	return value
}

// channel returns a name of this scenario's own in the same namespace.
func (s *scenario) channel(name string) string {
	return name + "-" + strings.ReplaceAll(s.t.Name(), "/", "-")
}

func soon(seconds int64) int64 { return time.Now().Unix() + seconds }

func (s *scenario) token(c claims) string {
	body, err := json.Marshal(c)
	s.check(err)
	encode := base64.RawURLEncoding.EncodeToString
	text := encode([]byte(`{"alg":"HS256","typ":"JWT"}`)) + "." + encode(body)
	mac := hmac.New(sha256.New, []byte(environment(s.t, "SECRET")))
	mac.Write([]byte(text))
	return text + "." + encode(mac.Sum(nil))
}

func (s *scenario) client(c claims) *centrifuge.Client { return s.clientAt(s.port, c) }

func (s *scenario) clientAt(port string, c claims) *centrifuge.Client {
	return s.clientWith(port, centrifuge.Config{Token: s.token(c)})
}

func (s *scenario) clientWith(port string, config centrifuge.Config) *centrifuge.Client {
	config.MinReconnectDelay = 10 * time.Millisecond
	config.MaxReconnectDelay = 50 * time.Millisecond
	url := "ws://127.0.0.1:" + port + "/connection/websocket"
	client := centrifuge.NewJsonClient(url, config)
	if s.protobuf {
		client = centrifuge.NewProtobufClient(url, config)
	}
	s.t.Cleanup(client.Close)
	return client
}

func (s *scenario) connect(client *centrifuge.Client) {
	connected := make(chan struct{}, 100)
	client.OnConnected(func(centrifuge.ConnectedEvent) { connected <- struct{}{} })
	s.check(client.Connect())
	wait(s.t, connected, "the connection")
}

type subscription struct {
	*centrifuge.Subscription
	t            *testing.T
	subscribing  chan centrifuge.SubscribingEvent
	subscribed   chan centrifuge.SubscribedEvent
	unsubscribed chan centrifuge.UnsubscribedEvent
	publications chan centrifuge.PublicationEvent
	presence     chan string
}

func (s *scenario) newSubscription(
	client *centrifuge.Client, channel string, config centrifuge.SubscriptionConfig,
) *subscription {
	config.MinResubscribeDelay = 10 * time.Millisecond
	config.MaxResubscribeDelay = 50 * time.Millisecond
	inner, err := client.NewSubscription(s.channel(channel), config)
	s.check(err)
	sub := &subscription{
		Subscription: inner,
		t:            s.t,
		subscribing:  make(chan centrifuge.SubscribingEvent, 100),
		subscribed:   make(chan centrifuge.SubscribedEvent, 100),
		unsubscribed: make(chan centrifuge.UnsubscribedEvent, 100),
		publications: make(chan centrifuge.PublicationEvent, 100),
		presence:     make(chan string, 100),
	}
	sub.OnSubscribed(func(e centrifuge.SubscribedEvent) { sub.subscribed <- e })
	sub.OnUnsubscribed(func(e centrifuge.UnsubscribedEvent) { sub.unsubscribed <- e })
	sub.OnPublication(func(e centrifuge.PublicationEvent) { sub.publications <- e })
	sub.OnJoin(func(e centrifuge.JoinEvent) { sub.presence <- "join " + e.User })
	sub.OnLeave(func(e centrifuge.LeaveEvent) { sub.presence <- "leave " + e.User })
	sub.OnSubscribing(func(e centrifuge.SubscribingEvent) {
		if e.Code != 0 { // 0 is the test's own call
			sub.subscribing <- e
		}
	})
	return sub
}

func (s *scenario) subscribe(client *centrifuge.Client, channel string) *subscription {
	return s.subscribeWith(client, channel, centrifuge.SubscriptionConfig{})
}

// subscribeWith connects if need be and subscribes.
func (s *scenario) subscribeWith(
	client *centrifuge.Client, channel string, config centrifuge.SubscriptionConfig,
) *subscription {
	if client.State() == centrifuge.StateDisconnected {
		s.connect(client)
	}
	sub := s.newSubscription(client, channel, config)
	s.check(sub.Subscribe())
	wait(s.t, sub.subscribed, "a subscription to "+channel)
	return sub
}

func (sub *subscription) publication() centrifuge.PublicationEvent {
	return wait(sub.t, sub.publications, "a publication")
}

// publish publishes {"n": n} by the server API.
func (s *scenario) publish(channel string, n int) {
	s.api("publish", claims{"channel": s.channel(channel), "data": claims{"n": n}})
}

func (s *scenario) api(method string, body claims) {
	text, err := json.Marshal(body)
	s.check(err)
	url := "http://127.0.0.1:" + s.port + "/api/" + method
	request, err := http.NewRequest(http.MethodPost, url, bytes.NewReader(text))
	s.check(err)
	request.Header.Set("X-API-Key", environment(s.t, "API_KEY"))
	response, err := http.DefaultClient.Do(request)
	s.check(err)
	defer response.Body.Close()
	answer, err := io.ReadAll(response.Body)
	s.check(err)
	if response.StatusCode != http.StatusOK || bytes.Contains(answer, []byte(`"error"`)) {
		s.t.Fatalf("%s: %d %s", method, response.StatusCode, answer)
	}
}

func (s *scenario) check(err error) {
	s.t.Helper()
	if err != nil {
		s.t.Fatal(err)
	}
}

func (s *scenario) must(_ centrifuge.PublishResult, err error) {
	s.t.Helper()
	s.check(err)
}

func equal[T comparable](t *testing.T, got, want T) {
	t.Helper()
	if got != want {
		t.Fatalf("got %v, want %v", got, want)
	}
}

func wait[T any](t *testing.T, from <-chan T, what string) T {
	t.Helper()
	select {
	case value := <-from:
		return value
	case <-time.After(patience):
		t.Fatal("never came: " + what)
		panic("unreachable")
	}
}

func codeOf(err error) uint32 {
	var serverError *centrifuge.Error
	if errors.As(err, &serverError) {
		return serverError.Code
	}
	return 0
}

// proxy relays TCP connections, to cut them as a network does.
type proxy struct {
	port  string
	mutex sync.Mutex
	down  bool
	open  []net.Conn
}

func startProxy(t *testing.T) *proxy {
	listener, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	p := &proxy{port: fmt.Sprint(listener.Addr().(*net.TCPAddr).Port)}
	server := "127.0.0.1:" + environment(t, "PORT")
	t.Cleanup(func() {
		listener.Close()
		p.cut()
	})
	go func() {
		for {
			client, err := listener.Accept()
			if err != nil {
				return
			}
			go p.relay(client, server)
		}
	}()
	return p
}

func (p *proxy) relay(client net.Conn, address string) {
	server, err := net.Dial("tcp", address)
	if err != nil {
		client.Close()
		return
	}
	p.mutex.Lock()
	p.open = append(p.open, client, server)
	if p.down {
		client.Close()
		server.Close()
	}
	p.mutex.Unlock()
	copyTo := func(to, from net.Conn) {
		io.Copy(to, from)
		to.Close()
		from.Close()
	}
	go copyTo(server, client)
	copyTo(client, server)
}

// cut ends every connection, and each new one at once until restore.
func (p *proxy) cut() {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.down = true
	for _, connection := range p.open {
		connection.Close()
	}
	p.open = nil
}

func (p *proxy) restore() {
	p.mutex.Lock()
	defer p.mutex.Unlock()
	p.down = false
}
