// SPDX-License-Identifier: Apache-2.0

// A broadcast server with gorilla/websocket: a message to / goes to every connection of /, a
// message to /echo goes back to its sender. See ../README.md.
package main

import (
	"log"
	"net/http"
	"os"
	"sync"
	"time"

	"github.com/gorilla/websocket"
)

const (
	pingInterval = 25 * time.Second // sanjay's default
	pongWait     = 33 * time.Second
	writeWait    = 10 * time.Second
	messageMax   = 1 << 20
	queueLength  = 256 // messages; who has more waiting is disconnected
)

// The pool is the manual's advice for many connections that are written to seldom.
var upgrader = websocket.Upgrader{
	ReadBufferSize:  1024,
	WriteBufferSize: 1024,
	WriteBufferPool: &sync.Pool{},
}

// hub owns the set of members; only run() touches it.
type hub struct {
	join      chan *member
	leave     chan *member
	broadcast chan *websocket.PreparedMessage
}

func newHub() *hub {
	return &hub{
		join:      make(chan *member),
		leave:     make(chan *member),
		broadcast: make(chan *websocket.PreparedMessage),
	}
}

func (h *hub) run() {
	members := make(map[*member]struct{})
	remove := func(m *member) {
		if _, there := members[m]; there {
			delete(members, m)
			close(m.queue)
		}
	}
	for {
		select {
		case m := <-h.join:
			members[m] = struct{}{}
		case m := <-h.leave:
			remove(m)
		case message := <-h.broadcast:
			for m := range members {
				select {
				case m.queue <- message:
				default:
					remove(m)
				}
			}
		}
	}
}

// member is one connection: a goroutine reads it, another one writes it.
type member struct {
	socket *websocket.Conn
	queue  chan *websocket.PreparedMessage
}

func (h *hub) serve(w http.ResponseWriter, r *http.Request) {
	m := &member{queue: make(chan *websocket.PreparedMessage, queueLength)}
	// Before the upgrade is answered: a client that is connected gets everything from then on.
	h.join <- m
	socket, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		h.leave <- m
		return // Upgrade has answered
	}
	m.socket = socket
	go m.write()
	go m.read(h)
}

func (m *member) read(h *hub) {
	defer func() {
		h.leave <- m
		m.socket.Close()
	}()
	m.socket.SetReadLimit(messageMax)
	extend := func(string) error { return m.socket.SetReadDeadline(time.Now().Add(pongWait)) }
	m.socket.SetPongHandler(extend)
	if extend("") != nil {
		return
	}
	for {
		kind, data, err := m.socket.ReadMessage()
		if err != nil {
			return
		}
		message, err := websocket.NewPreparedMessage(kind, data)
		if err != nil {
			return
		}
		h.broadcast <- message
	}
}

func (m *member) write() {
	ping := time.NewTicker(pingInterval)
	defer func() {
		ping.Stop()
		m.socket.Close()
	}()
	for {
		select {
		case message, open := <-m.queue:
			if !open || m.socket.SetWriteDeadline(time.Now().Add(writeWait)) != nil ||
				m.socket.WritePreparedMessage(message) != nil {
				return
			}
		case <-ping.C:
			deadline := time.Now().Add(writeWait)
			if m.socket.WriteControl(websocket.PingMessage, nil, deadline) != nil {
				return
			}
		}
	}
}

func echo(w http.ResponseWriter, r *http.Request) {
	socket, err := upgrader.Upgrade(w, r, nil)
	if err != nil {
		return
	}
	defer socket.Close()
	socket.SetReadLimit(messageMax)
	for {
		kind, data, err := socket.ReadMessage()
		if err != nil || socket.WriteMessage(kind, data) != nil {
			return
		}
	}
}

func main() {
	if len(os.Args) != 2 {
		log.Fatal("usage: gorilla PORT")
	}
	h := newHub()
	go h.run()
	http.HandleFunc("/", h.serve)
	http.HandleFunc("/echo", echo)
	log.Fatal(http.ListenAndServe("127.0.0.1:"+os.Args[1], nil))
}
