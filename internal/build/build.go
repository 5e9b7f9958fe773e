// Package build identifies the running build of our code, so that a program, a metric, an
// answer and a database name it in the same words.
//
// It owns where version and commit come from; it does not own where they are shown.
package build

import (
	"runtime/debug"
	"strings"
	"sync"
)

// Set by the linker: go build -ldflags '-X …/internal/build.version=0.1.0 -X …/internal/build.commit=52fdb33…'.
// A release sets both, `make build` the commit.
var version, commit string

// module is the path under which others require our code.
const module = "github.com/otelcol-usage/otelcol-usage"

// commitLength is the number of digits of a commit that are shown.
const commitLength = 12

// Info identifies a build.
type Info struct {
	// Version is that of the release, such as 0.1.0, or of our module in somebody else's
	// collector; "dev" for neither.
	Version string
	// Commit has 12 digits, followed by "-dirty" when files were changed; "" when the build
	// did not record it.
	Commit string
}

// Current returns the running build.
var Current = sync.OnceValue(func() Info {
	info, _ := debug.ReadBuildInfo()
	return read(version, commit, info)
})

// read prefers what the linker was given to what the go command recorded.
func read(version, commit string, info *debug.BuildInfo) Info {
	if info == nil {
		info = &debug.BuildInfo{}
	}
	if version == "" {
		for _, m := range append(info.Deps, &info.Main) {
			// A replaced module and a work tree have no version of their own.
			if m.Path == module && m.Replace == nil && m.Version != "(devel)" && m.Version != "v0.0.0" {
				version = strings.TrimPrefix(m.Version, "v")
			}
		}
	}
	// The revision in somebody else's binary is that of their repository.
	if commit == "" && (info.Main.Path == module || strings.HasPrefix(info.Main.Path, module+"/")) {
		dirty := ""
		for _, s := range info.Settings {
			switch {
			case s.Key == "vcs.revision":
				commit = s.Value
			case s.Key == "vcs.modified" && s.Value == "true":
				dirty = "-dirty"
			}
		}
		commit = commit[:min(commitLength, len(commit))]
		if commit != "" {
			commit += dirty
		}
	}
	if version == "" {
		version = "dev"
	}
	return Info{Version: version, Commit: commit}
}

// String returns a semantic version, with the commit after a plus sign.
func (i Info) String() string { return join(i.Version, i.Commit) }

// Or is String, with another version where the build has none.
func (i Info) Or(version string) string {
	if i.Version != "dev" {
		version = i.Version
	}
	return join(version, i.Commit)
}

func join(version, commit string) string {
	// The go command's own version of a work tree already contains the commit.
	if hash := strings.TrimSuffix(commit, "-dirty"); hash == "" || strings.Contains(version, hash) {
		return version
	}
	return version + "+" + commit
}
