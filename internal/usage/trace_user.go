package usage

import "errors"

// TraceUser says who made the calls of a trace, when that becomes known after the calls
// were reported: from a span that ends after them.
type TraceUser struct {
	TraceID [16]byte
	// Service is the service.name of the span. Calls of other services in the trace are not
	// affected.
	Service string
	// UserID and UserExternalID are as in [Record].
	UserID         ID
	UserExternalID string
}

// Validate reports what is missing or inconsistent.
func (u *TraceUser) Validate() error {
	switch {
	case u.TraceID == [16]byte{}:
		return errors.New("trace: missing")
	case u.UserID.IsZero():
		return errors.New("user: missing")
	}
	return CheckUser(u.UserID, u.UserExternalID)
}

// CheckUser checks that the id of a user is the one derived from their text, where there is
// a text; otherwise a sender could assign one user's calls to another.
func CheckUser(id ID, external string) error {
	if external != "" && id != UserID(external) {
		return errors.New("user: is not the one that xuser makes")
	}
	return nil
}
