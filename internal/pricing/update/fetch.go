package update

import (
	"context"
	"crypto/sha256"
	"encoding/hex"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"time"

	"github.com/otelcol-usage/otelcol-usage/internal/pricing/book"
	"github.com/otelcol-usage/otelcol-usage/internal/pricing/foreign"
)

// The bounds of a download.
const (
	maxBytes     = book.MaxFileBytes
	fetchTimeout = time.Minute
	maxRedirects = 5
	maxFiles     = 500 // of a folder
)

// Source is the content of one path or URL.
type Source struct {
	// From is the path or URL, without user and password.
	From string `json:"from"`
	// Format is its format, Origin whose data it carries.
	Format foreign.Format `json:"format"`
	Origin string         `json:"origin"`
	Bytes  int64          `json:"bytes"`
	SHA256 string         `json:"sha256"`
	// Models is the number of models with a price.
	Models int `json:"models"`
	// ETag and Modified are the server's validators of the version.
	ETag     string    `json:"etag,omitempty"`
	Modified time.Time `json:"modified,omitzero"`

	files  []*book.File
	issues []*book.Fault
}

// Issues returns what could not be taken over from the source.
func (s *Source) Issues() []*book.Fault { return s.issues }

// errNotModified means that the server has no newer version than the known one.
var errNotModified = errors.New("not modified")

// Fetcher reads sources. The zero value is ready to use.
type Fetcher struct {
	// Client sends the requests; nil means a client that follows a few redirects to HTTPS.
	Client *http.Client
}

// Fetch reads all sources. When at least one is new, it reads the unmodified ones too,
// because sources are weighed against each other; when none is new it returns nil.
func (f *Fetcher) Fetch(ctx context.Context, from []string, known []Source) ([]Source, error) {
	if len(from) == 0 {
		return nil, errors.New("no source: give --from a path or an https URL, once for each")
	}
	sources, modified := make([]Source, len(from)), false
	for _, conditional := range []bool{true, false} {
		for i, name := range from {
			if sources[i].files != nil {
				continue
			}
			etag := ""
			if j := slices.IndexFunc(known, func(s Source) bool { return s.From == withoutUser(name) }); j >= 0 && conditional {
				etag = known[j].ETag
			}
			s, err := f.one(ctx, name, etag)
			if errors.Is(err, errNotModified) {
				continue
			}
			if err != nil {
				return nil, err
			}
			sources[i], modified = *s, true
		}
		if !modified {
			return nil, nil
		}
	}
	return sources, nil
}

func (f *Fetcher) one(ctx context.Context, from, etag string) (*Source, error) {
	s := &Source{From: withoutUser(from)}
	parts := map[string][]byte{}
	var err error
	if isURL(from) {
		err = f.download(ctx, from, etag, s, parts)
	} else {
		err = readFiles(from, parts)
	}
	if err != nil {
		return nil, err
	}
	return s, s.parse(parts)
}

func isURL(from string) bool { return strings.Contains(from, "://") }

func withoutUser(from string) string {
	u, err := url.Parse(from)
	if err != nil || !isURL(from) || u.User == nil && u.RawQuery == "" {
		return from
	}
	u.User, u.RawQuery = nil, "" // either may contain a secret
	return u.String()
}

