package main

import (
	"archive/tar"
	"archive/zip"
	"bytes"
	"context"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/base64"
	"encoding/json"
	"encoding/pem"
	"net/http/httptest"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/google/go-containerregistry/pkg/name"
	"github.com/google/go-containerregistry/pkg/registry"
	"github.com/google/go-containerregistry/pkg/v1/remote"
)

func must[T any](t *testing.T) func(T, error) T {
	return func(v T, err error) T {
		t.Helper()
		if err != nil {
			t.Fatal(err)
		}
		return v
	}
}

func newRelease(t *testing.T) *release {
	t.Helper()
	return &release{
		root: must[string](t)(filepath.Abs("../..")), out: t.TempDir(), work: t.TempDir(), version: "0.1.0", commit: "0123456789ab",
		time: time.Unix(1_764_000_000, 0).UTC(), context: t.Context(), targets: []target{{"linux", "amd64"}},
	}
}

func TestTheNotesAreThoseOfTheVersion(t *testing.T) {
	const changelog = "# Changelog\n\n## [Unreleased]\n\n- new\n\n## [0.2.0] - 2026-12-01\n\n- two\n\n## [0.1.0]\n\n- one\n"
	for version, want := range map[string]string{"0.2.0": "- two", "0.1.0": "- one", "0.3.0": "- new"} {
		got, own := notes(changelog, version)
		if got != want || own == (version == "0.3.0") {
			t.Errorf("%s: got %q, %v", version, got, own)
		}
	}
}

func TestAVersionIsSemantic(t *testing.T) {
	for _, version := range []string{"", "v0.1.0", "0.1", "latest", "0.1.0; rm"} {
		if err := run(context.Background(), []string{"-version", version}); err == nil || !strings.Contains(err.Error(), "-version") {
			t.Errorf("%q: %v", version, err)
		}
	}
	if err := run(context.Background(), []string{"-version", "0.1.0", "-targets", "plan9/mips"}); err == nil || !strings.Contains(err.Error(), "plan9/mips") {
		t.Errorf("%v", err)
	}
}

func TestArchivesHoldTheSameFiles(t *testing.T) {
	r := newRelease(t)
	files := []file{{archived: "usagectl", content: []byte("program"), mode: 0o755}, {installed: "/etc/x", content: []byte("config"), mode: 0o644}, {archived: "docs/a.md", content: []byte("text"), mode: 0o644}}
	packed := must[[]byte](t)(tarOf("f/", files, r.time))
	zipped := must[[]byte](t)(zipOf("f/", files, r.time))
	if !bytes.Equal(packed, must[[]byte](t)(tarOf("f/", files, r.time))) || !bytes.Equal(zipped, must[[]byte](t)(zipOf("f/", files, r.time))) {
		t.Error("two archives of the same files differ")
	}
	archive := tar.NewReader(bytes.NewReader(packed))
	for _, f := range must[*zip.Reader](t)(zip.NewReader(bytes.NewReader(zipped), int64(len(zipped)))).File {
		h := must[*tar.Header](t)(archive.Next())
		if h.Name != f.Name || h.FileInfo().Mode() != f.Mode() || h.Size != int64(f.UncompressedSize64) { //nolint:gosec // small
			t.Errorf("tar has %s %v, zip %s %v", h.Name, h.FileInfo().Mode(), f.Name, f.Mode())
		}
	}
	if _, err := archive.Next(); err == nil {
		t.Error("tar has more files than zip")
	}
}

