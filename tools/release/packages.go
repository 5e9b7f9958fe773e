package main

import (
	"bytes"
	"fmt"
	"os"
	"path/filepath"

	"github.com/goreleaser/nfpm/v2"
	_ "github.com/goreleaser/nfpm/v2/deb" // registers itself
	"github.com/goreleaser/nfpm/v2/files"
	_ "github.com/goreleaser/nfpm/v2/rpm" // registers itself
)

// serviceUser runs the collector; packaging/preinstall.sh makes it.
const serviceUser = "otelcol-usage"

// writePackages writes the deb and the rpm of a target.
func (r *release) writePackages(t target, content []file) error {
	info := &nfpm.Info{
		Name: "otelcol-usage", Arch: t.arch, Platform: "linux", Version: r.version, VersionSchema: "semver",
		Section: "net", Priority: "optional", MTime: r.time,
		Maintainer: "The otelcol-usage authors <maintainers@otelcol-usage.invalid>", Vendor: "otelcol-usage",
		Homepage: "https://github.com/otelcol-usage/otelcol-usage", License: "Apache-2.0",
		Description: "OpenTelemetry Collector that prices every AI API call and stores it exactly once\n" +
			"With it comes usagectl, which migrates the database, explains prices and looks\nafter an installation.",
		Overridables: nfpm.Overridables{
			Recommends: []string{"systemd"},
			Scripts: nfpm.Scripts{
				PreInstall: r.script("preinstall"), PostInstall: r.script("postinstall"), PreRemove: r.script("preremove"), PostRemove: r.script("postremove"),
			},
			RPM: nfpm.RPM{BuildHost: "release", Group: "System/Daemons", Compression: "gzip"},
			Deb: nfpm.Deb{Compression: "gzip"},
		},
	}
	work := filepath.Join(r.work, "package-"+t.arch)
	for i, f := range content {
		if f.installed == "" {
			continue
		}
		source := filepath.Join(work, fmt.Sprintf("%04d", i))
		if err := os.MkdirAll(work, 0o750); err != nil {
			return err
		}
		if err := os.WriteFile(source, f.content, 0o600); err != nil {
			return err
		}
		kind := files.TypeFile
		if f.config {
			kind = files.TypeConfigNoReplace
		}
		info.Contents = append(info.Contents, entry(kind, source, f.installed, &files.ContentFileInfo{Owner: "root", Group: "root", Mode: f.mode, MTime: r.time}))
	}
	info.Contents = append(info.Contents, entry(files.TypeDir, "", "/var/lib/otelcol-usage", &files.ContentFileInfo{Owner: serviceUser, Group: serviceUser, Mode: 0o700, MTime: r.time}))
	for format, needs := range map[string][]string{"deb": {"passwd"}, "rpm": {"shadow-utils"}} {
		of := *info
		of.Depends = needs
		packager, err := nfpm.Get(format)
		if err != nil {
			return err
		}
		var b bytes.Buffer
		if err := packager.Package(nfpm.WithDefaults(&of), &b); err != nil {
			return fmt.Errorf("%s for %s: %w", format, t, err)
		}
		if err := r.write(packager.ConventionalFileName(&of), b.Bytes()); err != nil {
			return err
		}
	}
	return nil
}

func entry(kind, source, destination string, info *files.ContentFileInfo) *files.Content {
	return &files.Content{Source: source, Destination: destination, Type: kind, FileInfo: info}
}

func (r *release) script(name string) string {
	return filepath.Join(r.root, "packaging", name+".sh")
}
