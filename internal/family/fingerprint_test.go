package family_test

import (
	"testing"

	"github.com/stretchr/testify/require"
)

// The form is public: it stands in logs, in TOKEN_FAMILY and in locks, and an
// engineer compares it with `printf %s TOKEN | sha256sum | head -c 12`.
func TestFingerprint(t *testing.T) {
	require.Equal(t, "ba7816bf8f01", string(fp("abc")))
	require.Empty(t, fp(""))
}
