// Package access decides whose usage a caller may see. It is pure: it reads
// what the authenticator said about the caller and a [Policy], and answers
// with a [Scope] or a [Denied]. It owns the rules and knows neither
// HTTP nor SQL; the extension turns a Scope into the database role that
// enforces it a second time.
//
// Every zero value is the narrow one: a zero [Policy] makes nobody an
// administrator, a zero [Caller] may see nothing, a zero [Scope] holds no row.
package access
