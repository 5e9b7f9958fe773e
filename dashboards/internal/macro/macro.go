package macro

import (
	"errors"
	"fmt"
	"regexp"
	"strconv"
	"strings"
	"time"
)

// Values is what a viewer has selected.
type Values struct {
	From, To time.Time
	// TimeZone is an IANA name or "UTC", the value of ${__timezone}.
	TimeZone string
	// Vars maps each variable to its selected values. A single-valued variable has a list
	// of one.
	Vars map[string][]string
	// All maps the variables for which "All" is selected to their allValue.
	All map[string]string
}

var (
	variable = regexp.MustCompile(`\$\{(\w+)(?::(\w+))?\}|\[\[(\w+)\]\]|\$(\w+)`)
	// sqlstring escapes as the browser does. PostgreSQL reads the second pair as two
	// characters, so the text that arrives differs from the selected one.
	sqlstring = strings.NewReplacer("'", "''", `"`, `\"`)

	call     = regexp.MustCompile(`\$(__\w+)\(([^)]*)\)`)
	interval = regexp.MustCompile(`^'(\d+)([smhdw])'$`)
)

// Expand returns the SQL that reaches the database.
func Expand(sql string, v Values) (string, error) {
	var errs []error
	sql = variable.ReplaceAllStringFunc(sql, func(match string) string {
		m := variable.FindStringSubmatch(match)
		name := m[1] + m[3] + m[4]
		text, err := v.variable(name, m[2])
		if errors.Is(err, errMacro) {
			return match
		}
		if err != nil {
			errs = append(errs, err)
		}
		return text
	})
	sql = call.ReplaceAllStringFunc(sql, func(match string) string {
		m := call.FindStringSubmatch(match)
		text, err := v.macro(m[1], m[2])
		if err != nil {
			errs = append(errs, err)
		}
		return text
	})
	if at := strings.Index(sql, "$__"); at >= 0 {
		errs = append(errs, fmt.Errorf("unexpanded macro at %.40q", sql[at:]))
	}
	return sql, errors.Join(errs...)
}

// errMacro means that a name is a macro, which is expanded in the second step.
var errMacro = errors.New("macro")

func (v Values) variable(name, format string) (string, error) {
	if name == "__timezone" {
		return v.TimeZone, nil
	}
	if strings.HasPrefix(name, "__") {
		return "", errMacro
	}
	if all, chosen := v.All[name]; chosen {
		return all, nil
	}
	values, known := v.Vars[name]
	if !known {
		return "", fmt.Errorf("unknown variable %q", name)
	}
	switch {
	case format == "sqlstring", format == "" && len(values) != 1:
		quoted := make([]string, len(values))
		for i, value := range values {
			quoted[i] = "'" + sqlstring.Replace(value) + "'"
		}
		return strings.Join(quoted, ","), nil
	case format == "", format == "raw":
		return values[0], nil
	}
	return "", fmt.Errorf("variable %q has format %q; known are sqlstring and raw", name, format)
}

func (v Values) macro(name, arguments string) (string, error) {
	args := strings.Split(arguments, ",")
	for i := range args {
		args[i] = strings.TrimSpace(args[i])
	}
	switch name {
	case "__timeFrom":
		return literal(v.From), nil
	case "__timeTo":
		return literal(v.To), nil
	case "__timeFilter":
		if args[0] == "" {
			return "", errors.New("$__timeFilter needs a column")
		}
		return fmt.Sprintf("%s BETWEEN %s AND %s", args[0], literal(v.From), literal(v.To)), nil
	case "__timeGroup", "__timeGroupAlias":
		if len(args) < 2 {
			return "", fmt.Errorf("$%s needs a column and an interval", name)
		}
		seconds, err := seconds(args[1])
		if err != nil {
			return "", err
		}
		text := fmt.Sprintf("floor(extract(epoch from %s)/%d)*%[2]d", args[0], seconds)
		if name == "__timeGroupAlias" {
			text += ` AS "time"`
		}
		return text, nil
	}
	return "", fmt.Errorf("unknown macro %q", "$"+name)
}

func literal(t time.Time) string {
	return "'" + t.UTC().Format("2006-01-02T15:04:05.999Z07:00") + "'"
}

func seconds(text string) (int, error) {
	m := interval.FindStringSubmatch(text)
	if m == nil {
		return 0, fmt.Errorf("%s is not an interval such as '1d'", text)
	}
	n, err := strconv.Atoi(m[1])
	return n * map[string]int{"s": 1, "m": 60, "h": 3600, "d": 86400, "w": 604800}[m[2]], err
}
