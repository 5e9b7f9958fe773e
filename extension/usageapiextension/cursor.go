package usageapiextension

import (
	"encoding/base64"
	"encoding/json"
)

// A cursor is the position at which a page ended, in a form that callers pass back
// unchanged. It is neither secret nor signed: any value only moves the position within what
// the caller may see anyway.

func encodeCursor(place any) string {
	text, err := json.Marshal(place)
	if err != nil {
		panic(err) // cannot happen: places are structs of strings
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

// decodeCursor parses the parameter cursor into place.
func decodeCursor(text string, place any) error {
	b, err := base64.RawURLEncoding.DecodeString(text)
	if err == nil {
		err = json.Unmarshal(b, place)
	}
	if err != nil {
		return badCursor(text)
	}
	return nil
}

func badCursor(text string) error {
	return paramProblem("cursor", text, `the "next" of the page before, with the same other parameters`)
}
