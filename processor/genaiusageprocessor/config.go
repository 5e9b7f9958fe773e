package genaiusageprocessor

import (
	"errors"
	"fmt"
	"maps"
	"path/filepath"
	"regexp"
	"slices"
	"strings"

	"go.opentelemetry.io/collector/component"
	"go.opentelemetry.io/collector/confmap"

	"github.com/otelcol-usage/otelcol-usage/internal/genai"
	"github.com/otelcol-usage/otelcol-usage/internal/pricing"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
	"github.com/otelcol-usage/otelcol-usage/internal/usageattr"
)

// Config configures the genai_usage processor.
type Config struct {
	// TrackUsers says whether records carry the user. Default true. An empty text, which an
	// unset USER_AUTH leaves, means the default.
	TrackUsers bool `mapstructure:"track_users"`
	// Debug logs one line for each record, never with content. Default false.
	// An empty text means the default.
	Debug bool `mapstructure:"debug"`
	// ExtraUserAttributes are additional names, looked up before UserAttributes. Default
	// none.
	ExtraUserAttributes []string `mapstructure:"extra_user_attributes"`
	// UserAttributes are the span attributes that may name the user; the first one present
	// wins. They are looked up on the span, its ancestors in the payload, then the
	// resource. A list here replaces the default, which holds the names that known
	// libraries use; to add to it, use ExtraUserAttributes.
	UserAttributes []string `mapstructure:"user_attributes"`
	// Tags maps the name of a tag to the attributes that may carry it; the first one
	// present wins. They are looked up like the user. At most 8 tags with 8 attributes
	// each. Default none.
	Tags map[string][]string `mapstructure:"tags"`
	// AgentLogs says that coding agents report their calls as log events, so that their
	// spans are not counted. It needs this processor in a logs pipeline too. Default false.
	AgentLogs bool `mapstructure:"agent_logs"`
	// Prices chooses the price books.
	Prices PricesConfig `mapstructure:"prices"`
	// ReportedCost says how to use a cost that arrived on the span. Default
	// prefer_computed.
	ReportedCost pricing.ReportedCostPolicy `mapstructure:"reported_cost"`
	// MaxReportedDollars is the limit in whole dollars, 1 to 999999, above which a reported
	// cost is not believed. A call without another cost is then unpriced with reason
	// cost_out_of_range. Default 1000.
	MaxReportedDollars int64 `mapstructure:"max_reported_dollars"`
	// Attributes lists attributes to write in addition to those that are always written;
	// each costs an allocation per call. Default none.
	Attributes []string `mapstructure:"attributes"`
}

// PricesConfig chooses price books.
type PricesConfig struct {
	// Builtin is the base book: "current" (dated prices of all providers) or "openai-2024".
	// Default "current".
	Builtin string `mapstructure:"builtin"`
	// Update is the file of newer public prices that `usagectl prices update` writes: it is
	// searched before the built-in book and after Files. It is reread when it changes and
	// need not exist yet. Default none.
	Update string `mapstructure:"update"`
	// Files are price files on top of it; later ones win. They are reread when they change.
	// Default none.
	Files []string `mapstructure:"files"`
}

func createDefaultConfig() component.Config {
	return &Config{
		TrackUsers:     true,
		UserAttributes: genai.DefaultUserAttributes(),
		Prices:         PricesConfig{Builtin: "current"},
		ReportedCost:   pricing.PreferComputed,

		MaxReportedDollars: int64(pricing.DefaultMaxReported / usage.Dollar),
	}
}

// switches are the keys for which an empty text means the default, because they are meant
// to be set from environment variables that may be empty.
var switches = []string{"track_users", "debug"}

// Unmarshal reads the configuration.
func (c *Config) Unmarshal(conf *confmap.Conf) error {
	for _, key := range switches {
		switch value := conf.Get(key).(type) {
		case bool:
		case nil:
			_ = conf.Delete(key)
		case string:
			if value == "" {
				_ = conf.Delete(key)
			} else if value != "true" && value != "false" {
				return notASwitch(key, value)
			}
		default:
			return notASwitch(key, value)
		}
	}
	return conf.Unmarshal(c)
}

// userAttributes returns all names in order.
func userAttributes(c *Config) []string {
	return slices.Concat(c.ExtraUserAttributes, c.UserAttributes)
}

// Limits of tags. Names are simple enough to be used in filters, columns and headers.
const (
	maxTags          = 8
	maxTagAttributes = 8
)

