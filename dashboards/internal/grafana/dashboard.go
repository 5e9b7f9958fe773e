package grafana

import (
	"bytes"
	"encoding/json"
	"fmt"
)

// SchemaVersion is that of Grafana 10.4, the oldest supported version.
const SchemaVersion = 39

// Dashboard is a board. Create one with [New].
type Dashboard struct {
	UID           string     `json:"uid"`
	Title         string     `json:"title"`
	Description   string     `json:"description"`
	Tags          []string   `json:"tags"`
	SchemaVersion int        `json:"schemaVersion"`
	Version       int        `json:"version"`
	Editable      bool       `json:"editable"` // false, because the files in git are authoritative
	GraphTooltip  int        `json:"graphTooltip"`
	Timezone      string     `json:"timezone"`
	WeekStart     string     `json:"weekStart"`
	Refresh       string     `json:"refresh"`
	Time          TimeRange  `json:"time"`
	Timepicker    Timepicker `json:"timepicker"`
	Templating    struct {
		List []Variable `json:"list"`
	} `json:"templating"`
	Annotations struct {
		List []Annotation `json:"list"`
	} `json:"annotations"`
	Links  []Link  `json:"links"`
	Panels []Panel `json:"panels"`
}

// New returns a board without panels.
func New(uid, title, description string) *Dashboard {
	return &Dashboard{
		UID: uid, Title: title, Description: description, SchemaVersion: SchemaVersion,
		Tags: []string{}, Version: 1, GraphTooltip: 1, Timezone: "browser", Refresh: "5m",
		Links: []Link{}, Panels: []Panel{},
	}
}

// TimeRange is a period in Grafana's notation: "now-30d/d" to "now".
type TimeRange struct {
	From    string `json:"from"`
	To      string `json:"to"`
	Display string `json:"display,omitempty"` // only for quick ranges
}

// Timepicker offers periods. Versions without quick ranges show their own list.
type Timepicker struct {
	RefreshIntervals []string    `json:"refresh_intervals"`
	QuickRanges      []TimeRange `json:"quick_ranges"`
}

// Link is an entry of the bar above the panels, or a link of a panel or field.
type Link struct {
	Title       string   `json:"title"`
	Type        string   `json:"type,omitempty"` // "dashboards" lists boards by tag
	URL         string   `json:"url,omitempty"`
	Tags        []string `json:"tags,omitempty"`
	AsDropdown  bool     `json:"asDropdown,omitempty"`
	KeepTime    bool     `json:"keepTime,omitempty"`
	IncludeVars bool     `json:"includeVars,omitempty"`
	TargetBlank bool     `json:"targetBlank,omitempty"`
}

// DataSource refers to a data source, always by a variable here.
type DataSource struct {
	Type string `json:"type"`
	UID  string `json:"uid"`
}

// Variable is a filter above the panels.
type Variable struct {
	Name        string      `json:"name"`
	Label       string      `json:"label"`
	Description string      `json:"description"`
	Type        string      `json:"type"` // datasource, query, custom
	DataSource  *DataSource `json:"datasource,omitempty"`
	Query       string      `json:"query"`
	Definition  string      `json:"definition,omitempty"`
	Refresh     int         `json:"refresh"` // 2: whenever the period changes
	Sort        int         `json:"sort"`
	Multi       bool        `json:"multi"`
	IncludeAll  bool        `json:"includeAll"`
	AllValue    string      `json:"allValue,omitempty"` // inserted unchanged, even by a formatted reference
	Current     any         `json:"current"`
	Options     []Option    `json:"options"`
	Hide        int         `json:"hide"`
	Regex       string      `json:"regex"`
}

// Option is a value of a custom variable.
type Option struct {
	Text     string `json:"text"`
	Value    string `json:"value"`
	Selected bool   `json:"selected"`
}

// Annotation marks times in every chart of a board.
type Annotation struct {
	Name       string     `json:"name"`
	DataSource DataSource `json:"datasource"`
	Enable     bool       `json:"enable"`
	Hide       bool       `json:"hide"`
	IconColor  string     `json:"iconColor"`
	Target     Target     `json:"target"`
}

