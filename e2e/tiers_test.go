package e2e

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"fmt"
	"io/fs"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/ptrace"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
)

// TestAgentAndGatewayAsInTheExamples runs agent.yaml and gateway.yaml: a call that
// the agent priced becomes a row with the user that a later request names, nothing that
// was said in it leaves the agent, and whoever shows no certificate of the agents' authority
// writes nothing.
func TestAgentAndGatewayAsInTheExamples(t *testing.T) {
	t.Parallel()
	pool, dsn := newDatabase(t)
	agents, stranger, gateway := newAuthority(t), newAuthority(t), newAuthority(t)
	gatewayDir, agentDir := t.TempDir(), t.TempDir()
	agents.write(t, filepath.Join(gatewayDir, "agents.crt"))
	gateway.issue(t, gatewayDir, "gateway")
	gateway.write(t, filepath.Join(agentDir, "ca.crt"))
	agents.issue(t, agentDir, "agent")

	received := filepath.Join(t.TempDir(), "received.json")
	g := startExample(t, "gateway.yaml", `
receivers: {otlp: {protocols: {grpc: {endpoint: "<GRPC>"}, http: {endpoint: "<HTTP>"}}}}
exporters: {usage_postgres: {migrate: true}, file: {path: `+received+`}}
service: {telemetry: {metrics: {level: none}}, pipelines: {traces: {exporters: [usage_postgres, file]}}}
`, dsn, "GATEWAY_TLS_DIR="+gatewayDir, "USAGE_QUEUE_DIR="+t.TempDir())
	a := startExample(t, "agent.yaml", `
receivers: {otlp: {protocols: {grpc: {endpoint: "<GRPC>"}, http: {endpoint: "<HTTP>"}}}}
`+telemetryOverlay, "GATEWAY_ENDPOINT="+g.grpc, "TRACES_ENDPOINT="+freeAddress(t), "AGENT_TLS_DIR="+agentDir, "USAGE_QUEUE_DIR="+t.TempDir())
	sendTalkativeCall(t, a)
	waitForRows(t, pool, 1)
	waitForUser(t, pool, "ada")
	a.stop()
	requireOnlyUsage(t, received)

	roots := x509.NewCertPool()
	roots.AddCert(gateway.certificate)
	strangerDir := t.TempDir()
	stranger.issue(t, strangerDir, "agent")
	forged, err := tls.LoadX509KeyPair(filepath.Join(strangerDir, "agent.crt"), filepath.Join(strangerDir, "agent.key"))
	require.NoError(t, err)
	for name, transport := range map[string]credentials.TransportCredentials{
		"without TLS":                             insecure.NewCredentials(),
		"without a certificate":                   credentials.NewTLS(&tls.Config{RootCAs: roots, MinVersion: tls.VersionTLS13}),
		"with a certificate of another authority": credentials.NewTLS(&tls.Config{RootCAs: roots, Certificates: []tls.Certificate{forged}, MinVersion: tls.VersionTLS13}),
	} {
		conn, err := grpc.NewClient(g.grpc, grpc.WithTransportCredentials(transport))
		require.NoError(t, err)
		_, err = ptraceotlp.NewGRPCClient(conn).Export(t.Context(), ptraceotlp.NewExportRequest())
		assert.Error(t, err, name)
		require.NoError(t, conn.Close())
	}
	assert.EqualValues(t, 1, readTotals(t, pool).Rows)
}

// sendTalkativeCall sends a call with texts in all places, and who made it in a request
// that comes after it.
func sendTalkativeCall(t *testing.T, c *collector) {
	t.Helper()
	payload := ptrace.NewTraces()
	resource := payload.ResourceSpans().AppendEmpty()
	resource.Resource().Attributes().PutStr("service.name", "shop")
	resource.Resource().Attributes().PutStr("process.command_line", secrets[0])
	scope := resource.ScopeSpans().AppendEmpty()
	scope.Scope().Attributes().PutStr("note", secrets[0])
	span := chatSpan(scope.Spans().AppendEmpty(), 100, 0)
	span.SetName("chat about " + secrets[0])
	span.Attributes().PutStr("gen_ai.input.messages", secrets[0])
	event := span.Events().AppendEmpty()
	event.SetName("gen_ai.content.completion")
	event.Attributes().PutStr("gen_ai.completion", secrets[1])
	span.Status().SetMessage(secrets[1])
	require.NoError(t, c.sendHTTP(clone(payload)))

	scope.Spans().RemoveIf(func(ptrace.Span) bool { return true })
	parent := scope.Spans().AppendEmpty()
	parent.SetTraceID([16]byte{1, 100, 0})
	parent.SetSpanID([8]byte{9})
	parent.SetName("POST /chat")
	parent.Attributes().PutStr("user.id", "ada")
	require.NoError(t, c.sendHTTP(payload))
}

