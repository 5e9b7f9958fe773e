package main

import (
	"archive/tar"
	"bytes"
	"crypto/x509"
	"encoding/json"
	"encoding/pem"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path"
	"path/filepath"
	"regexp"
	"strings"

	"github.com/google/go-containerregistry/pkg/authn"
	"github.com/google/go-containerregistry/pkg/name"
	v1 "github.com/google/go-containerregistry/pkg/v1"
	"github.com/google/go-containerregistry/pkg/v1/empty"
	"github.com/google/go-containerregistry/pkg/v1/layout"
	"github.com/google/go-containerregistry/pkg/v1/mutate"
	"github.com/google/go-containerregistry/pkg/v1/remote"
	"github.com/google/go-containerregistry/pkg/v1/tarball"
	"github.com/google/go-containerregistry/pkg/v1/types"
	"golang.org/x/crypto/x509roots/fallback/bundle"
)

// imageNames are the images: the collector with usagectl beside it, and usagectl alone,
// for the jobs around it.
var imageNames = []string{"otelcol-usage", "usagectl"}

// builtImage is an image for one kind of machine.
type builtImage struct {
	target
	image v1.Image
}

// image makes an image from nothing: our programs, the certificates of public
// authorities, the user, the licences. How the collector runs is read from the Dockerfile,
// so that both are the same.
func (r *release) image(name string, built programs) (v1.Image, error) {
	dockerfile, err := os.ReadFile(filepath.Join(r.root, "Dockerfile"))
	if err != nil {
		return nil, err
	}
	config, err := runtimeOf(string(dockerfile))
	if err != nil {
		return nil, err
	}
	config.Labels = map[string]string{
		"org.opencontainers.image.title": name, "org.opencontainers.image.version": r.version, "org.opencontainers.image.revision": r.commit,
		"org.opencontainers.image.created": r.time.Format("2006-01-02T15:04:05Z"), "org.opencontainers.image.licenses": "Apache-2.0",
		"org.opencontainers.image.source":        "https://github.com/otelcol-usage/otelcol-usage",
		"org.opencontainers.image.documentation": "https://github.com/otelcol-usage/otelcol-usage/blob/main/docs/install.md",
		"org.opencontainers.image.description":   "OpenTelemetry Collector that prices every AI API call and stores it exactly once",
		"org.opencontainers.image.vendor":        "otelcol-usage",
	}
	config.Env = []string{"PATH=/usr/bin"}
	if name == "usagectl" {
		config.Entrypoint, config.Cmd, config.ExposedPorts, config.Volumes = []string{"/usr/bin/usagectl"}, []string{"--help"}, nil, nil
		config.Labels["org.opencontainers.image.description"] = "Operates an otelcol-usage installation: migrates the database, explains prices"
	}
	layer, err := r.fileSystem(name, built, config)
	if err != nil {
		return nil, err
	}
	image, err := mutate.Append(mutate.MediaType(mutate.ConfigMediaType(empty.Image, types.OCIConfigJSON), types.OCIManifestSchema1), mutate.Addendum{
		Layer: layer, History: v1.History{Created: v1.Time{Time: r.time}, CreatedBy: "tools/release"},
	})
	if err != nil {
		return nil, err
	}
	file, err := image.ConfigFile()
	if err != nil {
		return nil, err
	}
	file = file.DeepCopy()
	file.OS, file.Architecture, file.Created, file.Config = built.os, built.arch, v1.Time{Time: r.time}, config
	return mutate.ConfigFile(image, file)
}

// runtimeOf reads from the last stage of a Dockerfile how its image runs.
func runtimeOf(dockerfile string) (v1.Config, error) {
	config := v1.Config{ExposedPorts: map[string]struct{}{}, Volumes: map[string]struct{}{}, WorkingDir: "/"}
	var faults []error
	for _, line := range strings.Split(dockerfile[strings.LastIndex(dockerfile, "\nFROM "):], "\n") {
		word, rest, _ := strings.Cut(line, " ")
		switch word {
		case "USER":
			config.User = rest
		case "VOLUME":
			config.Volumes[rest] = struct{}{}
		case "EXPOSE":
			for _, port := range strings.Fields(rest) {
				config.ExposedPorts[port+"/tcp"] = struct{}{}
			}
		case "ENTRYPOINT":
			faults = append(faults, json.Unmarshal([]byte(rest), &config.Entrypoint))
		case "CMD":
			faults = append(faults, json.Unmarshal([]byte(rest), &config.Cmd))
		}
	}
	if config.User == "" || len(config.Entrypoint) == 0 {
		faults = append(faults, errors.New("Dockerfile: USER or ENTRYPOINT is missing in its last stage"))
	}
	return config, errors.Join(faults...)
}

