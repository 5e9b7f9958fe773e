package usageapiextension

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxValueBytes is the maximum length of a parameter, longer than any column it is compared
// with.
const maxValueBytes = 1024

// params are the parameters of a request. Each occurs at most once, is known to its route
// and is not empty. A misspelled, repeated or empty parameter could otherwise be an
// intended filter that has no effect.
type params map[string]string

// parseParams parses the query string for a route with the given parameters. If form is
// true, empty ones are ignored, because an HTML form sends its empty fields.
func parseParams(query string, known []string, form bool) (params, error) {
	values, err := url.ParseQuery(query)
	if err != nil {
		return nil, newProblem(400, "the query string cannot be read; write name=value pairs joined by &, with everything else percent-encoded")
	}
	names := make([]string, 0, len(values))
	for name := range values {
		names = append(names, name)
	}
	slices.Sort(names) // so that the same request always gets the same problem
	p := make(params, len(values))
	for _, name := range names {
		all := values[name]
		switch {
		case !slices.Contains(known, name):
			// The value is not repeated: it may be a secret in the wrong place.
			bad := paramProblem(name, "", allowedNames(known))
			bad.Detail = "there is no such parameter here; allowed are " + bad.Allowed
			bad.Parameter = strings.ToValidUTF8(name[:min(len(name), maxFound)], "\uFFFD")
			return nil, bad
		case len(all) > 1:
			return nil, paramProblem(name, strings.Join(all, ", "), "one value, given once")
		case all[0] == "" && form:
			continue
		case all[0] == "":
			return nil, paramProblem(name, "", "a value; leave the parameter out to ask without it")
		case len(all[0]) > maxValueBytes || !utf8.ValidString(all[0]) || strings.ContainsRune(all[0], 0):
			return nil, paramProblem(name, all[0], "UTF-8 text of at most "+strconv.Itoa(maxValueBytes)+" bytes without NUL")
		}
		p[name] = all[0]
	}
	return p, nil
}

func allowedNames(known []string) string {
	if len(known) == 0 {
		return "no parameter at all"
	}
	return strings.Join(known, ", ")
}

// text returns a parameter, or def when it is missing.
func (p params) text(name, def string) string {
	if v, ok := p[name]; ok {
		return v
	}
	return def
}

// choice returns a parameter with a few allowed values. The first is the default.
func (p params) choice(name string, allowed ...string) (string, error) {
	v := p.text(name, allowed[0])
	if !slices.Contains(allowed, v) {
		return "", paramProblem(name, v, strings.Join(allowed, ", "))
	}
	return v, nil
}

// number returns a whole number between least and most.
func (p params) number(name string, def, least, most int) (int, error) {
	v, ok := p[name]
	if !ok {
		return def, nil
	}
	n, err := strconv.Atoi(v)
	if err != nil || n < least || n > most {
		return 0, paramProblem(name, v, "a whole number from "+strconv.Itoa(least)+" to "+strconv.Itoa(most))
	}
	return n, nil
}
