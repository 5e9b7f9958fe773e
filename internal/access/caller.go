package access

import (
	"fmt"
	"slices"
	"strings"

	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// Attributes is what an authenticator says about a caller. The collector's
// client.AuthData is one.
type Attributes interface {
	// GetAttribute gives the value of an attribute, nil when there is none.
	GetAttribute(name string) any
}

// AutoSubject as [Policy.Subject] takes the attribute that names the caller in
// the collector's own authenticators.
const AutoSubject = "auto"

// autoSubjects are the names behind [AutoSubject]: oidc and basicauth. Neither
// authenticator gives the other's.
var autoSubjects = []string{"subject", "username"}

// maxSubjectBytes is longer than any sensible subject; OpenID Connect allows
// 255 characters.
const maxSubjectBytes = 1024

// Policy says who is an administrator and what names a caller.
type Policy struct {
	// Subject is the attribute that names the caller. Its value must be the
	// same text that the apps send as the user of a call.
	Subject string
	// AdminAttribute is the attribute that makes an administrator when its
	// value, or one element of its value, is in AdminValues.
	AdminAttribute string
	AdminValues    []string
	// AdminSubjects are administrators by name.
	AdminSubjects []string
	// WithoutIdentity says what a caller is whom the authenticator let through
	// without saying who they are, or whom nobody asked.
	WithoutIdentity WithoutIdentity
}

// WithoutIdentity is what becomes of a caller without identity.
type WithoutIdentity uint8

const (
	// DenyWithoutIdentity refuses them. It is the zero value.
	DenyWithoutIdentity WithoutIdentity = iota
	// AdminWithoutIdentity makes them an administrator: whoever knows the
	// shared bearer token, or whoever reaches the loopback address of a server
	// that was said so.
	AdminWithoutIdentity
)

// Caller is who asks.
type Caller struct {
	// Subject names the caller, "" when nothing names them.
	Subject string
	// Admin callers may see everybody's usage.
	Admin bool
}

// Caller reads who the caller is. attributes is nil when no authenticator is
// configured or when it says nothing. Only attributes that the policy names
// are looked at.
func (p *Policy) Caller(attributes Attributes) (Caller, error) {
	if attributes == nil {
		if p.WithoutIdentity == AdminWithoutIdentity {
			return Caller{Admin: true}, nil
		}
		return Caller{}, &Denied{Because: "the authenticator says nothing about the caller, and callers without identity are not let in"}
	}
	subject, found := p.subject(attributes)
	c := Caller{Subject: subject}
	c.Admin = subject != "" && slices.Contains(p.AdminSubjects, subject) || p.adminByAttribute(attributes)
	if !found && !c.Admin {
		return Caller{}, &Denied{Because: fmt.Sprintf("the credentials carry no usable attribute %s that would name the caller", p.subjectNames())}
	}
	return c, nil
}

// subject gives the caller's name. A subject that is not plain text of
// sensible length names nobody: a guess would show one user's usage to
// another.
func (p *Policy) subject(attributes Attributes) (string, bool) {
	names := []string{p.Subject}
	if p.Subject == AutoSubject {
		names = autoSubjects
	}
	for _, name := range names {
		if name == "" {
			continue
		}
		text, ok := attributes.GetAttribute(name).(string)
		if ok && text != "" && len(text) <= maxSubjectBytes && text == usage.CleanText(text, maxSubjectBytes) {
			return text, true
		}
	}
	return "", false
}

func (p *Policy) subjectNames() string {
	if p.Subject == AutoSubject {
		return strings.Join(autoSubjects, " or ")
	}
	return p.Subject
}

// adminByAttribute compares whole values only. Texts that merely contain a
// value, numbers, booleans and nested objects never match.
func (p *Policy) adminByAttribute(attributes Attributes) bool {
	if p.AdminAttribute == "" {
		return false
	}
	switch value := attributes.GetAttribute(p.AdminAttribute).(type) {
	case string:
		return p.isAdminValue(value)
	case []string:
		return slices.ContainsFunc(value, p.isAdminValue)
	case []any:
		return slices.ContainsFunc(value, func(element any) bool {
			text, ok := element.(string)
			return ok && p.isAdminValue(text)
		})
	}
	return false
}

func (p *Policy) isAdminValue(text string) bool {
	return text != "" && slices.Contains(p.AdminValues, text)
}
