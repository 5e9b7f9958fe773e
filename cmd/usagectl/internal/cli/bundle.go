package cli

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"os"
	"runtime"
	"time"

	"github.com/jackc/pgx/v5/pgxpool"
	"github.com/spf13/cobra"

	"github.com/otelcol-usage/otelcol-usage/internal/dbmigrate"
	"github.com/otelcol-usage/otelcol-usage/internal/store/upkeep"
)

// bundled runs an examination and writes its output to a new file, together with other
// information for a bug report. None of it may be a credential, a user or content.
func bundled(cmd *cobra.Command, pool *pgxpool.Pool, name string, examine func() error) error {
	f, err := os.OpenFile(name, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o600) //nolint:gosec // the operator chose the name
	if err != nil {
		return fmt.Errorf("--bundle: %w; it must be a new file", err)
	}
	screen := cmd.OutOrStdout()
	var b bytes.Buffer
	cmd.SetOut(&b)
	cmd.Println("# Builds")
	cmd.Println("usagectl " + version())
	cmd.Printf("%s/%s, %s\n", runtime.GOOS, runtime.GOARCH, runtime.Version())
	cmd.Println("\n# What usagectl doctor says")
	cmd.SetOut(io.MultiWriter(screen, &b))
	found := examine()
	cmd.SetOut(&b)
	faults := []error{found}
	if found != nil {
		cmd.Println(advised(found))
	}
	cmd.Println("\n# Migrations")
	states, err := dbmigrate.New().Status(cmd.Context(), pool)
	faults = append(faults, err, printStates(cmd, states))
	cmd.Println("\n# Calls of 30 days by status and reason")
	outcomes, err := upkeep.Outcomes(cmd.Context(), pool, time.Now().AddDate(0, 0, -30))
	faults = append(faults, err)
	var t table
	for _, o := range outcomes {
		t.row(o.Status, o.Reason, fmt.Sprint(o.Calls))
	}
	faults = append(faults, t.print(&b))
	cmd.SetOut(screen)
	_, err = f.Write(b.Bytes())
	if faults = append(faults, err, f.Close()); errors.Join(faults[1:]...) == nil {
		cmd.Printf("\nwritten to %s; read it before you send it\n", name)
	}
	return errors.Join(faults...)
}
