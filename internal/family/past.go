package family

import (
	"cmp"
	"encoding/base64"
	"encoding/hex"
	"strings"
)

// Past remembers earlier refresh tokens by 30 bits of their fingerprints, newest first, five
// characters each. So an older token is known when one comes back.
type Past string

const (
	// pastWidth is the number of characters of one token.
	pastWidth = 5
	// pastKept is how many tokens are remembered: five days of rotations.
	pastKept = 200
)

// pack is the form of a fingerprint in a Past; "" for none.
func pack(fp Fingerprint) Past {
	b, err := hex.DecodeString(string(fp))
	if err != nil || len(b) < 4 {
		return ""
	}
	return Past(base64.RawURLEncoding.EncodeToString(b)[:pastWidth])
}

// Has reports whether the token with the given fingerprint is remembered.
func (p Past) Has(fp Fingerprint) bool {
	return p.holds(pack(fp))
}

func (p Past) holds(key Past) bool {
	_, held := p.before(key)
	return held
}

// before returns what is remembered from before a token, if that is remembered itself.
func (p Past) before(key Past) (older Past, held bool) {
	for i := 0; i+pastWidth <= len(p); i += pastWidth {
		if p[i:i+pastWidth] == key {
			return p[i+pastWidth:], true
		}
	}
	return "", false
}

// With returns p with another token as its newest.
func (p Past) With(fp Fingerprint) Past {
	if key := pack(fp); key != "" && !p.Has(fp) {
		return (key + p).newest(pastKept)
	}
	return p
}

// Merge returns p, and after it what only older remembers.
func (p Past) Merge(older Past) Past {
	if p == "" || len(p) >= pastKept*pastWidth || strings.HasSuffix(string(p), string(older)) {
		return cmp.Or(p, older).newest(pastKept)
	}
	merged := p
	for i := 0; i+pastWidth <= len(older); i += pastWidth {
		if one := older[i : i+pastWidth]; !merged.holds(one) {
			merged += one
		}
	}
	return merged.newest(pastKept)
}

// newest returns the newest n tokens of p; none for a negative n.
func (p Past) newest(n int) Past { return p[:min(len(p)/pastWidth, max(n, 0))*pastWidth] }
