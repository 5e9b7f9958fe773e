package usageattr_test

import (
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/otelcol-usage/otelcol-usage/internal/usage"
	"github.com/otelcol-usage/otelcol-usage/internal/usageattr"
)

func TestATraceUserReadsBackAsItWas(t *testing.T) {
	t.Parallel()
	want := usage.TraceUser{TraceID: [16]byte{1, 2}, Service: "chat; 100 %", UserID: usage.UserID("a=b;c"), UserExternalID: "a=b;c"}
	text := string(usageattr.AppendTraceUser(nil, &want))
	require.Equal(t, "user1;trace=01020000000000000000000000000000;service=chat%3B 100 %25;user="+want.UserID.String()+";xuser=a=b%3Bc", text)
	require.True(t, usageattr.IsTraceUser(text))
	var got usage.TraceUser
	require.NoError(t, usageattr.DecodeTraceUser(text, &got))
	require.Equal(t, want, got)
}

func TestATraceUserThatIsNotOneIsRefused(t *testing.T) {
	t.Parallel()
	user := usage.UserID("ada").String()
	for _, text := range []string{
		"", "user1", "user2;trace=01020000000000000000000000000000;user=" + user, "user1;user=" + user,
		"user1;trace=01020000000000000000000000000000", "user1;trace=0102;user=" + user, "user1;trace", "user1;trace=%zz",
		"user1;trace=01020000000000000000000000000000;user=" + user + ";xuser=bob", // somebody else's id
	} {
		var u usage.TraceUser
		require.Error(t, usageattr.DecodeTraceUser(text, &u), text)
	}
}

func FuzzDecodeTraceUser(f *testing.F) {
	f.Add("user1;trace=01020000000000000000000000000000;service=a;user=f3e60760-fa25-5d69-b7e8-2e56452d2a4e")
	f.Fuzz(func(t *testing.T, text string) {
		var u usage.TraceUser
		if usageattr.DecodeTraceUser(text, &u) == nil && u.Validate() != nil {
			t.Fatalf("%q was taken: %+v", text, u)
		}
	})
}