// Grid is the position of a panel: 24 columns, and rows of about 30 pixels.
type Grid struct {
	H int `json:"h"`
	W int `json:"w"`
	X int `json:"x"`
	Y int `json:"y"`
}

// Panel is a panel, or a heading when Type is "row".
type Panel struct {
	ID              int              `json:"id"`
	Type            string           `json:"type"`
	Title           string           `json:"title"`
	Description     string           `json:"description,omitempty"`
	GridPos         Grid             `json:"gridPos"`
	DataSource      *DataSource      `json:"datasource,omitempty"`
	Targets         []Target         `json:"targets,omitempty"`
	FieldConfig     *FieldConfig     `json:"fieldConfig,omitempty"`
	Options         map[string]any   `json:"options,omitempty"`
	Links           []Link           `json:"links,omitempty"`
	TimeFrom        string           `json:"timeFrom,omitempty"` // replaces a relative period of the board
	Transformations []map[string]any `json:"transformations,omitempty"`
	Collapsed       *bool            `json:"collapsed,omitempty"` // of rows
	Panels          []Panel          `json:"panels,omitempty"`    // of collapsed rows
}

// Target is a query.
type Target struct {
	RefID        string     `json:"refId"`
	DataSource   DataSource `json:"datasource"`
	Format       string     `json:"format,omitempty"` // SQL: "time_series" or "table"
	RawQuery     bool       `json:"rawQuery,omitempty"`
	EditorMode   string     `json:"editorMode,omitempty"`
	RawSQL       string     `json:"rawSql,omitempty"`
	Expr         string     `json:"expr,omitempty"` // PromQL
	LegendFormat string     `json:"legendFormat,omitempty"`
	Instant      bool       `json:"instant,omitempty"`
}

// FieldConfig defines how values look.
type FieldConfig struct {
	Defaults  Field      `json:"defaults"`
	Overrides []Override `json:"overrides"`
}

// Field defines how a value looks.
type Field struct {
	Unit       string         `json:"unit,omitempty"`
	Decimals   *int           `json:"decimals,omitempty"`
	Min        *float64       `json:"min,omitempty"`
	Max        *float64       `json:"max,omitempty"`
	NoValue    string         `json:"noValue,omitempty"`
	Color      map[string]any `json:"color,omitempty"`
	Thresholds *Thresholds    `json:"thresholds,omitempty"`
	Custom     map[string]any `json:"custom,omitempty"`
	Links      []Link         `json:"links,omitempty"`
	Mappings   []Mapping      `json:"mappings,omitempty"`
}

// Mapping replaces the text or colour of some values. Type is "value", "range", "regex" or
// "special".
type Mapping struct {
	Type    string         `json:"type"`
	Options map[string]any `json:"options"`
}

// Thresholds colour a value; the first step has no Value.
type Thresholds struct {
	Mode  string `json:"mode"`
	Steps []Step `json:"steps"`
}

// Step is the start of a colour.
type Step struct {
	Color string   `json:"color"`
	Value *float64 `json:"value"`
}

// Override changes the fields that match.
type Override struct {
	Matcher    Matcher    `json:"matcher"`
	Properties []Property `json:"properties"`
}

// Matcher selects fields: ID is "byName" or "byRegexp".
type Matcher struct {
	ID      string `json:"id"`
	Options string `json:"options"`
}

// Property is a changed setting, such as "unit".
type Property struct {
	ID    string `json:"id"`
	Value any    `json:"value"`
}

// JSON returns the board as a file: indented, keys in a fixed order, and SQL readable (no
// \u003c for "<").
func (d *Dashboard) JSON() ([]byte, error) {
	var b bytes.Buffer
	enc := json.NewEncoder(&b)
	enc.SetEscapeHTML(false)
	enc.SetIndent("", "  ")
	if err := enc.Encode(d); err != nil {
		return nil, fmt.Errorf("encode board %s: %w", d.UID, err)
	}
	return b.Bytes(), nil
}

// AllPanels returns the panels, including those in collapsed rows, without the rows
// themselves.
func (d *Dashboard) AllPanels() []Panel {
	var all []Panel
	for _, p := range d.Panels {
		if p.Type == "row" {
			all = append(all, p.Panels...)
			continue
		}
		all = append(all, p)
	}
	return all
}
