package access

import "github.com/otelcol-usage/otelcol-usage/internal/usage"

// Denied says why a caller may not see what they asked for. The text is fit for
// the caller's eyes: it holds no value of any attribute.
type Denied struct{ Because string }

func (d *Denied) Error() string { return d.Because }

// Scope is whose rows an answer may hold. The zero Scope holds none.
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

// Everybody reports whether the scope is all rows of all users.
func (s Scope) Everybody() bool { return s.kind == scopeEverybody }

// Own gives the one user whose rows the scope holds, and true, when it is a
// caller's own usage.
func (s Scope) Own() (usage.ID, bool) { return s.user, s.kind == scopeOwn }

// All is the scope of the administrators' questions. A filter by user narrows
// the answer within it and is not the caller's identity.
func (c Caller) All() (Scope, error) {
	if !c.Admin {
		return Scope{}, &Denied{Because: "this is for administrators; your own usage is under /api/usage"}
	}
	return Scope{kind: scopeEverybody}, nil
}

// Own is the scope of the caller's own usage.
func (c Caller) Own() (Scope, error) {
	if c.Subject == "" {
		return Scope{}, &Denied{Because: "the credentials name no user, so there is no own usage; administrators find everybody's under /api/admin/usage"}
	}
	id := usage.UserID(c.Subject)
	if id.IsZero() {
		// The nil UUID stands for "no user" in the rollups.
		return Scope{}, &Denied{Because: "the nil UUID names no user"}
	}
	return Scope{kind: scopeOwn, user: id}, nil
}
