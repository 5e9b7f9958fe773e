// Command kafka is an in-memory Kafka broker on loopback, for the end-to-end tests: one
// topic, TLS, one user with SCRAM-SHA-512. It prints its address when it answers, and ends
// when its standard input does, so that it never outlives the test that started it.
//
// It owns the broker's settings and nothing of ours: what is sent through it, and what
// has to come of it, is in e2e/kafka_test.go.
package main

import (
	"context"
	"crypto/tls"
	"flag"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/twmb/franz-go/pkg/kfake"
	"github.com/twmb/franz-go/pkg/kgo"
	"github.com/twmb/franz-go/pkg/sasl/scram"
)

func main() {
	topic := flag.String("topic", "usage_records", "the topic, which exists from the start; no other is made")
	partitions := flag.Int("partitions", 3, "of the topic")
	port := flag.Int("port", 0, "on loopback, 0 takes a free one")
	data := flag.String("data", "", "folder that keeps the topic over a restart, none by default")
	cert := flag.String("cert", "", "file with the broker's certificate")
	key := flag.String("key", "", "file with its key")
	deny := flag.Bool("deny", false, "let the user log in and do nothing")
	garbage := flag.Bool("garbage", false, "write a message that is not OTLP into each partition first")
	flag.Parse()
	if err := run(*topic, int32(*partitions), *port, *data, *cert, *key, *garbage, *deny); err != nil { //nolint:gosec // a handful
		fmt.Fprintf(os.Stderr, "kafka: %v\n", err)
		os.Exit(1)
	}
}

// run takes the user's name and password from KAFKA_USER and KAFKA_PASSWORD.
func run(topic string, partitions int32, port int, data, cert, key string, garbage, deny bool) error {
	certificate, err := tls.LoadX509KeyPair(cert, key)
	if err != nil {
		return err
	}
	user, password := os.Getenv("KAFKA_USER"), os.Getenv("KAFKA_PASSWORD")
	options := []kfake.Opt{
		kfake.NumBrokers(1),
		kfake.SeedTopics(partitions, topic),
		kfake.TLS(&tls.Config{Certificates: []tls.Certificate{certificate}, MinVersion: tls.VersionTLS12}),
		kfake.EnableSASL(),
		// A test that kills a consumer does not wait the usual 6 seconds for its group.
		kfake.GroupMinSessionTimeout(time.Second),
		kfake.WithLogger(kfake.BasicLogger(os.Stderr, kfake.LogLevelWarn)),
	}
	if deny {
		options = append(options, kfake.EnableACLs(), kfake.User("SCRAM-SHA-512", user, password))
	} else {
		options = append(options, kfake.Superuser("SCRAM-SHA-512", user, password))
	}
	if port != 0 {
		options = append(options, kfake.Ports(port))
	}
	if data != "" {
		options = append(options, kfake.DataDir(data), kfake.SyncWrites())
	}
	cluster, err := kfake.NewCluster(options...)
	if err != nil {
		return err
	}
	defer cluster.Close()
	address := cluster.ListenAddrs()[0]
	if garbage {
		if err := writeGarbage(address, topic, partitions, scram.Auth{User: user, Pass: password}); err != nil {
			return err
		}
	}
	fmt.Println(address)
	_, err = io.Copy(io.Discard, os.Stdin)
	return err
}

func writeGarbage(address, topic string, partitions int32, login scram.Auth) error {
	client, err := kgo.NewClient(kgo.SeedBrokers(address), kgo.SASL(login.AsSha512Mechanism()), kgo.RecordPartitioner(kgo.ManualPartitioner()),
		kgo.DialTLSConfig(&tls.Config{InsecureSkipVerify: true})) //nolint:gosec // it is this process
	if err != nil {
		return err
	}
	defer client.Close()
	for partition := range partitions {
		record := &kgo.Record{Topic: topic, Partition: partition, Value: []byte("not OTLP")}
		if err := client.ProduceSync(context.Background(), record).FirstErr(); err != nil {
			return err
		}
	}
	return nil
}
