//go:build !unix

package cli

import "github.com/spf13/cobra"

// ofTheSystem has no demo, which runs PostgreSQL and Grafana in process groups and as another
// user.
func ofTheSystem() []*cobra.Command { return nil }
