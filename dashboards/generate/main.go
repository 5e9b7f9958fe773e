// Command generate writes the dashboards and alert rules of package boards to the files
// that Grafana loads. It owns no content. `go generate ./dashboards` runs it in the folder
// dashboards.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/otelcol-usage/otelcol-usage/dashboards/internal/boards"
)

func main() {
	if err := write("."); err != nil {
		fmt.Fprintln(os.Stderr, "generate dashboards:", err)
		os.Exit(1)
	}
}

func write(folder string) error {
	files, err := boards.Files()
	if err != nil {
		return err
	}
	for path, text := range files {
		if err := os.WriteFile(filepath.Join(folder, filepath.FromSlash(path)), text, 0o644); err != nil { //nolint:gosec // readable for everybody, as files of a repository are
			return err
		}
	}
	return nil
}
