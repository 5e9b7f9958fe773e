package access

import "github.com/otelcol-usage/otelcol-usage/internal/usage"

// Denied says why a caller may not see what they asked for. The text may be shown to the
// caller: it contains no attribute value.
type Denied struct{ Because string }

func (d *Denied) Error() string { return d.Because }

// Scope is whose rows an answer may contain. The zero Scope contains none.
type Scope struct {
	kind scopeKind
	user usage.ID
}

type scopeKind uint8

const (
	scopeNobody scopeKind = iota
	scopeEverybody
	scopeOwn
)

// Everybody reports whether the scope contains the rows of all users.
func (s Scope) Everybody() bool { return s.kind == scopeEverybody }

// Own returns the user whose rows the scope contains. It returns false when the scope is
// not one user's own usage.
func (s Scope) Own() (usage.ID, bool) { return s.user, s.kind == scopeOwn }

// All returns the scope of an administrator's question. A filter by user narrows the answer
// within it; it is not the caller's identity.
func (c Caller) All() (Scope, error) {
	if !c.Admin {
		return Scope{}, &Denied{Because: "this is for administrators; your own usage is under /api/usage"}
	}
	return Scope{kind: scopeEverybody}, nil
}

// Own returns the scope of the caller's own usage.
func (c Caller) Own() (Scope, error) {
	if c.Subject == "" {
		return Scope{}, &Denied{Because: "the credentials name no user, so there is no own usage; administrators find everybody's under /api/admin/usage"}
	}
	id := usage.UserID(c.Subject)
	if id.IsZero() {
		// In the rollups the nil UUID means "no user".
		return Scope{}, &Denied{Because: "the nil UUID names no user"}
	}
	return Scope{kind: scopeOwn, user: id}, nil
}
