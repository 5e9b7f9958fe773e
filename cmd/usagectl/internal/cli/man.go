package cli

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"

	"github.com/spf13/cobra"
	"github.com/spf13/pflag"
)

// newMan returns the command that writes the manual: one page per command, with the text of
// --help.
func newMan() *cobra.Command {
	return &cobra.Command{
		Use:     "man DIRECTORY",
		Short:   "Writes a manual page for each command",
		Example: "  usagectl man ~/.local/share/man/man1 && man usagectl-prices-list",
		Args:    cobra.ExactArgs(1),
		RunE: func(cmd *cobra.Command, args []string) error {
			if err := os.MkdirAll(args[0], 0o755); err != nil { //nolint:gosec // readable for everybody
				return err
			}
			pages := manPages(cmd.Root())
			for name, text := range pages {
				if err := os.WriteFile(filepath.Join(args[0], name), []byte(text), 0o644); err != nil { //nolint:gosec // readable for everybody
					return err
				}
			}
			cmd.Printf("%s in %s\n", plural(len(pages), "page"), args[0])
			return nil
		},
	}
}

// manPages returns the pages of a command and its subcommands by file name.
func manPages(root *cobra.Command) map[string]string {
	pages := map[string]string{}
	var add func(cmd *cobra.Command)
	add = func(cmd *cobra.Command) {
		pages[manName(cmd)+".1"] = manPage(cmd)
		for _, sub := range cmd.Commands() {
			if sub.IsAvailableCommand() {
				add(sub)
			}
		}
	}
	add(root)
	return pages
}

func manName(cmd *cobra.Command) string { return strings.ReplaceAll(cmd.CommandPath(), " ", "-") }

// manPage returns a page in the macros of man(7).
func manPage(cmd *cobra.Command) string {
	cmd.InitDefaultHelpFlag()
	var b strings.Builder
	line := func(format string, args ...any) { fmt.Fprintf(&b, format+"\n", args...) }
	line(`.TH %s 1 "" "usagectl %s" "otelcol-usage"`, roff(strings.ToUpper(manName(cmd))), roff(version()))
	line(".ad l") // long options cannot be justified
	line(".SH NAME\n%s \\- %s", roff(manName(cmd)), roff(cmd.Short))
	line(".SH SYNOPSIS\n.B %s", roff(cmd.UseLine()))
	if cmd.Long != "" {
		line(".SH DESCRIPTION\n%s", strings.ReplaceAll(roff(cmd.Long), "\n\n", "\n.PP\n"))
	}
	for _, set := range []struct {
		title string
		flags *pflag.FlagSet
	}{{"OPTIONS", cmd.NonInheritedFlags()}, {"OPTIONS OF THE COMMANDS ABOVE", cmd.InheritedFlags()}} {
		if !set.flags.HasAvailableFlags() {
			continue
		}
		line(".SH %s", set.title)
		set.flags.VisitAll(func(f *pflag.Flag) {
			kind, usage := pflag.UnquoteUsage(f)
			name := "--" + f.Name
			if f.Shorthand != "" {
				name = "-" + f.Shorthand + ", " + name
			}
			if f.DefValue != "" && f.DefValue != "false" && f.DefValue != "0" && f.DefValue != "[]" {
				usage += " (default: " + f.DefValue + ")"
			}
			line(".TP\n.B %s\n%s", roff(strings.TrimSpace(name+" "+kind)), roff(usage))
		})
	}
	if cmd.Example != "" {
		line(".SH EXAMPLES\n.nf\n%s\n.fi", roff(cmd.Example))
	}
	var related []string
	if cmd.HasParent() {
		related = append(related, manName(cmd.Parent()))
	}
	for _, sub := range cmd.Commands() {
		if sub.IsAvailableCommand() {
			related = append(related, manName(sub))
		}
	}
	line(".SH SEE ALSO\n.BR %s", roff(strings.Join(related, "(1), ")+"(1)"))
	return b.String()
}

// roff escapes a text so that it is not read as typesetting commands.
func roff(text string) string {
	text = strings.NewReplacer(`\`, `\e`, "-", `\-`).Replace(text)
	lines := strings.Split(text, "\n")
	for i, line := range lines {
		if strings.HasPrefix(line, ".") || strings.HasPrefix(line, "'") {
			lines[i] = `\&` + line
		}
	}
	return strings.Join(lines, "\n")
}
