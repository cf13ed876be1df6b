package store

import (
	"fmt"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

func TestCheckName(t *testing.T) {
	for _, good := range []string{
		"A", "PSOXY_JIRA_CLOUD_REFRESH_TOKEN", "/psoxy/JIRA-CLOUD_/lock", "a.b", "0", "9z",
		strings.Repeat("n", MaxNameBytes),
	} {
		require.NoError(t, CheckName(good))
	}
	for _, bad := range []string{
		"", "a b", "a:1", "a\n", "é", "a@b", "a[b", "a`b", "a{b", "a,b", "a+b", "a^b", "a\\b",
		"arn:aws:ssm:eu-west-1:111122223333:parameter/x", strings.Repeat("n", MaxNameBytes+1),
	} {
		err := CheckName(bad)
		require.ErrorIs(t, err, ErrName, "%q", bad)
		require.Less(t, len(err.Error()), 300)
	}
}

// Every byte agrees with the documented set, a-zA-Z0-9_.- and the slash.
func TestCheckNameBytes(t *testing.T) {
	const documented = "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-/"
	for c := range 256 {
		name := string([]byte{byte(c)})
		require.Equal(t, strings.Contains(documented, name), CheckName(name) == nil, "%q", name)
	}
}

func TestCheckValue(t *testing.T) {
	check := func(v string) error { return CheckValue("NAME", atlassian.NewSecret(v)) }
	require.NoError(t, check("x"))
	require.NoError(t, check(" \r\n\t"))
	require.NoError(t, check(strings.Repeat("x", MaxValueBytes)))
	require.ErrorIs(t, check(""), ErrEmpty)
	require.ErrorIs(t, check("canary-\xff"), ErrNotText)
	require.ErrorIs(t, check(strings.Repeat("x", MaxValueBytes+1)), ErrTooLarge)
	// The limit is one of bytes, not of characters.
	require.ErrorIs(t, check(strings.Repeat("é", MaxValueBytes/2)+"x"), ErrTooLarge)

	require.NotContains(t, check("canary-\xff").Error(), "canary")
	for _, v := range []string{"", strings.Repeat("x", MaxValueBytes+1)} {
		require.Contains(t, check(v).Error(), "NAME")
	}
	require.Contains(t, fmt.Sprint(check(strings.Repeat("x", 9000))), "9000 bytes")
}

func TestCheckWrite(t *testing.T) {
	require.NoError(t, CheckWrite("NAME", atlassian.NewSecret("x")))
	require.ErrorIs(t, CheckWrite("NA ME", atlassian.NewSecret("x")), ErrName)
	require.ErrorIs(t, CheckWrite("NAME", atlassian.Secret{}), ErrEmpty)
}
