package atlassiantest

import (
	"encoding/base64"
	"encoding/binary"
	"strings"
	"time"
)

// kind is the sort of a token. Each sort is accepted only where it belongs.
type kind byte

const (
	kindRefresh kind = 'r'
	kindAccess  kind = 'a'
	kindCode    kind = 'c'
)

// tokenID is what a token says about itself. It is complete, so the record of a token
// can be dropped when its reuse interval is over. A token without a record is known
// to be spent.
type tokenID struct {
	kind       kind
	family     uint32
	serial     uint64 // unique in the family
	generation uint32
	sibling    uint32
}

// tokenKey authenticates tokenIDs. It detects another emulator's tokens and edited
// tokens in tests. It does not stop an attacker.
type tokenKey [2]uint64

const (
	idBytes = 1 + 4 + 8 + 4 + 4
	idText  = (idBytes*8 + 5) / 6
	macText = 11
)

var b64 = base64.RawURLEncoding

// form is what identify found.
type form int

const (
	formMalformed form = iota // does not look like a token
	formUnknown               // looks like a token, but this emulator did not make it
	formKnown
)

// claims are the values of a realistic token.
type claims struct {
	client, account, family string
	scopes                  []string
	issued, expires         time.Time
	padding                 int
}

// minter makes and recognises token strings.
type minter interface {
	mint(id tokenID, c *claims) string
	identify(token string) (tokenID, form)
}

// newMinter returns the minter that a Config asks for.
func newMinter(c Config, key tokenKey) minter {
	switch {
	case c.CheapTokens && c.CheapClaims:
		return claimsMinter{key}
	case c.CheapTokens:
		return cheapMinter{key}
	}
	return jwtMinter{key}
}

func (id tokenID) bytes() (b [idBytes]byte) {
	b[0] = byte(id.kind)
	binary.BigEndian.PutUint32(b[1:], id.family)
	binary.BigEndian.PutUint64(b[5:], id.serial)
	binary.BigEndian.PutUint32(b[13:], id.generation)
	binary.BigEndian.PutUint32(b[17:], id.sibling)
	return b
}

func (k tokenKey) sum(id tokenID) uint64 {
	h := mix(k[0] ^ uint64(id.kind)<<32 ^ uint64(id.family))
	h = mix(h ^ id.serial)
	h = mix(h ^ uint64(id.generation)<<32 ^ uint64(id.sibling))
	return mix(h ^ k[1])
}

// mix is the finalizer of the splitmix64 generator.
func mix(x uint64) uint64 {
	x += 0x9e3779b97f4a7c15
	x = (x ^ x>>30) * 0xbf58476d1ce4e5b9
	x = (x ^ x>>27) * 0x94d049bb133111eb
	return x ^ x>>31
}

// appendID appends id as text, a dot, and its authenticator.
func (k tokenKey) appendID(dst []byte, id tokenID) []byte {
	raw := id.bytes()
	dst = b64.AppendEncode(dst, raw[:])
	dst = append(dst, '.')
	var mac [8]byte
	binary.BigEndian.PutUint64(mac[:], k.sum(id))
	return b64.AppendEncode(dst, mac[:])
}

// parseID reads what appendID wrote, at the start of s.
func (k tokenKey) parseID(s string) (tokenID, bool) {
	if len(s) < idText+1+macText || s[idText] != '.' {
		return tokenID{}, false
	}
	var text [idText + macText]byte
	copy(text[:], s[:idText])
	copy(text[idText:], s[idText+1:])
	var raw [idBytes + 8]byte
	if _, err := b64.Decode(raw[:idBytes], text[:idText]); err != nil {
		return tokenID{}, false
	}
	if _, err := b64.Decode(raw[idBytes:], text[idText:]); err != nil {
		return tokenID{}, false
	}
	id := parseRaw(raw[:])
	return id, binary.BigEndian.Uint64(raw[idBytes:]) == k.sum(id)
}

// parseRaw reads what tokenID.bytes wrote.
func parseRaw(raw []byte) tokenID {
	return tokenID{
		kind:       kind(raw[0]),
		family:     binary.BigEndian.Uint32(raw[1:]),
		serial:     binary.BigEndian.Uint64(raw[5:]),
		generation: binary.BigEndian.Uint32(raw[13:]),
		sibling:    binary.BigEndian.Uint32(raw[17:]),
	}
}

// cheapHeader is the encoded header of an RS256 JWT.
const cheapHeader = "eyJ0eXAiOiJKV1QiLCJhbGciOiJSUzI1NiJ9."

// cheapMinter makes tokens that look like a JWT but have no claims and no signature.
type cheapMinter struct{ key tokenKey }

func (m cheapMinter) mint(id tokenID, c *claims) string {
	var stack [128]byte
	buf := append(stack[:0], cheapHeader...)
	buf = m.key.appendID(buf, id)
	if c.padding > 0 {
		buf = append(buf, strings.Repeat("A", c.padding)...)
	}
	return string(buf)
}

func (m cheapMinter) identify(token string) (tokenID, form) {
	if !looksLikeJWT(token) {
		return tokenID{}, formMalformed
	}
	rest, ours := strings.CutPrefix(token, cheapHeader)
	if !ours {
		return tokenID{}, formUnknown
	}
	id, ok := m.key.parseID(rest)
	if !ok || strings.Trim(rest[idText+1+macText:], "A") != "" { // other text after the padding
		return tokenID{}, formUnknown
	}
	return id, formKnown
}

// looksLikeJWT reports whether s is three non-empty base64url texts separated by
// dots.
func looksLikeJWT(s string) bool {
	dots, last := 0, -1
	for i := 0; i < len(s); i++ {
		c := s[i]
		switch {
		case c == '.':
			if i == last+1 {
				return false
			}
			dots, last = dots+1, i
		case 'a' <= c && c <= 'z', 'A' <= c && c <= 'Z', '0' <= c && c <= '9', c == '-', c == '_':
		default:
			return false
		}
	}
	return dots == 2 && last < len(s)-1
}
