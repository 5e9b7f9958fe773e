package main

import (
	"bytes"
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/sha256"
	"crypto/x509"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
)

// statement is an in-toto statement, version 1, with a provenance of SLSA, version 1.
type statement struct {
	Type          string     `json:"_type"`
	Subject       []subject  `json:"subject"`
	PredicateType string     `json:"predicateType"`
	Predicate     provenance `json:"predicate"`
}

type subject struct {
	Name   string            `json:"name"`
	Digest map[string]string `json:"digest"`
}

type provenance struct {
	BuildDefinition struct {
		BuildType            string         `json:"buildType"`
		ExternalParameters   map[string]any `json:"externalParameters"`
		InternalParameters   map[string]any `json:"internalParameters"`
		ResolvedDependencies []dependency   `json:"resolvedDependencies"`
	} `json:"buildDefinition"`
	RunDetails struct {
		Builder struct {
			ID string `json:"id"`
		} `json:"builder"`
	} `json:"runDetails"`
}

type dependency struct {
	URI    string            `json:"uri"`
	Digest map[string]string `json:"digest,omitempty"`
}

const (
	checksums      = "SHA256SUMS"
	provenanceFile = "provenance.json"
)

// attest writes the checksums of all files and says how they were made; with a key it
// signs both.
func (r *release) attest() error {
	made, err := r.provenance()
	if err != nil {
		return err
	}
	if err := r.write(provenanceFile, made); err != nil {
		return err
	}
	sums, err := r.sums()
	if err != nil {
		return err
	}
	var list strings.Builder
	for _, s := range sums {
		fmt.Fprintf(&list, "%s  %s\n", s.Digest["sha256"], s.Name)
	}
	if err := r.write(checksums, []byte(list.String())); err != nil {
		return err
	}
	if r.key == "" {
		step("signed", "nothing: no key was given")
		return nil
	}
	key, err := readKey(r.key)
	if err != nil {
		return err
	}
	signature, err := sign(key, []byte(list.String()))
	if err != nil {
		return err
	}
	const kind = "application/vnd.in-toto+json"
	// What is signed of an envelope is its type and its payload, each with its length.
	authenticated := fmt.Appendf(nil, "DSSEv1 %d %s %d ", len(kind), kind, len(made))
	ofProvenance, err := sign(key, append(authenticated, made...))
	if err != nil {
		return err
	}
	envelope, err := json.Marshal(map[string]any{
		"payloadType": kind, "payload": base64.StdEncoding.EncodeToString(made),
		"signatures": []map[string]string{{"sig": base64.StdEncoding.EncodeToString(ofProvenance)}},
	})
	return errors.Join(err,
		r.write(checksums+".sig", []byte(base64.StdEncoding.EncodeToString(signature)+"\n")),
		r.write("provenance.intoto.jsonl", append(envelope, '\n')))
}

// sums are the checksums of the files that were written so far, in the order of names.
func (r *release) sums() ([]subject, error) {
	entries, err := os.ReadDir(r.out)
	if err != nil {
		return nil, err
	}
	var sums []subject
	for _, e := range entries {
		content, err := os.ReadFile(filepath.Join(r.out, e.Name()))
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(content)
		sums = append(sums, subject{e.Name(), map[string]string{"sha256": hex.EncodeToString(sum[:])}})
	}
	return sums, nil
}

// provenance says of which commit and by what the files were made. It has no time and no
// machine in it, so that it is the same for whoever makes the release again; who vouches
// for it is who signs it.
func (r *release) provenance() ([]byte, error) {
	sums, err := r.sums()
	if err != nil {
		return nil, err
	}
	compiler, err := exec.CommandContext(r.context, "go", "env", "GOVERSION").Output()
	if err != nil {
		return nil, fmt.Errorf("go env: %w", err)
	}
	goVersion := strings.TrimPrefix(strings.TrimSpace(string(compiler)), "go")
	s := statement{Type: "https://in-toto.io/Statement/v1", Subject: sums, PredicateType: "https://slsa.dev/provenance/v1"}
	definition := &s.Predicate.BuildDefinition
	definition.BuildType = "https://" + ours + "/blob/main/docs/install.md#how-a-release-is-made"
	definition.ExternalParameters = map[string]any{"version": r.version, "targets": r.targetNames()}
	definition.InternalParameters = map[string]any{"command": "make release VERSION=" + r.version, "sourceDateEpoch": r.time.Unix()}
	definition.ResolvedDependencies = []dependency{
		{"git+https://" + ours, map[string]string{"gitCommit": r.commit}},
		{"pkg:golang/stdlib@" + goVersion, nil},
	}
	for _, name := range []string{"go.sum", "distribution/go.sum", "tools/release/go.sum"} {
		content, err := os.ReadFile(filepath.Join(r.root, name))
		if err != nil {
			return nil, err
		}
		sum := sha256.Sum256(content)
		definition.ResolvedDependencies = append(definition.ResolvedDependencies, dependency{name, map[string]string{"sha256": hex.EncodeToString(sum[:])}})
	}
	s.Predicate.RunDetails.Builder.ID = "https://" + ours + "/tree/main/tools/release"
	var b bytes.Buffer
	encoder := json.NewEncoder(&b)
	encoder.SetEscapeHTML(false)
	encoder.SetIndent("", " ")
	err = encoder.Encode(s)
	return b.Bytes(), err
}

func (r *release) targetNames() []string {
	names := make([]string, len(r.targets))
	for i, t := range r.targets {
		names[i] = t.String()
	}
	return names
}

func readKey(file string) (*ecdsa.PrivateKey, error) {
	text, err := os.ReadFile(file) //nolint:gosec // named by whoever releases
	if err != nil {
		return nil, fmt.Errorf("key: %w", err)
	}
	block, _ := pem.Decode(text)
	if block == nil {
		return nil, fmt.Errorf("key: %s is no PEM file", file)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(block.Bytes)
	if err != nil {
		return nil, fmt.Errorf("key: %s: %w", file, err)
	}
	key, ok := parsed.(*ecdsa.PrivateKey)
	if !ok || key.Curve != elliptic.P256() {
		return nil, fmt.Errorf("key: %s must be ECDSA over P-256, found %T", file, parsed)
	}
	return key, nil
}

// sign is what cosign verify-blob and openssl dgst -sha256 -verify take.
func sign(key *ecdsa.PrivateKey, message []byte) ([]byte, error) {
	sum := sha256.Sum256(message)
	return ecdsa.SignASN1(rand.Reader, key, sum[:])
}