// download reads a URL within the limits.
func (f *Fetcher) download(ctx context.Context, from, etag string, s *Source, parts map[string][]byte) error {
	u, err := url.Parse(from)
	if err != nil {
		return fmt.Errorf("%s is not a URL", s.From)
	}
	if err := allowed(u); err != nil {
		return err
	}
	ctx, stop := context.WithTimeout(ctx, fetchTimeout)
	defer stop()
	request, err := http.NewRequestWithContext(ctx, http.MethodGet, from, nil)
	if err != nil {
		return fmt.Errorf("%s is not a URL", s.From)
	}
	if etag != "" {
		request.Header.Set("If-None-Match", etag)
	}
	answer, err := f.client().Do(request)
	if err != nil {
		var wrapped *url.Error // its message would print the URL with its secrets
		if errors.As(err, &wrapped) {
			err = wrapped.Err
		}
		return fmt.Errorf("fetch %s: %w", s.From, err)
	}
	defer func() { _ = answer.Body.Close() }()
	switch {
	case answer.StatusCode == http.StatusNotModified && etag != "":
		return errNotModified
	case answer.StatusCode != http.StatusOK:
		return fmt.Errorf("fetch %s: found status %d, must be 200", s.From, answer.StatusCode)
	case answer.ContentLength > maxBytes:
		return fmt.Errorf("fetch %s: it has %d bytes, at most %d are read", s.From, answer.ContentLength, maxBytes)
	}
	content, err := io.ReadAll(io.LimitReader(answer.Body, maxBytes+1))
	if err != nil {
		return fmt.Errorf("fetch %s: %w", s.From, err)
	}
	if len(content) > maxBytes {
		return fmt.Errorf("fetch %s: it has more than %d bytes", s.From, maxBytes)
	}
	s.ETag = answer.Header.Get("ETag")
	s.Modified, _ = http.ParseTime(answer.Header.Get("Last-Modified"))
	parts[filepath.Base(u.Path)] = content
	return nil
}

// allowed accepts HTTPS, and HTTP on this machine.
func allowed(u *url.URL) error {
	host := u.Hostname()
	if u.Scheme == "https" && host != "" || u.Scheme == "http" && (host == "127.0.0.1" || host == "::1" || host == "localhost") {
		return nil
	}
	return fmt.Errorf("found %s://%s: price data is read over https, or http on this machine", u.Scheme, host)
}

func (f *Fetcher) client() *http.Client {
	if f.Client != nil {
		return f.Client
	}
	return &http.Client{CheckRedirect: func(request *http.Request, via []*http.Request) error {
		if len(via) > maxRedirects {
			return fmt.Errorf("more than %d redirects", maxRedirects)
		}
		return allowed(request.URL)
	}}
}

// readFiles reads a file, or the .json files of a folder, within the limits.
func readFiles(name string, parts map[string][]byte) error {
	info, err := os.Stat(name)
	if err != nil {
		return fmt.Errorf("read price data: %w", err)
	}
	names := []string{name}
	if info.IsDir() {
		if names, err = filepath.Glob(filepath.Join(name, "*.json")); err != nil || len(names) == 0 {
			return fmt.Errorf("read price data: the folder %s has no .json file", name)
		}
		names = slices.DeleteFunc(names, func(n string) bool { return strings.HasPrefix(filepath.Base(n), ".") })
	}
	if len(names) > maxFiles {
		return fmt.Errorf("read price data: the folder %s has %d files, at most %d are read", name, len(names), maxFiles)
	}
	total := int64(0)
	for _, n := range names {
		info, err := os.Stat(n)
		if err != nil {
			return fmt.Errorf("read price data: %w", err)
		}
		if total += info.Size(); !info.Mode().IsRegular() || total > maxBytes {
			return fmt.Errorf("read price data: %s must be a regular file, all together of at most %d bytes", n, maxBytes)
		}
		content, err := os.ReadFile(n)
		if err != nil {
			return fmt.Errorf("read price data: %w", err)
		}
		parts[filepath.Base(n)] = content
	}
	return nil
}

// parse reads the fetched data in its format.
func (s *Source) parse(parts map[string][]byte) error {
	sum := sha256.New()
	var faults []error
	for _, name := range sorted(parts) {
		content := parts[name]
		s.Bytes += int64(len(content))
		sum.Write(content)
		result, err := foreign.Read(name, content, "")
		if err != nil {
			faults = append(faults, err)
			continue
		}
		if s.Format != "" && s.Format != result.Format {
			return fmt.Errorf("%s mixes the forms of %s and %s", s.From, s.Format, result.Format)
		}
		s.Format, s.Origin = result.Format, result.Format.Origin()
		s.files, s.issues = append(s.files, result.Files...), append(s.issues, result.Issues...)
		for _, f := range result.Files {
			s.Models += len(f.Rows)
		}
	}
	s.SHA256 = hex.EncodeToString(sum.Sum(nil))
	if s.Models == 0 {
		return errors.Join(fmt.Errorf("%s has no price", s.From), errors.Join(faults...))
	}
	return nil
}
