package atlassiantest

import (
	"encoding/binary"
	"strconv"
	"strings"
)

// claimsMinter makes unsigned tokens whose payload has the claims that a client
// may look at: iat, exp and the refresh chain. In place of a signature they have
// the tokenID, authenticated together with the payload.
type claimsMinter struct{ key tokenKey }

// signatureBytes is the length of the signature, that of an RSA key of 1024 bits.
// It holds the tokenID, its authenticator, and zeros.
const signatureBytes = 128

func (m claimsMinter) mint(id tokenID, c *claims) string {
	var stack, claim [512]byte
	raw := id.bytes()
	body := b64.AppendEncode(append(claim[:0], `{"jti":"`...), raw[:]) // no two tokens have the same claims
	body = append(body, `","iat":`...)
	body = strconv.AppendInt(body, c.issued.Unix(), 10)
	body = append(body, `,"exp":`...)
	body = strconv.AppendInt(body, c.expires.Unix(), 10)
	body = append(body, `,"`+claimPrefix+`refresh_chain_id":"`...)
	body = append(body, c.client...)
	body = append(body, '-')
	body = append(body, c.family...)
	body = append(body, `"`...)
	if c.padding > 0 {
		body = append(body, `,"padding":"`+strings.Repeat("A", c.padding)+`"`...)
	}
	body = append(body, '}')
	buf := append(stack[:0], cheapHeader...)
	buf = b64.AppendEncode(buf, body)
	payload := buf[len(cheapHeader):]
	var signature [signatureBytes]byte
	m.sign(&signature, id, payload)
	buf = append(buf, '.')
	return string(b64.AppendEncode(buf, signature[:]))
}

// sign writes a signature for a tokenID and its payload.
func (m claimsMinter) sign(signature *[signatureBytes]byte, id tokenID, payload []byte) {
	h := uint64(14695981039346656037) // FNV-1a
	for _, c := range payload {
		h = (h ^ uint64(c)) * 1099511628211
	}
	raw := id.bytes()
	copy(signature[:], raw[:])
	binary.BigEndian.PutUint64(signature[idBytes:], mix(m.key.sum(id)^h))
}

func (m claimsMinter) identify(token string) (tokenID, form) {
	if !looksLikeJWT(token) {
		return tokenID{}, formMalformed
	}
	rest, ours := strings.CutPrefix(token, cheapHeader)
	payload, text, _ := strings.Cut(rest, ".")
	var got, want [signatureBytes]byte
	if !ours || b64.DecodedLen(len(text)) != signatureBytes {
		return tokenID{}, formUnknown
	}
	if _, err := b64.Decode(got[:], []byte(text)); err != nil {
		return tokenID{}, formUnknown
	}
	id := parseRaw(got[:])
	if m.sign(&want, id, []byte(payload)); got != want {
		return tokenID{}, formUnknown
	}
	return id, formKnown
}
