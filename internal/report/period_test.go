package report_test

import (
	"math/rand/v2"
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/report"
)

var now = time.Date(2026, 3, 15, 22, 30, 0, 0, time.UTC)

func TestSpans(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		start, end, zone       string
		previousFrom, from, to string
		days                   int
		firstDate, lastDate    string
		previousDays           int
		hoursOfDay             map[string]float64
	}{
		"nothing asked is 30 days with today": {
			previousFrom: "2026-01-15T00:00:00Z", from: "2026-02-14T00:00:00Z", to: "2026-03-16T00:00:00Z",
			days: 30, previousDays: 30, firstDate: "2026-02-14", lastDate: "2026-03-15",
		},
		"today is the zone's": {
			zone:         "Asia/Kolkata",
			previousFrom: "2026-01-15T18:30:00Z", from: "2026-02-14T18:30:00Z", to: "2026-03-16T18:30:00Z",
			days: 30, previousDays: 30, firstDate: "2026-02-15", lastDate: "2026-03-16",
		},
		"a date as end includes the day": {
			start: "2026-01-01", end: "2026-01-31",
			previousFrom: "2025-12-01T00:00:00Z", from: "2026-01-01T00:00:00Z", to: "2026-02-01T00:00:00Z",
			days: 31, previousDays: 31, firstDate: "2026-01-01", lastDate: "2026-01-31",
		},
		"one day": {
			start: "2026-01-31", end: "2026-01-31",
			previousFrom: "2026-01-30T00:00:00Z", from: "2026-01-31T00:00:00Z", to: "2026-02-01T00:00:00Z",
			days: 1, previousDays: 1, firstDate: "2026-01-31", lastDate: "2026-01-31",
		},
		"an instant as end is excluded": {
			start: "2026-01-01T00:00:00Z", end: "2026-01-31T00:00:00Z",
			previousFrom: "2025-12-02T00:00:00Z", from: "2026-01-01T00:00:00Z", to: "2026-01-31T00:00:00Z",
			days: 30, previousDays: 30, firstDate: "2026-01-01", lastDate: "2026-01-30",
		},
		"instants in the middle of days": {
			start: "2026-01-01T12:00:00+01:00", end: "2026-01-02T06:00:00.5Z",
			previousFrom: "2025-12-31T15:59:59.5Z", from: "2026-01-01T11:00:00Z", to: "2026-01-02T06:00:00.5Z",
			days: 2, previousDays: 2, firstDate: "2026-01-01", lastDate: "2026-01-02",
		},
		"only a start": {
			start:        "2026-03-10",
			previousFrom: "2026-03-04T00:00:00Z", from: "2026-03-10T00:00:00Z", to: "2026-03-16T00:00:00Z",
			days: 6, previousDays: 6, firstDate: "2026-03-10", lastDate: "2026-03-15",
		},
		"only an end": {
			end:          "2026-01-31",
			previousFrom: "2025-12-03T00:00:00Z", from: "2026-01-02T00:00:00Z", to: "2026-02-01T00:00:00Z",
			days: 30, previousDays: 30, firstDate: "2026-01-02", lastDate: "2026-01-31",
		},
		"the clock put forward": {
			start: "2026-03-08", end: "2026-03-08", zone: "America/New_York",
			previousFrom: "2026-03-07T05:00:00Z", from: "2026-03-08T05:00:00Z", to: "2026-03-09T04:00:00Z",
			days: 1, previousDays: 1, firstDate: "2026-03-08", lastDate: "2026-03-08",
			hoursOfDay: map[string]float64{"2026-03-08": 23},
		},
		"the clock put back": {
			start: "2025-10-25", end: "2025-10-27", zone: "Europe/Berlin",
			previousFrom: "2025-10-21T22:00:00Z", from: "2025-10-24T22:00:00Z", to: "2025-10-27T23:00:00Z",
			days: 3, previousDays: 3, firstDate: "2025-10-25", lastDate: "2025-10-27",
			hoursOfDay: map[string]float64{"2025-10-25": 24, "2025-10-26": 25, "2025-10-27": 24},
		},
		"a day that begins at one o'clock": {
			start: "2025-04-25", end: "2025-04-25", zone: "Africa/Cairo",
			previousFrom: "2025-04-23T22:00:00Z", from: "2025-04-24T22:00:00Z", to: "2025-04-25T21:00:00Z",
			days: 1, previousDays: 1, firstDate: "2025-04-25", lastDate: "2025-04-25",
			hoursOfDay: map[string]float64{"2025-04-25": 23},
		},
		"a leap day": {
			start: "2024-02-28", end: "2024-03-01",
			previousFrom: "2024-02-25T00:00:00Z", from: "2024-02-28T00:00:00Z", to: "2024-03-02T00:00:00Z",
			days: 3, previousDays: 3, firstDate: "2024-02-28", lastDate: "2024-03-01",
		},
		"a date that a zone skipped has no length": {
			start: "2011-12-29", end: "2011-12-31", zone: "Pacific/Apia",
			previousFrom: "2011-12-26T10:00:00Z", from: "2011-12-29T10:00:00Z", to: "2011-12-31T10:00:00Z",
			days: 3, previousDays: 3, firstDate: "2011-12-29", lastDate: "2011-12-31",
			hoursOfDay: map[string]float64{"2011-12-29": 24, "2011-12-30": 0, "2011-12-31": 24},
		},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := report.ParseSpan(c.start, c.end, c.zone, now)
			require.NoError(t, err)
			format := func(at time.Time) string { return at.Format(time.RFC3339Nano) }
			assert.Equal(t, c.previousFrom, format(got.Previous.From), "start of the previous period")
			assert.Equal(t, c.from, format(got.Current.From), "start")
			assert.Equal(t, c.to, format(got.Current.To), "end")
			require.Len(t, got.Current.Days, c.days)
			assert.Len(t, got.Previous.Days, c.previousDays)
			assert.Equal(t, c.firstDate, got.Current.Days[0].Date)
			assert.Equal(t, c.lastDate, got.Current.Days[c.days-1].Date)
			for _, d := range got.Current.Days {
				if want, ok := c.hoursOfDay[d.Date]; ok {
					assert.InDelta(t, want, d.To.Sub(d.From).Hours(), 0, d.Date)
				}
			}
			requireContiguous(t, got)
		})
	}
}

