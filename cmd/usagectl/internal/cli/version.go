package cli

import (
	"fmt"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"

	"github.com/otelcol-usage/otelcol-usage/internal/build"
	"github.com/otelcol-usage/otelcol-usage/internal/dbmigrate"
)

// newVersion returns the command that prints the version of this build.
func newVersion() *cobra.Command {
	return &cobra.Command{
		Use:   "version",
		Short: "Prints the version, the commit and the schema that this build needs",
		Args:  cobra.NoArgs,
		Run:   func(cmd *cobra.Command, _ []string) { cmd.Println("usagectl " + version()) },
	}
}

// version returns the version of the build and of its schema.
func version() string {
	return fmt.Sprintf("%s, schema %d", build.Current(), dbmigrate.Latest())
}

// point adds a reference to the help text to each usage error, and makes a group of
// commands reject an unknown subcommand.
func point(cmd *cobra.Command) {
	cmd.SuggestionsMinimumDistance = 2
	cmd.SetFlagErrorFunc(func(cmd *cobra.Command, err error) error {
		meant := ""
		if typed, unknown := strings.CutPrefix(err.Error(), "unknown flag: "); unknown {
			var names []string
			cmd.Flags().VisitAll(func(f *pflag.Flag) { names = append(names, "--"+f.Name) })
			meant = didYouMean(nearest(typed, names))
		}
		return fmt.Errorf("%w%s; see %s --help", err, meant, cmd.CommandPath())
	})
	args := cmd.Args
	if args == nil && cmd.HasSubCommands() && !cmd.Runnable() {
		cmd.RunE = func(cmd *cobra.Command, _ []string) error { return cmd.Help() }
		args = func(cmd *cobra.Command, args []string) error {
			if len(args) == 0 {
				return nil
			}
			return fmt.Errorf("unknown command %q for %q%s", args[0], cmd.CommandPath(), didYouMean(cmd.SuggestionsFor(args[0])))
		}
	}
	if args != nil {
		cmd.Args = func(cmd *cobra.Command, given []string) error {
			err := args(cmd, given)
			switch {
			case err == nil:
				return nil
			case strings.Contains(err.Error(), "arg(s)"): // cobra's error for a wrong number of arguments
				return fmt.Errorf("found %s, must be %s; see %s --help", plural(len(given), "argument"), cmd.UseLine(), cmd.CommandPath())
			}
			return fmt.Errorf("%w; see %s --help", err, cmd.CommandPath())
		}
	}
	for _, sub := range cmd.Commands() {
		point(sub)
	}
}