// waitForUser waits until every call is of one user.
func waitForUser(t *testing.T, pool *pgxpool.Pool, user string) {
	t.Helper()
	eventually(t, "calls of "+user, func() error {
		var others int
		if err := pool.QueryRow(t.Context(), `SELECT count(*) FROM public.api_usage c LEFT JOIN auth.users u ON u.id = c.user_id WHERE u.external_id IS DISTINCT FROM $1`, user).Scan(&others); err != nil {
			return err
		}
		if others > 0 {
			return fmt.Errorf("%d calls of somebody else or nobody", others)
		}
		return nil
	})
}

// requireOnlyUsage looks at what an agent sent: records and nothing that was said.
func requireOnlyUsage(t *testing.T, file string) {
	t.Helper()
	var content []byte
	eventually(t, "the file of what was received", func() (err error) {
		if content, err = os.ReadFile(file); err == nil && !bytes.Contains(content, []byte("usage.trace_user")) {
			err = fs.ErrNotExist
		}
		return err
	})
	for _, secret := range secrets {
		require.NotContains(t, string(content), secret, "left the agent")
	}
}

// telemetryOverlay takes the fixed ports out of an example.
const telemetryOverlay = "service: {telemetry: {metrics: {level: none}}}\n"

// startExample runs an example under another configuration that overrides it.
func startExample(t *testing.T, name, overlay string, env ...string) *collector {
	t.Helper()
	c := prepareExample(t, name, overlay, env...)
	c.start()
	return c
}

func prepareExample(t *testing.T, name, overlay string, env ...string) *collector {
	t.Helper()
	example, err := os.ReadFile(filepath.Join("..", "examples", name))
	require.NoError(t, err)
	over := prepare(t, overlay)
	c := prepare(t, string(example), env...)
	c.grpc, c.http, c.metrics, c.args = over.grpc, over.http, over.metrics, []string{"--config", over.configFile}
	return c
}

// authority signs certificates.
type authority struct {
	certificate *x509.Certificate
	key         *ecdsa.PrivateKey
}

func newAuthority(t *testing.T) *authority {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(1), Subject: pkix.Name{CommonName: "authority"}, NotAfter: time.Now().Add(time.Hour),
		IsCA: true, BasicConstraintsValid: true, KeyUsage: x509.KeyUsageCertSign,
	}
	der, err := x509.CreateCertificate(rand.Reader, template, template, &key.PublicKey, key)
	require.NoError(t, err)
	certificate, err := x509.ParseCertificate(der)
	require.NoError(t, err)
	return &authority{certificate, key}
}

// write leaves the authority's certificate in a file.
func (a *authority) write(t *testing.T, file string) {
	t.Helper()
	writePEM(t, file, "CERTIFICATE", a.certificate.Raw)
}

// issue leaves the certificate and key of a machine on loopback in two files.
func (a *authority) issue(t *testing.T, directory, name string) {
	t.Helper()
	key, err := ecdsa.GenerateKey(elliptic.P256(), rand.Reader)
	require.NoError(t, err)
	template := &x509.Certificate{
		SerialNumber: big.NewInt(2), Subject: pkix.Name{CommonName: name}, NotAfter: time.Now().Add(time.Hour),
		IPAddresses: []net.IP{net.IPv4(127, 0, 0, 1)}, ExtKeyUsage: []x509.ExtKeyUsage{x509.ExtKeyUsageServerAuth, x509.ExtKeyUsageClientAuth},
	}
	der, err := x509.CreateCertificate(rand.Reader, template, a.certificate, &key.PublicKey, a.key)
	require.NoError(t, err)
	secret, err := x509.MarshalPKCS8PrivateKey(key)
	require.NoError(t, err)
	writePEM(t, filepath.Join(directory, name+".crt"), "CERTIFICATE", der)
	writePEM(t, filepath.Join(directory, name+".key"), "PRIVATE KEY", secret)
}

func writePEM(t *testing.T, file, kind string, der []byte) {
	t.Helper()
	out, err := os.OpenFile(file, os.O_CREATE|os.O_WRONLY|os.O_TRUNC, 0o600)
	require.NoError(t, err)
	require.NoError(t, errors.Join(pem.Encode(out, &pem.Block{Type: kind, Bytes: der}), out.Close()))
}