var tagName = regexp.MustCompile(`^[a-z][a-z0-9_.-]{0,39}$`)

// tagList returns the tags sorted by name.
func tagList(c *Config) (list []genai.Tag) {
	for _, name := range slices.Sorted(maps.Keys(c.Tags)) {
		list = append(list, genai.Tag{Name: name, Attributes: c.Tags[name]})
	}
	return list
}

// attributeList is a configuration key that lists attributes.
type attributeList struct {
	key   string
	names []string
}

func notASwitch(key string, found any) error {
	return fmt.Errorf("`%s` must be true or false, found %v (USER_AUTH and DEBUG_USAGE, where it comes from them)", key, found)
}

// Validate reports every fault, including those of price files.
func (c *Config) Validate() error {
	var errs []error
	if c.TrackUsers && len(c.UserAttributes)+len(c.ExtraUserAttributes) == 0 {
		errs = append(errs, errors.New("`user_attributes` is empty: name at least one attribute, leave the key out for the defaults, or set `track_users: false`"))
	}
	lists := []attributeList{{"user_attributes", c.UserAttributes}, {"extra_user_attributes", c.ExtraUserAttributes}}
	if len(c.Tags) > maxTags {
		errs = append(errs, fmt.Errorf("`tags` must be at most %d, found %d", maxTags, len(c.Tags)))
	}
	for _, name := range slices.Sorted(maps.Keys(c.Tags)) {
		key := "tags::" + name
		if !tagName.MatchString(name) {
			errs = append(errs, fmt.Errorf("`%s`: the name must be at most 40 lower-case letters, digits, _, - and ., a letter first, found %q", key, name))
		}
		if n := len(c.Tags[name]); n < 1 || n > maxTagAttributes {
			errs = append(errs, fmt.Errorf("`%s` must name 1 to %d attributes, found %d", key, maxTagAttributes, n))
		}
		if slices.Contains(c.Tags[name], "") {
			errs = append(errs, fmt.Errorf("`%s`: the name of an attribute is empty: name one or remove the entry", key))
		}
		lists = append(lists, attributeList{key, c.Tags[name]})
	}
	for _, list := range lists {
		for i, name := range list.names {
			if strings.HasPrefix(name, usageattr.Prefix) {
				errs = append(errs, fmt.Errorf("`%s[%d]`: %q is in the name space %q, which belongs to this processor: use another attribute", list.key, i, name, usageattr.Prefix))
			}
		}
	}
	if !slices.Contains(pricing.ReportedCostPolicies, c.ReportedCost) {
		errs = append(errs, fmt.Errorf("`reported_cost` must be one of %s, found %q", join(pricing.ReportedCostPolicies), c.ReportedCost))
	}
	if highest := int64(usage.MaxCallCost / usage.Dollar); c.MaxReportedDollars < 1 || c.MaxReportedDollars > highest {
		errs = append(errs, fmt.Errorf("`max_reported_dollars` must be 1 to %d whole dollars, found %d", highest, c.MaxReportedDollars))
	}
	if _, err := usageattr.NewWriter(c.Attributes); err != nil {
		errs = append(errs, fmt.Errorf("`attributes`: %w", err))
	}
	for i, file := range c.Prices.Files {
		if file == "" {
			errs = append(errs, fmt.Errorf("`prices::files[%d]` is empty: name a price file or remove the entry", i))
		} else if !filepath.IsLocal(file) && !filepath.IsAbs(file) {
			errs = append(errs, fmt.Errorf("`prices::files[%d]`: %q leaves the working directory: use an absolute path", i, file))
		}
	}
	if file := c.Prices.Update; file != "" && !filepath.IsLocal(file) && !filepath.IsAbs(file) {
		errs = append(errs, fmt.Errorf("`prices::update`: %q leaves the working directory: use an absolute path", file))
	}
	if len(errs) == 0 {
		if _, err := pricing.Load(c.Prices.book()); err != nil {
			errs = append(errs, fmt.Errorf("`prices`: %w", err))
		}
	}
	return errors.Join(errs...)
}

func (c PricesConfig) book() pricing.Config {
	return pricing.Config{Builtin: c.Builtin, Update: c.Update, Files: c.Files}
}

func join(policies []pricing.ReportedCostPolicy) string {
	names := make([]string, len(policies))
	for i, p := range policies {
		names[i] = string(p)
	}
	return strings.Join(names, ", ")
}
