package e2e

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/tls"
	"crypto/x509"
	"crypto/x509/pkix"
	"encoding/pem"
	"errors"
	"math/big"
	"net"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"
	"go.opentelemetry.io/collector/pdata/ptrace/ptraceotlp"
	"google.golang.org/grpc"
	"google.golang.org/grpc/credentials"
	"google.golang.org/grpc/credentials/insecure"
)

// TestAgentAndGatewayAsInTheExamples runs agent.yaml and gateway.yaml: a call that
// the agent priced becomes a row, and whoever shows no certificate of the agents'
// authority writes nothing.
func TestAgentAndGatewayAsInTheExamples(t *testing.T) {
	t.Parallel()
	pool, dsn := newDatabase(t)
	agents, stranger, gateway := newAuthority(t), newAuthority(t), newAuthority(t)
	gatewayDir, agentDir := t.TempDir(), t.TempDir()
	agents.write(t, filepath.Join(gatewayDir, "agents.crt"))
	gateway.issue(t, gatewayDir, "gateway")
	gateway.write(t, filepath.Join(agentDir, "ca.crt"))
	agents.issue(t, agentDir, "agent")

	g := startExample(t, "gateway.yaml", `
receivers: {otlp: {protocols: {grpc: {endpoint: "<GRPC>"}, http: {endpoint: "<HTTP>"}}}}
exporters: {usage_postgres: {migrate: true}}
`+telemetryOverlay, dsn, "GATEWAY_TLS_DIR="+gatewayDir, "USAGE_QUEUE_DIR="+t.TempDir())
	a := startExample(t, "agent.yaml", `
receivers: {otlp: {protocols: {grpc: {endpoint: "<GRPC>"}, http: {endpoint: "<HTTP>"}}}}
`+telemetryOverlay, "GATEWAY_ENDPOINT="+g.grpc, "TRACES_ENDPOINT="+freeAddress(t), "AGENT_TLS_DIR="+agentDir, "USAGE_QUEUE_DIR="+t.TempDir())
	sendOneCallEach(t, a, "ada")
	waitForRows(t, pool, 1)

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

// telemetryOverlay takes the fixed ports out of an example.
const telemetryOverlay = "service: {telemetry: {metrics: {level: none}}}\n"

// startExample runs an example under another configuration that overrides it.
func startExample(t *testing.T, name, overlay string, env ...string) *collector {
	t.Helper()
	example, err := os.ReadFile(filepath.Join("..", "examples", name))
	require.NoError(t, err)
	over := prepare(t, overlay)
	c := prepare(t, string(example), env...)
	c.grpc, c.http, c.args = over.grpc, over.http, []string{"--config", over.configFile}
	c.start()
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
