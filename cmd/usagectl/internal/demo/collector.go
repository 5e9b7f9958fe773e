package demo

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"time"

	"github.com/otelcol-usage/otelcol-usage/examples"
	"github.com/otelcol-usage/otelcol-usage/internal/collectorproc"
	"github.com/otelcol-usage/otelcol-usage/internal/pgserver"
)

// collector is the running otelcol-usage process.
type collector struct {
	*collectorproc.Process
	grpc, http, api string
	logFile         string
}

func startCollector(ctx context.Context, binary, dir, dsn, priceFile string) (*collector, error) {
	config, err := examples.Files.ReadFile("demo.yaml")
	if err != nil {
		return nil, err
	}
	configFile := filepath.Join(dir, "demo.yaml")
	if err := os.WriteFile(configFile, config, 0o600); err != nil {
		return nil, err
	}
	c := &collector{logFile: filepath.Join(dir, "collector.log")}
	for _, port := range []struct {
		address   *string
		preferred string
	}{{&c.grpc, "127.0.0.1:4317"}, {&c.http, "127.0.0.1:4318"}, {&c.api, "127.0.0.1:8080"}} {
		if *port.address, err = pgserver.FreeAddress(port.preferred); err != nil {
			return nil, err
		}
	}
	log, err := os.Create(c.logFile)
	if err != nil {
		return nil, err
	}
	defer log.Close() //nolint:errcheck // the collector has its own file handle
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	c.Process, err = collectorproc.Start(collectorproc.Options{
		Binary: binary, Configs: []string{configFile}, Log: log,
		Env: []string{"DATABASE_URL=" + dsn, "DEMO_OTLP_GRPC=" + c.grpc, "DEMO_OTLP_HTTP=" + c.http, "DEMO_API=" + c.api, "DEMO_PRICE_FILES=[" + priceFile + "]"},
		// The terminal's Ctrl-C must not stop it before the sender has stopped.
		OwnGroup: true,
	})
	return c, err
}

// stop ends the collector after it has written what it holds.
func (c *collector) stop(out io.Writer) {
	fmt.Fprintln(out, "Stopping the collector.")
	if !c.Stop(30 * time.Second) {
		fmt.Fprintln(out, "The collector did not stop within 30s and was killed.")
	}
}

// died returns the reason why the process ended, with the end of its log.
func (c *collector) died() error {
	return fmt.Errorf("%w; its last lines:\n%s", c.Ended(), lastOf(c.logFile))
}

// lastOf returns the end of a log file.
func lastOf(file string) []byte {
	log, _ := os.ReadFile(file)
	return log[max(0, len(log)-4096):]
}

func errOr(err error, text string) error {
	if err == nil {
		return errors.New(text)
	}
	return err
}

// poll calls done every 100 ms until it returns true, the collector ends, or the time is
// up. The error includes the last one of done.
func (c *collector) poll(ctx context.Context, what string, done func(context.Context) (bool, error)) error {
	ctx, cancel := context.WithTimeout(ctx, deadline)
	defer cancel()
	tick := time.NewTicker(100 * time.Millisecond)
	defer tick.Stop()
	var last error
	for {
		ok, err := done(ctx)
		if ok {
			return nil
		}
		if err != nil && ctx.Err() == nil {
			last = err
		}
		select {
		case <-c.Exited():
			return c.died()
		case <-ctx.Done():
			if errors.Is(ctx.Err(), context.DeadlineExceeded) {
				return fmt.Errorf("%s: not within %s: %w", what, deadline, errOr(last, "no answer"))
			}
			return ctx.Err()
		case <-tick.C:
		}
	}
}

func (c *collector) waitUntilReady(ctx context.Context) error {
	return c.poll(ctx, "query API", func(ctx context.Context) (bool, error) {
		_, err := c.calls(ctx)
		return err == nil, err
	})
}

func (c *collector) waitForCalls(ctx context.Context, want int64) error {
	return c.poll(ctx, fmt.Sprintf("%d stored calls", want), func(ctx context.Context) (bool, error) {
		got, err := c.calls(ctx)
		if err == nil && got < want {
			err = fmt.Errorf("%d are stored", got)
		}
		return err == nil, err
	})
}

// calls returns the number of calls of the last year, from the API.
func (c *collector) calls(ctx context.Context) (int64, error) {
	now := time.Now().UTC()
	u, err := c.usage(ctx, now.AddDate(-1, 0, 0), now)
	if err != nil {
		return 0, err
	}
	return u.Current.Calls.Int64()
}

// usageAnswer is the part of GET /api/admin/usage that the demo shows. Numbers stay text
// because they are money.
type usageAnswer struct {
	Current, Previous struct {
		TotalCost   json.Number            `json:"totalCost"`
		Calls       json.Number            `json:"calls"`
		UsageByType map[string]json.Number `json:"usageByType"`
		UsageByUser map[string]json.Number `json:"usageByUser"`
		DailyUsage  []struct {
			Date string      `json:"date"`
			Cost json.Number `json:"cost"`
		} `json:"dailyUsage"`
		Unpriced struct {
			Calls json.Number            `json:"calls"`
			Types map[string]json.Number `json:"types"`
			Users map[string]json.Number `json:"users"`
			Days  map[string]json.Number `json:"days"`
		} `json:"unpriced"`
	}
	UserNames map[string]string `json:"userNames"`
}

func (c *collector) usage(ctx context.Context, from, to time.Time) (usageAnswer, error) {
	var answer usageAnswer
	err := c.get(ctx, usagePath(from, to), &answer)
	return answer, err
}

func usagePath(from, to time.Time) string {
	return "/api/admin/usage?" + url.Values{
		"startDate": {from.Format(time.DateOnly)},
		"endDate":   {to.Format(time.DateOnly)},
	}.Encode()
}

func (c *collector) get(ctx context.Context, path string, answer any) error {
	req, err := http.NewRequestWithContext(ctx, http.MethodGet, "http://"+c.api+path, http.NoBody)
	if err != nil {
		return err
	}
	res, err := http.DefaultClient.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close() //nolint:errcheck // only read
	body, err := io.ReadAll(io.LimitReader(res.Body, 16<<20))
	if err != nil {
		return err
	}
	if res.StatusCode != http.StatusOK {
		return fmt.Errorf("GET %s: %s: %.300s", path, res.Status, body)
	}
	return json.Unmarshal(body, answer)
}
