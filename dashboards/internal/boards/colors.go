package boards

import "github.com/otelcol-usage/otelcol-usage/dashboards/internal/grafana"

// Colours are fixed by name and the same on every board. None of them is red or
// green, which only say bad and good, and grey is the rest. They differ in
// lightness too, for people who cannot distinguish the hues.
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

// palette are the colours of ranks, the largest first.
var palette = []string{blue, orange, purple, sky, amber, brown, lilac, navy}

// apiTypes are the colours of the kinds of API.
var apiTypes = []struct{ name, color string }{
	{"text", blue}, {"image", orange}, {"speech", purple}, {"embedding", sky},
	{"transcription", amber}, {"video", brown}, {"tts", lilac}, {"rerank", navy},
}

// tokenKinds are the colours of the kinds of tokens.
var tokenKinds = []struct{ name, color string }{
	{"input", blue}, {"cache read", sky}, {"cache write", amber}, {"output", orange}, {"reasoning", purple},
}

// statuses say how far a cost is known; the only ones with the colours of good and
// bad.
var statuses = []struct{ name, color string }{
	{"priced", "green"}, {"reported", blue}, {"estimated", "orange"}, {"unpriced", "red"},
}

// byRank colours series by the rank before their names, and kinds of API as
// everywhere.
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