// fileSystem is the only layer of an image.
func (r *release) fileSystem(image string, built programs, config v1.Config) (v1.Layer, error) {
	files := []file{}
	add := func(installed, from string, mode fs.FileMode) error {
		content, err := os.ReadFile(from) //nolint:gosec // ours
		files = append(files, file{installed: installed, content: content, mode: mode})
		return err
	}
	faults := []error{
		add("usr/bin/usagectl", built.files["usagectl"], 0o755),
		add("usr/share/doc/otelcol-usage/LICENSE", filepath.Join(r.root, "LICENSE"), 0o644),
		add("usr/share/doc/otelcol-usage/THIRD_PARTY_NOTICES", filepath.Join(r.root, "THIRD_PARTY_NOTICES"), 0o644),
	}
	if image == "otelcol-usage" {
		faults = append(faults,
			add("usr/bin/otelcol-usage", built.files["otelcol-usage"], 0o755),
			add("etc/otelcol-usage/config.yaml", filepath.Join(r.root, "examples", "container.yaml"), 0o644))
	}
	var uid, gid int
	if _, err := fmt.Sscanf(config.User, "%d:%d", &uid, &gid); err != nil {
		faults = append(faults, fmt.Errorf("Dockerfile: USER: found %q, must be numbers such as 65532:65532", config.User))
	}
	if err := errors.Join(faults...); err != nil {
		return nil, err
	}
	files = append(files,
		file{installed: "etc/passwd", mode: 0o644, content: fmt.Appendf(nil, "root:x:0:0:root:/root:/sbin/nologin\nnonroot:x:%d:%d:nonroot:/:/sbin/nologin\n", uid, gid)},
		file{installed: "etc/group", mode: 0o644, content: fmt.Appendf(nil, "root:x:0:\nnonroot:x:%d:\n", gid)},
		file{installed: "etc/ssl/certs/ca-certificates.crt", mode: 0o644, content: authorities()},
	)
	var b bytes.Buffer
	w := tar.NewWriter(&b)
	made := map[string]bool{}
	folder := func(name string, mode int64, uid, gid int) error {
		if made[name] {
			return nil
		}
		made[name] = true
		return w.WriteHeader(&tar.Header{Typeflag: tar.TypeDir, Name: name + "/", Mode: mode, Uid: uid, Gid: gid, ModTime: r.time})
	}
	for _, f := range files {
		for i := range f.installed {
			if f.installed[i] == '/' {
				if err := folder(f.installed[:i], 0o755, 0, 0); err != nil {
					return nil, err
				}
			}
		}
		if err := w.WriteHeader(&tar.Header{Typeflag: tar.TypeReg, Name: f.installed, Mode: int64(f.mode), Size: int64(len(f.content)), ModTime: r.time}); err != nil {
			return nil, err
		}
		if _, err := w.Write(f.content); err != nil {
			return nil, err
		}
	}
	faults = []error{folder("tmp", 0o1777, 0, 0)}
	for volume := range config.Volumes {
		faults = append(faults, folder("var", 0o755, 0, 0), folder("var/lib", 0o755, 0, 0), folder(strings.TrimPrefix(path.Clean(volume), "/"), 0o700, uid, gid))
	}
	if err := errors.Join(append(faults, w.Close())...); err != nil {
		return nil, err
	}
	content := b.Bytes()
	return tarball.LayerFromOpener(func() (io.ReadCloser, error) { return io.NopCloser(bytes.NewReader(content)), nil }, tarball.WithMediaType(types.OCILayer))
}

