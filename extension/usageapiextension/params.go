package usageapiextension

import (
	"net/url"
	"slices"
	"strconv"
	"strings"
	"unicode/utf8"
)

// maxValueBytes bounds a parameter: longer than any column that it is compared
// with.
const maxValueBytes = 1024

// params are the parameters of a request, each at most once, each known to its
// route, none empty. A parameter that is mistyped, repeated or left empty
// could otherwise be a filter that was meant and does not hold.
type params map[string]string

// parseParams reads the query string for a route that knows these names. A form
// sends its empty fields too, which are left out.
func parseParams(query string, known []string, form bool) (params, error) {
	values, err := url.ParseQuery(query)
	if err != nil {
		return nil, newProblem(400, "the query string cannot be read; write name=value pairs joined by &, with everything else percent-encoded")
	}
	names := make([]string, 0, len(values))
	for name := range values {
		names = append(names, name)
	}
	slices.Sort(names) // the same problem for the same request, every time
	p := make(params, len(values))
	for _, name := range names {
		all := values[name]
		switch {
		case !slices.Contains(known, name):
			// Its value is not repeated: it may be a secret in the wrong place.
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

// text gives a parameter or, when it is not there, its default.
func (p params) text(name, def string) string {
	if v, ok := p[name]; ok {
		return v
	}
	return def
}

// choice reads a parameter that has few values, the first of which is the
// default.
func (p params) choice(name string, allowed ...string) (string, error) {
	v := p.text(name, allowed[0])
	if !slices.Contains(allowed, v) {
		return "", paramProblem(name, v, strings.Join(allowed, ", "))
	}
	return v, nil
}

// number reads a whole number.
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
