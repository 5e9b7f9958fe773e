package dbmigrate

import (
	"crypto/sha256"
	"encoding/hex"
	"fmt"
	"io/fs"
	"regexp"
	"sort"
	"strconv"
	"sync"

	"github.com/otelcol-usage/otelcol-usage/migrations"
)

// Migration is one step of the schema.
type Migration struct {
	Version  int
	Name     string // "0001_create_tables"
	Up, Down string // SQL
	Checksum string // SHA-256 of Up, in hexadecimal
}

var fileName = regexp.MustCompile(`^(([0-9]{4})_[a-z0-9]+(?:_[a-z0-9]+)*)\.(up|down)\.sql$`)

// Load reads all migrations of a directory in order. It returns an error unless versions
// start at 1 without gaps and every up file has a down file.
func Load(files fs.FS) ([]Migration, error) {
	entries, err := fs.ReadDir(files, ".")
	if err != nil {
		return nil, fmt.Errorf("read migrations: %w", err)
	}
	byName := map[string]*Migration{}
	for _, entry := range entries {
		if entry.IsDir() || entry.Name() == "migrations.go" {
			continue
		}
		part := fileName.FindStringSubmatch(entry.Name())
		if part == nil {
			return nil, fmt.Errorf("migration file %s: the name must be NNNN_verb_object.up.sql or .down.sql, in lower case", entry.Name())
		}
		text, err := fs.ReadFile(files, entry.Name())
		if err != nil {
			return nil, fmt.Errorf("read migration: %w", err)
		}
		m := byName[part[1]]
		if m == nil {
			version, _ := strconv.Atoi(part[2]) // four digits
			m = &Migration{Version: version, Name: part[1]}
			byName[part[1]] = m
		}
		if part[3] == "up" {
			sum := sha256.Sum256(text)
			m.Up, m.Checksum = string(text), hex.EncodeToString(sum[:])
		} else {
			m.Down = string(text)
		}
	}
	all := make([]Migration, 0, len(byName))
	for _, m := range byName {
		all = append(all, *m)
	}
	sort.Slice(all, func(i, j int) bool { return all[i].Name < all[j].Name })
	for i, m := range all {
		switch {
		case m.Version != i+1:
			return nil, fmt.Errorf("migration %s: expected version %04d here; versions are unique and have no gaps", m.Name, i+1)
		case m.Up == "" || m.Down == "":
			return nil, fmt.Errorf("migration %s: both an .up.sql and a .down.sql with content are needed", m.Name)
		}
	}
	if len(all) == 0 {
		return nil, fmt.Errorf("no migration files found")
	}
	return all, nil
}

// builtin are the embedded migrations. It panics on invalid files, which a test of this
// package rules out.
var builtin = sync.OnceValue(func() []Migration {
	all, err := Load(migrations.Files)
	if err != nil {
		panic(err)
	}
	return all
})

// Latest returns the schema version of this build.
func Latest() int { return len(builtin()) }