func requireContiguous(t *testing.T, s report.Span) {
	t.Helper()
	require.Equal(t, s.Previous.To, s.Current.From)
	for _, p := range []report.Period{s.Previous, s.Current} {
		at := p.From
		for _, d := range p.Days {
			require.Equal(t, at, d.From, d.Date)
			require.False(t, d.To.Before(d.From), d.Date)
			at = d.To
		}
		require.Equal(t, p.To, at, "the days fill the period")
	}
}

func TestDaysFillEveryPeriodInEveryZone(t *testing.T) {
	t.Parallel()
	zones := []string{"UTC", "Asia/Kolkata", "Asia/Kathmandu", "Australia/Lord_Howe", "America/St_Johns", "America/Sao_Paulo",
		"Africa/Cairo", "Asia/Beirut", "Pacific/Apia", "Pacific/Chatham", "America/Santiago", "Africa/Monrovia", "Antarctica/Troll"}
	r := rand.New(rand.NewPCG(7, 11))
	for range 2000 {
		from := time.Unix(time.Date(2000, 1, 2, 0, 0, 0, 0, time.UTC).Unix()+r.Int64N(90*365*86400), 0).UTC()
		to := from.Add(time.Duration(1+r.Int64N(40*86400)) * time.Second)
		zone := zones[r.IntN(len(zones))]
		s, err := report.ParseSpan(from.Format(time.RFC3339), to.Format(time.RFC3339), zone, now)
		require.NoError(t, err)
		requireContiguous(t, s)
	}
}

func TestSpansThatAreRefused(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		start, end, zone string
		param            string
	}{
		"not a date":                 {start: "yesterday", param: "startDate"},
		"no such date":               {end: "2026-02-30", param: "endDate"},
		"an instant without offset":  {start: "2026-01-01T00:00:00", param: "startDate"},
		"a plus that became a space": {start: "2026-01-01T00:00:00 02:00", param: "startDate"},
		"year one":                   {start: "0001-01-01", param: "startDate"},
		"too late":                   {end: "9999-12-31", param: "endDate"},
		"end before start":           {start: "2026-02-01", end: "2026-01-01", param: "startDate"},
		"nothing between":            {start: "2026-02-01T00:00:00Z", end: "2026-02-01T00:00:00Z", param: "startDate"},
		"start in the future":        {start: "2027-01-01", param: "startDate"},
		"eleven years":               {start: "2015-01-01", end: "2026-01-01", param: "startDate"},
		"no such zone":               {zone: "Europe/Atlantis", param: "timezone"},
		"the machine's zone":         {zone: "Local", param: "timezone"},
		"a file as zone":             {zone: "../../etc/passwd", param: "timezone"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			_, err := report.ParseSpan(c.start, c.end, c.zone, now)
			var param *report.ParamError
			require.ErrorAs(t, err, &param)
			assert.Equal(t, c.param, param.Param)
			assert.NotEmpty(t, param.Allowed)
		})
	}
}

func FuzzParseSpan(f *testing.F) {
	f.Add("2026-01-01", "2026-01-31", "Pacific/Apia")
	f.Add("2026-01-01T00:00:00Z", "", "")
	f.Fuzz(func(t *testing.T, start, end, zone string) {
		s, err := report.ParseSpan(start, end, zone, now)
		if err == nil {
			requireContiguous(t, s)
		}
	})
}
