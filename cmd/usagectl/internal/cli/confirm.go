package cli

import (
	"bufio"
	"errors"
	"os"
	"strings"

	"github.com/spf13/cobra"
)

// addYes declares --yes on a command that deletes something.
func addYes(cmd *cobra.Command) *bool {
	return cmd.Flags().Bool("yes", false, "do not ask, as for scripts")
}

// confirm asks before a command does something irreversible. Without a terminal, as in
// cron, it returns an error instead.
func confirm(cmd *cobra.Command, yes bool, what string) error {
	if yes {
		return nil
	}
	in := cmd.InOrStdin()
	if file, isFile := in.(*os.File); isFile {
		if info, err := file.Stat(); err != nil || info.Mode()&os.ModeCharDevice == 0 {
			return errors.New(what + "; nothing was changed: add --yes to do it")
		}
	}
	cmd.PrintErrf("%s. Go on? [y/N] ", what)
	answer, err := bufio.NewReader(in).ReadString('\n')
	if err != nil && answer == "" {
		cmd.PrintErrln()
		return errors.New("no answer, nothing was changed: add --yes to do it")
	}
	if answer = strings.ToLower(strings.TrimSpace(answer)); answer != "y" && answer != "yes" {
		return errors.New("nothing was changed")
	}
	return nil
}
