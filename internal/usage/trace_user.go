package usage

import "errors"

// TraceUser says who made the calls of a trace, where that is learned after the
// calls were reported: from a span that ends after them.
type TraceUser struct {
	TraceID [16]byte
	// Service is the service.name of the span. Calls of other services in the
	// trace are none of its business.
	Service string
	// UserID and UserExternalID are as in [Record].
	UserID         ID
	UserExternalID string
}

// Validate says what is missing or does not belong together.
func (u *TraceUser) Validate() error {
	switch {
	case u.TraceID == [16]byte{}:
		return errors.New("trace: missing")
	case u.UserID.IsZero():
		return errors.New("user: missing")
	}
	return CheckUser(u.UserID, u.UserExternalID)
}

// CheckUser says whether the id of a user is the one that their text makes, where
// there is a text: else a sender could give the calls of one user to another.
func CheckUser(id ID, external string) error {
	if external != "" && id != UserID(external) {
		return errors.New("user: is not the one that xuser makes")
	}
	return nil
}