// authorities are Mozilla's, as Go publishes them, in PEM.
func authorities() []byte {
	var b bytes.Buffer
	for root := range bundle.Roots() {
		if root.Constraint != nil {
			continue // trusted for some certificates only, which a file cannot say
		}
		certificate, err := x509.ParseCertificate(root.Certificate)
		if err != nil {
			continue
		}
		fmt.Fprintf(&b, "# %s\n", certificate.Subject)
		_ = pem.Encode(&b, &pem.Block{Type: "CERTIFICATE", Bytes: root.Certificate}) // a buffer takes everything
	}
	return b.Bytes()
}

// writeImages writes the images of all kinds of machine as one OCI archive.
func (r *release) writeImages(name string, images []builtImage) error {
	if len(images) == 0 {
		return nil
	}
	index := mutate.IndexMediaType(empty.Index, types.OCIImageIndex)
	for _, i := range images {
		index = mutate.AppendManifests(index, mutate.IndexAddendum{Add: i.image, Descriptor: v1.Descriptor{Platform: &v1.Platform{OS: i.os, Architecture: i.arch}}})
	}
	folder := filepath.Join(r.work, "oci-"+name)
	l, err := layout.Write(folder, empty.Index)
	if err != nil {
		return err
	}
	if err := l.AppendIndex(index, layout.WithAnnotations(map[string]string{"org.opencontainers.image.ref.name": r.version})); err != nil {
		return err
	}
	var files []file
	err = filepath.WalkDir(folder, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() {
			return err
		}
		relative, err := filepath.Rel(folder, path)
		if err != nil {
			return err
		}
		content, err := os.ReadFile(path) //nolint:gosec // just written
		files = append(files, file{archived: filepath.ToSlash(relative), content: content, mode: 0o644})
		return err
	})
	if err != nil {
		return err
	}
	content, err := tarOf("", files, r.time)
	return errors.Join(err, r.write(r.imageFile(name), content))
}

func (r *release) imageFile(name string) string { return name + "_" + r.version + "_oci.tar" }

// push sends the images of the output directory to a registry, with the credentials that
// docker login left.
func (r *release) push(prefix string) error {
	for _, image := range imageNames {
		folder, err := os.MkdirTemp("", "release-push-")
		if err != nil {
			return err
		}
		defer os.RemoveAll(folder)
		if err := unpack(filepath.Join(r.out, r.imageFile(image)), folder); err != nil {
			return err
		}
		l, err := layout.ImageIndexFromPath(folder)
		if err != nil {
			return err
		}
		manifest, err := l.IndexManifest()
		if err != nil {
			return err
		}
		index, err := l.ImageIndex(manifest.Manifests[0].Digest)
		if err != nil {
			return err
		}
		to, err := name.NewTag(strings.TrimSuffix(prefix, "/") + "/" + image + ":" + r.version)
		if err != nil {
			return err
		}
		if err := remote.WriteIndex(to, index, remote.WithAuthFromKeychain(authn.DefaultKeychain), remote.WithContext(r.context)); err != nil {
			return err
		}
		step("pushed", to.String()+"@"+manifest.Manifests[0].Digest.String())
	}
	return nil
}

// plain are the names of files that an OCI archive has.
var plain = regexp.MustCompile(`^[a-z0-9]+([/.-][a-z0-9]+)*$`)

func unpack(archive, folder string) error {
	f, err := os.Open(archive) //nolint:gosec // named by whoever releases
	if err != nil {
		return err
	}
	defer f.Close()
	for r := tar.NewReader(f); ; {
		h, err := r.Next()
		if errors.Is(err, io.EOF) {
			return nil
		}
		if err != nil {
			return err
		}
		if !plain.MatchString(h.Name) {
			return fmt.Errorf("%s: %q is no name of a file in an OCI archive", archive, h.Name)
		}
		content, err := io.ReadAll(r)
		if err != nil {
			return err
		}
		to := filepath.Join(folder, h.Name)
		if err := os.MkdirAll(filepath.Dir(to), 0o750); err != nil {
			return err
		}
		if err := os.WriteFile(to, content, 0o600); err != nil {
			return err
		}
	}
}
