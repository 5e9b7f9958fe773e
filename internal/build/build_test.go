package build

import (
	"runtime/debug"
	"testing"

	"github.com/stretchr/testify/assert"
)

func TestABuildIsNamedByWhoeverKnows(t *testing.T) {
	t.Parallel()
	revision := []debug.BuildSetting{{Key: "vcs.revision", Value: "52fdb33aaaabbbbccccddddeeeeffff000011112"}, {Key: "vcs.modified", Value: "true"}}
	for _, c := range []struct {
		name            string
		version, commit string
		info            *debug.BuildInfo
		want, orElse    string
	}{
		{"a release", "0.1.0", "52fdb33aaaab", &debug.BuildInfo{Main: debug.Module{Path: module, Version: "(devel)"}}, "0.1.0+52fdb33aaaab", "0.1.0+52fdb33aaaab"},
		{"make build", "", "52fdb33aaaab", &debug.BuildInfo{Main: debug.Module{Path: module + "/distribution", Version: "(devel)"}}, "dev+52fdb33aaaab", "0.2.0-dev+52fdb33aaaab"},
		{"go build of a changed work tree", "", "", &debug.BuildInfo{Main: debug.Module{Path: module + "/distribution", Version: "(devel)"}, Settings: revision}, "dev+52fdb33aaaab-dirty", "0.2.0-dev+52fdb33aaaab-dirty"},
		{"go install, with the go command's version", "", "", &debug.BuildInfo{Main: debug.Module{Path: module, Version: "v0.0.0-20261201000000-52fdb33aaaab+dirty"}, Settings: revision}, "0.0.0-20261201000000-52fdb33aaaab+dirty", "0.0.0-20261201000000-52fdb33aaaab+dirty"},
		{"a stranger's collector", "", "", &debug.BuildInfo{Main: debug.Module{Path: "example.com/theirs"}, Deps: []*debug.Module{{Path: module, Version: "v0.1.0"}}, Settings: revision}, "0.1.0", "0.1.0"},
		{"a stranger's collector with our directory", "", "", &debug.BuildInfo{Main: debug.Module{Path: "example.com/theirs"}, Deps: []*debug.Module{{Path: module, Version: "v0.0.0", Replace: &debug.Module{Path: "../ours"}}}, Settings: revision}, "dev", "0.2.0-dev"},
		{"nothing is known", "", "", nil, "dev", "0.2.0-dev"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			got := read(c.version, c.commit, c.info)
			assert.Equal(t, c.want, got.String())
			assert.Equal(t, c.orElse, got.Or("0.2.0-dev"))
		})
	}
}
