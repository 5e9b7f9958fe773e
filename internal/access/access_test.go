package access_test

import (
	"strings"
	"testing"

	"github.com/stretchr/testify/assert"
	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/access"
	"github.com/otelcol-usage/otelcol-usage/internal/usage"
)

type attributes map[string]any

func (a attributes) GetAttribute(name string) any { return a[name] }

func policy() *access.Policy {
	return &access.Policy{
		Subject:        "claims.sub",
		AdminAttribute: "membership",
		AdminValues:    []string{"usage-admins", "finance"},
		AdminSubjects:  []string{"root@example.com"},
	}
}

func TestWhoIsWhat(t *testing.T) {
	t.Parallel()
	for name, c := range map[string]struct {
		attributes access.Attributes
		want       access.Caller
		denied     string
	}{
		"nobody":                                {nil, access.Caller{}, "says nothing about the caller"},
		"a user":                                {attributes{"claims.sub": "ada"}, access.Caller{Subject: "ada"}, ""},
		"a user of other groups":                {attributes{"claims.sub": "ada", "membership": []string{"staff"}}, access.Caller{Subject: "ada"}, ""},
		"an admin by group":                     {attributes{"claims.sub": "eve", "membership": []string{"staff", "finance"}}, access.Caller{Subject: "eve", Admin: true}, ""},
		"an admin by a JSON array":              {attributes{"claims.sub": "eve", "membership": []any{1, "usage-admins"}}, access.Caller{Subject: "eve", Admin: true}, ""},
		"an admin by a single text":             {attributes{"claims.sub": "eve", "membership": "usage-admins"}, access.Caller{Subject: "eve", Admin: true}, ""},
		"an admin by name":                      {attributes{"claims.sub": "root@example.com"}, access.Caller{Subject: "root@example.com", Admin: true}, ""},
		"an admin without a name":               {attributes{"membership": "usage-admins"}, access.Caller{Admin: true}, ""},
		"a list inside a text":                  {attributes{"claims.sub": "ada", "membership": "staff,usage-admins"}, access.Caller{Subject: "ada"}, ""},
		"other case":                            {attributes{"claims.sub": "ada", "membership": "Usage-Admins"}, access.Caller{Subject: "ada"}, ""},
		"a group as a nested list":              {attributes{"claims.sub": "ada", "membership": []any{[]any{"usage-admins"}}}, access.Caller{Subject: "ada"}, ""},
		"a group as the key of an object":       {attributes{"claims.sub": "ada", "membership": map[string]any{"usage-admins": true}}, access.Caller{Subject: "ada"}, ""},
		"true as a group":                       {attributes{"claims.sub": "ada", "membership": true}, access.Caller{Subject: "ada"}, ""},
		"an empty group":                        {attributes{"claims.sub": "ada", "membership": []string{""}}, access.Caller{Subject: "ada"}, ""},
		"an admin group under another name":     {attributes{"claims.sub": "ada", "claims.membership": "usage-admins", "groups": "finance"}, access.Caller{Subject: "ada"}, ""},
		"an empty name":                         {attributes{"claims.sub": ""}, access.Caller{}, "no usable attribute claims.sub"},
		"a number as a name":                    {attributes{"claims.sub": 7.0}, access.Caller{}, "no usable attribute claims.sub"},
		"two names":                             {attributes{"claims.sub": []any{"ada", "eve"}}, access.Caller{}, "no usable attribute claims.sub"},
		"a name with NUL":                       {attributes{"claims.sub": "ada\x00"}, access.Caller{}, "no usable attribute claims.sub"},
		"a name that is not UTF-8":              {attributes{"claims.sub": "ada\xff"}, access.Caller{}, "no usable attribute claims.sub"},
		"a name without end":                    {attributes{"claims.sub": strings.Repeat("a", 2000)}, access.Caller{}, "no usable attribute claims.sub"},
		"a name under another attribute":        {attributes{"subject": "ada", "username": "ada"}, access.Caller{}, "no usable attribute claims.sub"},
		"an authenticator that knows of nobody": {attributes{}, access.Caller{}, "no usable attribute claims.sub"},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			got, err := policy().Caller(c.attributes)
			if c.denied != "" {
				var denied *access.Denied
				require.ErrorAs(t, err, &denied)
				assert.ErrorContains(t, err, c.denied)
			} else {
				require.NoError(t, err)
			}
			assert.Equal(t, c.want, got)
		})
	}
}

func TestAutoSubjectReadsTheCollectorsOwnAuthenticators(t *testing.T) {
	t.Parallel()
	p := &access.Policy{Subject: access.AutoSubject}
	for _, a := range []attributes{{"subject": "ada"}, {"username": "ada", "raw": "YWRhOnNlY3JldA=="}} {
		got, err := p.Caller(a)
		require.NoError(t, err)
		assert.Equal(t, access.Caller{Subject: "ada"}, got)
	}
	_, err := p.Caller(attributes{"raw": "YWRhOnNlY3JldA=="})
	require.ErrorContains(t, err, "no usable attribute subject or username")
	assert.NotContains(t, err.Error(), "YWRh", "a denial repeats no credential")
}

func TestCallersWithoutIdentityAreAdminsOnlyByDecision(t *testing.T) {
	t.Parallel()
	p := &access.Policy{WithoutIdentity: access.AdminWithoutIdentity}
	got, err := p.Caller(nil)
	require.NoError(t, err)
	assert.Equal(t, access.Caller{Admin: true}, got)

	_, err = p.Caller(attributes{})
	assert.Error(t, err, "an authenticator that speaks but names nobody is not the same as none")
}

func TestZeroValuesAllowNothing(t *testing.T) {
	t.Parallel()
	var p access.Policy
	for _, a := range []access.Attributes{nil, attributes{"": "ada", "subject": "ada", "membership": ""}} {
		c, err := p.Caller(a)
		require.Error(t, err)
		assert.Zero(t, c)
	}
	var c access.Caller
	_, err := c.All()
	assert.Error(t, err)
	_, err = c.Own()
	assert.Error(t, err)

	var s access.Scope
	assert.False(t, s.Everybody())
	_, own := s.Own()
	assert.False(t, own)
}

func TestScopes(t *testing.T) {
	t.Parallel()
	ada := access.Caller{Subject: "ada"}
	_, err := ada.All()
	assert.ErrorContains(t, err, "/api/usage", "the error says where their own usage is")
	s, err := ada.Own()
	require.NoError(t, err)
	id, own := s.Own()
	assert.True(t, own)
	assert.Equal(t, usage.UserID("ada"), id)
	assert.False(t, s.Everybody())

	root := access.Caller{Subject: "root", Admin: true}
	s, err = root.All()
	require.NoError(t, err)
	assert.True(t, s.Everybody())
	_, own = s.Own()
	assert.False(t, own)
	s, err = root.Own()
	require.NoError(t, err)
	assert.False(t, s.Everybody(), "an administrator's own usage is their own")

	_, err = access.Caller{Subject: "00000000-0000-0000-0000-000000000000"}.Own()
	assert.Error(t, err, "the nil UUID would be everybody's unattributed usage")
}
