package cli

import (
	"context"
	"fmt"
	"net/http"
	"time"

	"github.com/spf13/cobra"
)

// newHealth returns the command that asks the collector's extension health_check, for
// images that have neither a shell nor curl.
func newHealth() *cobra.Command {
	var url string
	var timeout time.Duration
	cmd := &cobra.Command{
		Use:   "health",
		Short: "Queries the collector's health_check; fails unless it is healthy",
		Long: `Queries the collector's extension health_check, and fails unless it answers 200 OK.
It is meant for health checks of containers whose image has neither a shell nor
curl. A database that is down does not make the collector unhealthy: it keeps the
calls.`,
		Args: cobra.NoArgs,
		RunE: func(cmd *cobra.Command, _ []string) error {
			ctx, cancel := context.WithTimeout(cmd.Context(), timeout)
			defer cancel()
			if err := askHealth(ctx, url); err != nil {
				return err
			}
			cmd.Println("the collector is healthy")
			return nil
		},
	}
	cmd.Flags().StringVar(&url, "url", "http://127.0.0.1:13133/", "address of the extension health_check")
	cmd.Flags().DurationVar(&timeout, "timeout", 2*time.Second, "time to wait for the answer")
	return cmd
}

func askHealth(ctx context.Context, url string) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, url, http.NoBody)
	if err != nil {
		return fmt.Errorf("--url: %w; it looks like http://127.0.0.1:13133/", err)
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return fmt.Errorf("the collector does not answer: %w; is the extension health_check in its configuration?", err)
	}
	defer res.Body.Close() //nolint:errcheck // nothing is read
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("the collector is not healthy: health_check answers %s", res.Status)
	}
	return nil
}
