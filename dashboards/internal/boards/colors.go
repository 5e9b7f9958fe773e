package boards

import "github.com/otelcol-usage/otelcol-usage/dashboards/internal/grafana"

// Colours are fixed by name and equal on every board. None is red or green, which mean bad
// and good; grey is the rest. They also differ in lightness, for people who cannot
// distinguish the hues.
const (
	blue   = "#3274D9"
	sky    = "#6CC5F0"
	navy   = "#1F4E9E"
	orange = "#FF9830"
	amber  = "#F2CC0C"
	brown  = "#96633C"
	purple = "#8F3BB8"
	lilac  = "#CA95E5"
	gray   = "#8E8E8E"
)

// palette lists the colours of ranks, the largest first.
var palette = []string{blue, orange, purple, sky, amber, brown, lilac, navy}

// apiTypes lists the colours of API types.
var apiTypes = []struct{ name, color string }{
	{"text", blue}, {"image", orange}, {"speech", purple}, {"embedding", sky},
	{"transcription", amber}, {"video", brown}, {"tts", lilac}, {"rerank", navy},
}

// tokenKinds lists the colours of kinds of tokens.
var tokenKinds = []struct{ name, color string }{
	{"input", blue}, {"cache read", sky}, {"cache write", amber}, {"output", orange}, {"reasoning", purple},
}

// statuses lists the colours of pricing statuses. Only these use the colours of good and
// bad.
var statuses = []struct{ name, color string }{
	{"priced", "green"}, {"reported", blue}, {"estimated", "orange"}, {"unpriced", "red"},
}

// byRank colours series by the rank in their names, and API types as on other boards.
func byRank(p grafana.Panel) grafana.Panel {
	for i, color := range palette {
		p.FieldConfig.Overrides = append(p.FieldConfig.Overrides, colored("/^"+string(rune('1'+i))+"\\. /", color))
	}
	for _, t := range apiTypes {
		p.FieldConfig.Overrides = append(p.FieldConfig.Overrides, colored("/^(\\d\\. )?"+t.name+"$/", t.color))
	}
	p.FieldConfig.Overrides = append(p.FieldConfig.Overrides, total)
	return p
}

func byName(p grafana.Panel, names []struct{ name, color string }) grafana.Panel {
	for _, n := range names {
		p.FieldConfig.Overrides = append(p.FieldConfig.Overrides, column(n.name, grafana.Property{ID: "color", Value: fixed(n.color)}))
	}
	return p
}
