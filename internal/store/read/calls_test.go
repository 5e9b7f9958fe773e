package read

import (
	"testing"
	"time"

	"github.com/stretchr/testify/assert"
)

// TestAPageIsSoughtFromNowOn: the end of today, the default end of a question, can be hours
// away. Steps that grow from there would read a day of calls for a page.
func TestAPageIsSoughtFromNowOn(t *testing.T) {
	t.Parallel()
	at := func(clock string) time.Time {
		when, err := time.Parse(time.DateTime, "2026-01-31 "+clock)
		assert.NoError(t, err)
		return when
	}
	windows := func(q CallsQuestion) (list []string) {
		for from, to := range q.windows() {
			list = append(list, from.Format(time.TimeOnly)+" to "+to.Format(time.TimeOnly))
		}
		return list
	}
	today := CallsQuestion{Viewer: Administrator(), From: at("11:00:00"), To: at("23:59:59"), Now: at("12:00:00")}
	fromNow := []string{"11:59:30 to 12:00:00", "11:57:30 to 11:59:30", "11:49:30 to 11:57:30", "11:17:30 to 11:49:30", "11:00:00 to 11:17:30"}
	assert.Equal(t, append([]string{"12:00:00 to 23:59:59"}, fromNow...), windows(today))
	past := today
	past.To = at("12:00:00")
	assert.Equal(t, fromNow, windows(past))
	past.Now = time.Time{}
	assert.Equal(t, fromNow, windows(past))
	next := today
	next.After = &CallPlace{Time: at("11:57:31")}
	assert.Equal(t, "11:57:01 to 11:57:31", windows(next)[0])
	ofOne := today
	ofOne.Filter = Filter{ByUser: true}
	assert.Equal(t, []string{"11:00:00 to 23:59:59"}, windows(ofOne)[:1])
	future := today
	future.From, future.To = at("13:00:00"), at("14:00:00")
	assert.Equal(t, []string{"13:00:00 to 14:00:00"}, windows(future))
}
