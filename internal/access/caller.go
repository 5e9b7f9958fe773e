package access

import (
	"fmt"
	"slices"
	"strings"

	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

// Attributes are what an authenticator knows about a caller. The collector's
// client.AuthData implements it.
type Attributes interface {
	// GetAttribute returns the value of an attribute, or nil when there is none.
	GetAttribute(name string) any
}

// AutoSubject is the value of [Policy.Subject] that uses whichever attribute names the
// caller in the collector's own authenticators.
const AutoSubject = "auto"

// autoSubjects are the attributes of [AutoSubject], set by oidc and basicauth respectively.
var autoSubjects = []string{"subject", "username"}

// maxSubjectBytes is the longest accepted subject. OpenID Connect allows 255 characters.
const maxSubjectBytes = 1024

// Policy defines who is an administrator and what names a caller.
type Policy struct {
	// Subject is the attribute that names the caller. Its value must equal the user that
	// apps send with a call.
	Subject string
	// AdminAttribute makes a caller an administrator when its value, or an element of its
	// value, is in AdminValues.
	AdminAttribute string
	AdminValues    []string
	// AdminSubjects names administrators by subject.
	AdminSubjects []string
	// WithoutIdentity applies to callers whom no authenticator identified.
	WithoutIdentity WithoutIdentity
}

// WithoutIdentity says how to treat a caller without identity.
type WithoutIdentity uint8

const (
	// DenyWithoutIdentity refuses such callers. It is the zero value.
	DenyWithoutIdentity WithoutIdentity = iota
	// AdminWithoutIdentity makes such callers administrators: anybody who knows a shared
	// bearer token, or who reaches a server on loopback that is configured this way.
	AdminWithoutIdentity
)

// Caller is who sent a request.
type Caller struct {
	// Subject names the caller; "" when unknown.
	Subject string
	// Admin callers may see everybody's usage.
	Admin bool
}

// Caller returns the caller that the attributes describe. attributes is nil when no
// authenticator is configured or none identified the caller. Only attributes that the
// policy names are read.
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

// subject returns the caller's name. A subject that is not plain text of sensible length is
// refused: a guess could show one user's usage to another.
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

// adminByAttribute compares whole values only. Substrings, numbers, booleans and nested
// objects never match.
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
