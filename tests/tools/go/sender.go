// Sends events through the Go client that Debian packages (Docker's log driver uses the same one);
// prints each as [tag, seconds, record], one JSON line per event.
//
// usage: sender HOST PORT
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strconv"
	"time"

	"github.com/fluent/fluent-logger-golang/fluent"
)

var records = []map[string]interface{}{
	{"action": "login", "user": 6},
	{"container_id": "4f5a", "container_name": "/web", "source": "stdout", "log": "grüße, 世界 🚀"},
	{"yes": true, "float": 0.5, "negative": -7, "list": []interface{}{1, "two"}, "map": map[string]interface{}{"a": 1}},
	{},
}

func check(err error) {
	if err != nil {
		fmt.Fprintln(os.Stderr, err)
		os.Exit(1)
	}
}

func send(name string, config fluent.Config, start time.Time) {
	logger, err := fluent.New(config)
	check(err)
	for number, record := range records {
		tag, at := "go."+name, start.Add(time.Duration(number)*time.Second)
		// With RequestAck this returns when the ack came; without retries a lost one is an error.
		check(logger.PostWithTime(tag, at, record))
		line, err := json.Marshal([]interface{}{tag, at.Unix(), record})
		check(err)
		fmt.Println(string(line))
	}
	check(logger.Close())
}

func main() {
	port, err := strconv.Atoi(os.Args[2])
	check(err)
	base := fluent.Config{FluentHost: os.Args[1], FluentPort: port, Timeout: 20 * time.Second,
		WriteTimeout: 20 * time.Second, MaxRetry: 1}
	at := time.Unix(1500000000, 250000000)

	integer, subSecond, ack, asJSON, jsonAck, async := base, base, base, base, base, base
	subSecond.SubSecondPrecision = true
	ack.RequestAck, ack.SubSecondPrecision = true, true
	asJSON.MarshalAsJSON = true
	jsonAck.MarshalAsJSON, jsonAck.RequestAck = true, true
	async.Async = true

	send("integer", integer, at)
	send("sub_second", subSecond, at)
	send("ack", ack, at)
	send("json", asJSON, at)
	send("json_ack", jsonAck, at)
	send("async", async, at)
}
