package usageapiextension

import (
	"strconv"
	"time"

	"github.com/shopspring/decimal"

	"github.com/otelcol-usage/otelcol-usage/internal/store/read"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// Page sizes.
const (
	defaultLimit = 100
	maxLimit     = 1000
)

// usersDocument is a page of GET /api/admin/users.
type usersDocument struct {
	Users []userDocument `json:"users"`
	// Next is the cursor of the next page, null on the last page.
	Next *string `json:"next"`
}

type userDocument struct {
	ID            string     `json:"id"`
	ExternalID    *string    `json:"externalId"`
	Email         *string    `json:"email"`
	FirstSeen     *time.Time `json:"firstSeen"`
	LastSeen      *time.Time `json:"lastSeen"`
	Calls         int64      `json:"calls"`
	UnpricedCalls int64      `json:"unpricedCalls"`
	Tokens        int64      `json:"tokens"`
	TotalCost     usage.Sum  `json:"totalCost"`
	// The parts of TotalCost that may differ from the bill, and that were priced with
	// defaults; null where they are unknown.
	EstimatedCost *usage.Sum `json:"estimatedCost"`
	AssumedCost   *usage.Sum `json:"assumedCost"`
}

// userCursor is the position at which a page of users ended.
type userCursor struct {
	Sort string `json:"s"`
	Key  string `json:"k"`
	ID   string `json:"i"`
}

// users answers /api/admin/users.
func (a *api) users(q *question) (*answer, error) {
	sort, err := q.params.choice("sort", string(read.UsersByCost), string(read.UsersByCalls), string(read.UsersByLastSeen))
	if err != nil {
		return nil, err
	}
	limit, err := q.params.number("limit", defaultLimit, 1, maxLimit)
	if err != nil {
		return nil, err
	}
	ask := read.UsersQuestion{Search: q.params["search"], Order: read.UserOrder(sort), Limit: limit}
	if text, ok := q.params["cursor"]; ok {
		if ask.After, err = userPlace(text, sort); err != nil {
			return nil, err
		}
	}
	page, more, err := a.reader.Users(q, ask)
	if err != nil {
		return nil, err
	}
	document := usersDocument{Users: make([]userDocument, len(page))}
	for i, u := range page {
		document.Users[i] = userDocument{
			ID: u.ID.String(), ExternalID: u.ExternalID, Email: u.Email, FirstSeen: u.FirstSeen, LastSeen: u.LastSeen,
			Calls: u.Calls, UnpricedCalls: u.UnpricedCalls, Tokens: u.Tokens, TotalCost: u.Cost,
		}
		if u.Doubts != nil {
			document.Users[i].EstimatedCost, document.Users[i].AssumedCost = &u.Doubts.EstimatedCost, &u.Doubts.AssumedCost
		}
	}
	if more {
		last := page[len(page)-1].Place
		next := encodeCursor(userCursor{Sort: sort, Key: last.Key, ID: last.ID.String()})
		document.Next = &next
	}
	return jsonAnswer(document, len(page))
}

// timeKey is PostgreSQL's format of a time in UTC.
const timeKey = "2006-01-02 15:04:05.999999Z07"

// userPlace parses a cursor. Its key is parsed as a value of the order's type and formatted
// again, so that the database never gets text that it would read differently or reject.
func userPlace(text, sort string) (*read.UserPlace, error) {
	var c userCursor
	if err := decodeCursor(text, &c); err != nil {
		return nil, err
	}
	id, ok := usage.ParseID(c.ID)
	if !ok || c.Sort != sort || len(c.Key) > 64 {
		return nil, badCursor(text)
	}
	place := &read.UserPlace{ID: id}
	switch read.UserOrder(sort) {
	case read.UsersByCost:
		d, err := decimal.NewFromString(c.Key)
		if err != nil || d.Exponent() > 40 || d.Exponent() < -40 {
			return nil, badCursor(text)
		}
		place.Key = d.String()
	case read.UsersByCalls:
		n, err := strconv.ParseInt(c.Key, 10, 64)
		if err != nil {
			return nil, badCursor(text)
		}
		place.Key = strconv.FormatInt(n, 10)
	case read.UsersByLastSeen:
		t, err := time.Parse(timeKey, c.Key)
		if err != nil || t.Year() < 1900 || t.Year() > 2200 {
			return nil, badCursor(text)
		}
		place.Key = t.UTC().Format(time.RFC3339Nano)
	}
	return place, nil
}
