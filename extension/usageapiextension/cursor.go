package usageapiextension

import (
	"encoding/base64"
	"encoding/json"
)

// A cursor is where a page ended, in a form that callers pass back as it is. It
// is not secret and not signed: whatever it says, it only moves the place
// within what the caller may see anyway.

func encodeCursor(place any) string {
	text, err := json.Marshal(place)
	if err != nil {
		panic(err) // places are structs of texts
	}
	return base64.RawURLEncoding.EncodeToString(text)
}

// decodeCursor reads the parameter cursor into place.
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
