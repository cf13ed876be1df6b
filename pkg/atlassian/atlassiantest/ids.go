package atlassiantest

import (
	"encoding/hex"
	"math/rand/v2"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

const alphanumeric = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789"

// randomString returns n letters and digits drawn from rng.
func randomString(rng *rand.Rand, n int) string {
	b := make([]byte, n)
	for i := range b {
		b[i] = alphanumeric[rng.IntN(len(alphanumeric))]
	}
	return string(b)
}

// randomUUID returns a version 4 UUID drawn from rng.
func randomUUID(rng *rand.Rand) string {
	var b [16]byte
	for i := range b {
		b[i] = byte(rng.Uint32())
	}
	b[6] = b[6]&0x0f | 0x40
	b[8] = b[8]&0x3f | 0x80
	h := hex.EncodeToString(b[:])
	return h[:8] + "-" + h[8:12] + "-" + h[12:16] + "-" + h[16:20] + "-" + h[20:]
}

// randomSecret returns a client secret in the developer console's form.
func randomSecret(rng *rand.Rand) atlassian.Secret {
	return atlassian.NewSecret("ATOA" + randomString(rng, 72))
}
