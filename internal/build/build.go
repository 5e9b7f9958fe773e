// Package build says which build of our code is running, so that a program, a metric,
// an answer and a database name it in the same words.
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

// commitLength is what is shown of a commit.
const commitLength = 12

// Info names a build.
type Info struct {
	// Version is that of the release, such as 0.1.0, or of the module that somebody
	// built into a collector of their own; "dev" for neither.
	Version string
	// Commit has 12 digits, and "-dirty" behind them when files were changed; "" when
	// the build did not say.
	Commit string
}

// Current is the running build.
var Current = sync.OnceValue(func() Info {
	info, _ := debug.ReadBuildInfo()
	return read(version, commit, info)
})

// read prefers what the linker was given over what the go command wrote.
func read(version, commit string, info *debug.BuildInfo) Info {
	if info == nil {
		info = &debug.BuildInfo{}
	}
	if version == "" {
		for _, m := range append(info.Deps, &info.Main) {
			// A replacement and a work tree have no version of their own.
			if m.Path == module && m.Replace == nil && m.Version != "(devel)" && m.Version != "v0.0.0" {
				version = strings.TrimPrefix(m.Version, "v")
			}
		}
	}
	// The revision in a stranger's binary is that of their repository.
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

// String has the form of a semantic version, which says the commit after a plus.
func (i Info) String() string { return join(i.Version, i.Commit) }

// Or is String, with another version where the build has none.
func (i Info) Or(version string) string {
	if i.Version != "dev" {
		version = i.Version
	}
	return join(version, i.Commit)
}

func join(version, commit string) string {
	// The go command's own version of a work tree already has the commit in it.
	if hash := strings.TrimSuffix(commit, "-dirty"); hash == "" || strings.Contains(version, hash) {
		return version
	}
	return version + "+" + commit
}
