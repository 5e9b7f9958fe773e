// Package usageattr is the contract between genai_usage, which writes usage
// records on spans, and everything that reads them: usage_postgres, trace
// stores, metric connectors. Every attribute name of ours stands in names.go.
//
// It owns the names and the form of the record; it does not own what a record
// means (internal/usage) nor the names that other libraries use
// (internal/genai).
//
// # The record as text
//
// A record travels as one attribute, [Record], and in the same form through
// the exporter's queue:
//
//	1;id=f3e60760-fa25-5d69-b7e8-2e56452d2a4e;t=1795441921280000000;type=text;status=priced;cost=0.00036795;provider=openai;model=gpt-4o-mini-2024-07-18;q.input_text=1306;q.output_text=287;…
//
// The first field is the version of the form. Every other field is key=value;
// in values "%", ";" and control characters are percent-encoded, and so is "="
// in the key of a tag. Empty and zero fields are left out. The fields are:
//
//	id        UUID of the record
//	t         start of the call, nanoseconds since 1970, UTC
//	type      api type
//	status    pricing status        reason   why it is not simply priced
//	assumed   the assumptions of the price, such as service_tier+region; there
//	          and empty when it took none, absent when that is not known
//	cost      US dollars, decimal   source   computed or reported
//	reported  US dollars, decimal   price    row of the price book
//	bill      1: the provider bills by the reported cost
//	provider, model, rmodel (requested model), service, env, session
//	user      UUID of the user      xuser    the text it was made from
//	req       request id            trace, span  hexadecimal
//	tier, region, variant, sampled, dialect
//	outcome   status of the span    payer    who pays
//	qreason   why quantities may differ from the bill
//	missing   what the library left out, such as cache+audio
//	q.<kind>  quantity of that kind, seconds as a decimal number
//	tag.<key> tag
//
// Agents and gateways of different builds work together. A field that the
// reader does not know, a quantity of an unknown kind, an unknown word of
// "assumed", "missing" or "source" is kept in usage.Record.Unread, stored under
// metadata.unread and written again as it came. An API type, outcome or payer
// of a newer build is stored as it is; a status of a newer build becomes
// estimated or unpriced with the reason newer_record, the word is kept. What an
// older agent does not write is stored as not known. Only a change of what a
// field means gets a new version, which an older exporter parks and counts.
//
// One text, not one attribute for each field, because each attribute written
// to a decoded span costs an allocation and a search: docs/benchmarks.md has
// the figures. Text, not bytes, so that an operator can read it in any trace
// store.
package usageattr
