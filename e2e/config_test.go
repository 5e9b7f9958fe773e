package e2e

import "strings"

// configuration builds a collector configuration around the three components;
// the zero value is the plain one.
type configuration struct {
	processor  string // keys of genai_usage, indented by four
	exporter   string // keys of usage_postgres, indented by four
	extensions string // further extensions, indented by two
	extNames   string // their names, each with a leading ", "
	api        string // keys of usage_api but for dsn and http, indented by four
	apiHTTP    string // further keys of usage_api::http, indented by six
	logLevel   string
	logs       bool // a logs pipeline beside the one for traces
	metrics    bool // the collector's own metrics, see [collector.metric]
}

func (c configuration) String() string {
	api := c.api
	if api == "" {
		api = "    access: {insecure_loopback_admin: true}\n"
	}
	level := c.logLevel
	if level == "" {
		level = "info"
	}
	logs := ""
	if c.logs {
		logs = "    logs: {receivers: [otlp], processors: [genai_usage], exporters: [usage_postgres]}\n"
	}
	metrics := "{level: none}"
	if c.metrics {
		metrics = "{readers: [{pull: {exporter: {prometheus: {host: 127.0.0.1, port: <METRICS PORT>}}}}]}"
	}
	return strings.NewReplacer(
		"{{processor}}", c.processor, "{{exporter}}", c.exporter, "{{extensions}}", c.extensions,
		"{{names}}", c.extNames, "{{api}}", api, "{{apiHTTP}}", c.apiHTTP, "{{level}}", level, "{{metrics}}", metrics,
	).Replace(`receivers:
  otlp:
    protocols:
      grpc: {endpoint: <GRPC>, max_recv_msg_size_mib: 64}
      http: {endpoint: <HTTP>}
processors:
  genai_usage:
    debug: ${env:DEBUG_USAGE:-false}
    track_users: ${env:USER_AUTH:-true}
{{processor}}
exporters:
  usage_postgres:
    dsn: ${env:DATABASE_URL}
    migrate: true
{{exporter}}
extensions:
{{extensions}}
  usage_api:
    dsn: ${env:DATABASE_URL}
{{api}}
    http:
      endpoint: <API>
{{apiHTTP}}
service:
  extensions: [usage_api{{names}}]
  telemetry:
    logs: {level: {{level}}}
    metrics: {{metrics}}
  pipelines:
    traces: {receivers: [otlp], processors: [genai_usage], exporters: [usage_postgres]}
`) + logs
}
