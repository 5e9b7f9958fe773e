package cli

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"strings"
	"time"

	"github.com/spf13/pflag"

	"github.com/otelcol-usage/otelcol-usage/internal/report"
)

// credentialsVariable is the environment variable that holds the credentials for the API.
const credentialsVariable = "USAGE_API_CREDENTIALS"

// apiClient asks the extension usage_api what a command otherwise asks the database.
type apiClient struct {
	address     string // such as http://127.0.0.1:8080
	credentials string // a file; credentials as an argument would be visible in the process list
	own         bool   // ask for the caller's own usage
}

// addFlags declares --api and related flags.
func (c *apiClient) addFlags(f *pflag.FlagSet) {
	f.StringVar(&c.address, "api", "", "ask the extension usage_api at this address instead of the database, such as http://127.0.0.1:8080")
	f.StringVar(&c.credentials, "api-credentials", "", "file with user:password or a bearer token for --api (default: the environment variable "+credentialsVariable+")")
	f.BoolVar(&c.own, "own", false, "with --api: your own usage, which needs no administrator")
}

// maxAnswer is how much of an answer is read, in bytes.
const maxAnswer = 64 << 20

// ask requests usage with the given parameters.
func (c *apiClient) ask(ctx context.Context, timeout time.Duration, parameters url.Values) (answer report.Answer, err error) {
	if err := c.get(ctx, timeout, "/api/admin/usage", "/api/usage", parameters, &answer); err != nil {
		return answer, err
	}
	if answer.Current.UsageDetail == nil || answer.Current.Unpriced == nil || answer.AnswerDetail == nil {
		return answer, c.notOurs()
	}
	return answer, nil
}

// forecast requests forecasts with the given parameters.
func (c *apiClient) forecast(ctx context.Context, timeout time.Duration, parameters url.Values) (answer report.ForecastAnswer, err error) {
	if err := c.get(ctx, timeout, "/api/admin/forecast", "/api/usage/forecast", parameters, &answer); err != nil {
		return answer, err
	}
	if answer.Currency == "" {
		return answer, c.notOurs()
	}
	return answer, nil
}

func (c *apiClient) notOurs() error {
	return fmt.Errorf("--api: %s answers, but not as usage_api does; is this its address?", c.address)
}

// get reads the document at one of the paths. If the API refuses, the error contains its
// message and what to do about it.
func (c *apiClient) get(ctx context.Context, timeout time.Duration, path, ownPath string, parameters url.Values, into any) error {
	at, err := url.Parse(c.address)
	if err != nil || (at.Scheme != "http" && at.Scheme != "https") || at.Host == "" || at.User != nil {
		return errors.New("--api: must be a URL without credentials, such as http://127.0.0.1:8080; they go into a file, see --api-credentials")
	}
	if c.own {
		path = ownPath
	}
	at = at.JoinPath(path)
	at.RawQuery = parameters.Encode()
	ctx, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, at.String(), http.NoBody)
	if err != nil {
		return fmt.Errorf("--api: %w", err)
	}
	if err := c.authorise(request); err != nil {
		return err
	}
	response, err := http.DefaultClient.Do(request)
	if err != nil {
		return fmt.Errorf("--api: no answer: %w; is usage_api in service::extensions, and is this its http::endpoint?", err)
	}
	defer response.Body.Close() //nolint:errcheck // only read
	body, err := io.ReadAll(io.LimitReader(response.Body, maxAnswer))
	if err != nil {
		return fmt.Errorf("--api: the answer broke off: %w", err)
	}
	if response.StatusCode != http.StatusOK {
		return c.refusal(response.StatusCode, body)
	}
	if err := json.Unmarshal(body, into); err != nil {
		return c.notOurs()
	}
	return nil
}

// authorise adds the credentials, if there are any.
func (c *apiClient) authorise(request *http.Request) error {
	secret := os.Getenv(credentialsVariable)
	if c.credentials != "" {
		content, err := os.ReadFile(c.credentials)
		if err != nil {
			return fmt.Errorf("--api-credentials: %w", err)
		}
		secret = string(content)
	}
	secret = strings.TrimSpace(secret)
	if strings.ContainsAny(secret, "\r\n") {
		return errors.New("the credentials for the API must be one line: user:password, or a bearer token")
	}
	if user, password, basic := strings.Cut(secret, ":"); basic {
		request.SetBasicAuth(user, password)
	} else if secret != "" {
		request.Header.Set("Authorization", "Bearer "+secret)
	}
	return nil
}

// refusal converts the API's error into one that names the flags of this command.
func (c *apiClient) refusal(status int, body []byte) error {
	err := fmt.Errorf("the API answers %d %s%s", status, http.StatusText(status), problemDetail(body))
	switch {
	case status == http.StatusUnauthorized:
		return fmt.Errorf("%w; write user:password or a token into a file and name it with --api-credentials, or set %s", err, credentialsVariable)
	case status == http.StatusForbidden && !c.own:
		return fmt.Errorf("%w; for your own usage add --own", err)
	case status == http.StatusNotFound:
		return fmt.Errorf("%w; is this the address of usage_api?", err)
	}
	return err
}
