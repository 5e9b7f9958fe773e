package upkeep

import (
	"context"
	"encoding/hex"
	"errors"
	"fmt"
	"strings"

	"github.com/jackc/pgx/v5"
	"github.com/jackc/pgx/v5/pgxpool"

	"github.com/otelcol-usage/otelcol-usage/internal/store"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// errNoCall means that no stored call has the id.
var errNoCall = errors.New("no stored call has this id")

// Find returns the call with the given id: the id of its row (a UUID), the provider's
// response id, or "<trace id>:<span id>", as in the column request_id. It returns errNoCall
// when there is none.
func Find(ctx context.Context, pool *pgxpool.Pool, id string) (*store.Stored, error) {
	ids, err := idsOf(ctx, pool, id)
	if err != nil {
		return nil, fmt.Errorf("find a call: %w", err)
	}
	rows, err := pool.Query(ctx, store.SelectCalls+"\nWHERE id = ANY ($1::uuid[])", ids)
	if err != nil {
		return nil, fmt.Errorf("find a call: %w", err)
	}
	var found *store.Stored
	err = store.ReadCalls(rows, func(s *store.Stored) error {
		one := *s
		found = &one
		return nil
	})
	switch {
	case err != nil:
		return nil, fmt.Errorf("find a call: %w", err)
	case found == nil:
		return nil, errNoCall
	}
	return found, nil
}

// idsOf returns the row ids that id can stand for.
func idsOf(ctx context.Context, pool *pgxpool.Pool, id string) ([][16]byte, error) {
	if row, ok := usage.ParseID(id); ok {
		return [][16]byte{row}, nil
	}
	if trace, span, ok := strings.Cut(id, ":"); ok {
		var t [16]byte
		var s [8]byte
		if n, err := hex.Decode(t[:], []byte(trace)); err == nil && n == len(t) && len(span) == 2*len(s) {
			if _, err := hex.Decode(s[:], []byte(span)); err == nil {
				return [][16]byte{usage.IDFromSpan(t, s)}, nil
			}
		}
	}
	// The row's id is derived from the provider and the response id. A rollup lists all
	// providers, so no table has to be scanned for the response id.
	rows, err := pool.Query(ctx, `SELECT DISTINCT provider FROM public.usage_day`)
	if err != nil {
		return nil, err
	}
	providers, err := pgx.CollectRows(rows, pgx.RowTo[string])
	if err != nil {
		return nil, err
	}
	ids := make([][16]byte, 0, len(providers))
	for _, provider := range providers {
		ids = append(ids, usage.IDFromResponse(provider, id))
	}
	return ids, nil
}