// TestSignaturesAreWhatOthersCheck writes with a key, and has openssl look at it.
func TestSignaturesAreWhatOthersCheck(t *testing.T) {
	if _, err := exec.LookPath("openssl"); err != nil {
		t.Skipf("NOT TESTED, signatures: %v", err)
	}
	r := newRelease(t)
	key := must[*ecdsa.PrivateKey](t)(ecdsa.GenerateKey(elliptic.P256(), rand.Reader))
	secret := must[[]byte](t)(x509.MarshalPKCS8PrivateKey(key))
	public := must[[]byte](t)(x509.MarshalPKIXPublicKey(&key.PublicKey))
	folder := t.TempDir()
	r.key = filepath.Join(folder, "key")
	put := func(name string, content []byte) {
		t.Helper()
		if err := os.WriteFile(filepath.Join(folder, name), content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	put("key", pem.EncodeToMemory(&pem.Block{Type: "PRIVATE KEY", Bytes: secret}))
	put("pub", pem.EncodeToMemory(&pem.Block{Type: "PUBLIC KEY", Bytes: public}))
	if err := r.write("some.tar.gz", []byte("content")); err != nil {
		t.Fatal(err)
	}
	if err := r.attest(); err != nil {
		t.Fatal(err)
	}
	verify := func(signature []byte, of string) error {
		put("signature", signature)
		return exec.CommandContext(t.Context(), "openssl", "dgst", "-sha256", "-verify", filepath.Join(folder, "pub"), "-signature", filepath.Join(folder, "signature"), of).Run()
	}
	of := filepath.Join(r.out, checksums)
	signature := must[[]byte](t)(base64.StdEncoding.DecodeString(strings.TrimSpace(string(must[[]byte](t)(os.ReadFile(of + ".sig"))))))
	if err := verify(signature, of); err != nil {
		t.Errorf("signature of the checksums: %v", err)
	}
	if verify(signature, filepath.Join(r.out, "some.tar.gz")) == nil {
		t.Error("the signature fits another file")
	}
	var envelope struct {
		PayloadType string
		Payload     []byte
		Signatures  []struct{ Sig []byte }
	}
	if err := json.Unmarshal(must[[]byte](t)(os.ReadFile(filepath.Join(r.out, "provenance.intoto.jsonl"))), &envelope); err != nil {
		t.Fatal(err)
	}
	put("authenticated", append([]byte("DSSEv1 28 application/vnd.in-toto+json "+itoa(len(envelope.Payload))+" "), envelope.Payload...))
	if err := verify(envelope.Signatures[0].Sig, filepath.Join(folder, "authenticated")); err != nil || envelope.PayloadType != "application/vnd.in-toto+json" {
		t.Errorf("signature of the provenance: %v", err)
	}
	put("key", []byte("no key"))
	if err := r.attest(); err == nil || !strings.Contains(err.Error(), "no PEM file") {
		t.Errorf("a file without a key: %v", err)
	}
}

func itoa(n int) string { return string(must0(json.Marshal(n))) }

func must0(b []byte, err error) []byte {
	if err != nil {
		panic(err)
	}
	return b
}

// TestImagesReachARegistry makes images of two kinds of machine, pushes them, and reads
// them as whoever pulls does.
func TestImagesReachARegistry(t *testing.T) {
	r := newRelease(t)
	for _, image := range imageNames {
		var images []builtImage
		for _, arch := range []string{"amd64", "arm64"} {
			built := programs{target: target{"linux", arch}, files: map[string]string{}}
			for _, p := range allPrograms {
				built.files[p.name] = filepath.Join(r.work, arch+p.name)
				if err := os.WriteFile(built.files[p.name], []byte(arch), 0o600); err != nil {
					t.Fatal(err)
				}
			}
			i, err := r.image(image, built)
			if err != nil {
				t.Fatal(err)
			}
			images = append(images, builtImage{built.target, i})
		}
		if err := r.writeImages(image, images); err != nil {
			t.Fatal(err)
		}
	}
	server := httptest.NewServer(registry.New())
	defer server.Close()
	prefix := strings.TrimPrefix(server.URL, "http://") + "/usage"
	if err := r.push(prefix); err != nil {
		t.Fatal(err)
	}
	for _, image := range imageNames {
		tag := must[name.Tag](t)(name.NewTag(prefix + "/" + image + ":0.1.0"))
		index, err := remote.Index(tag)
		if err != nil {
			t.Fatal(err)
		}
		manifest, err := index.IndexManifest()
		if err != nil {
			t.Fatal(err)
		}
		if len(manifest.Manifests) != 2 || manifest.Manifests[0].Platform.Architecture != "amd64" || manifest.Manifests[1].Platform.Architecture != "arm64" {
			t.Errorf("%s: %+v", image, manifest.Manifests)
		}
		pulled, err := index.Image(manifest.Manifests[1].Digest)
		if err != nil {
			t.Fatal(err)
		}
		config, err := pulled.ConfigFile()
		if err != nil {
			t.Fatal(err)
		}
		if config.Architecture != "arm64" || config.Config.User != "65532:65532" || config.Config.Entrypoint[0] != "/usr/bin/"+image || config.Config.Labels["org.opencontainers.image.version"] != "0.1.0" {
			t.Errorf("%s: %+v", image, config)
		}
	}
}

func TestAProgramIsOfItsTarget(t *testing.T) {
	for _, target := range []target{{"linux", "arm64"}, {"windows", "amd64"}} {
		directory := t.TempDir()
		file := filepath.Join(directory, "program")
		for name, text := range map[string]string{"go.mod": "module program\n", "main.go": "package main\n\nfunc main() {}\n"} {
			if err := os.WriteFile(filepath.Join(directory, name), []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
		}
		cmd := exec.CommandContext(t.Context(), "go", "build", "-o", file, ".")
		cmd.Dir = directory
		cmd.Env = append(os.Environ(), "CGO_ENABLED=0", "GOFLAGS=", "GOOS="+target.os, "GOARCH="+target.arch)
		if out, err := cmd.CombinedOutput(); err != nil {
			t.Fatalf("%v: %s", err, out)
		}
		if err := target.made(file); err != nil {
			t.Error(err)
		}
		other := target
		other.os = "darwin"
		if err := other.made(file); err == nil || !strings.Contains(err.Error(), "is for "+target.String()) {
			t.Errorf("found %v", err)
		}
	}
}
