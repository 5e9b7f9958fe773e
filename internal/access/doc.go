// Package access decides whose usage a caller may see. It reads what the authenticator
// knows about the caller and a [Policy], and returns a [Scope] or a [Denied]. It owns the
// rules and has no I/O. It knows neither HTTP nor SQL; the extension turns a Scope into the
// database role that enforces it a second time.
//
// Zero values grant nothing: a zero [Policy] makes nobody an administrator, a zero [Caller]
// may see nothing, and a zero [Scope] contains no row.
package access
