package atlassiantest

import (
	"encoding/binary"
	"strconv"
	"strings"
)

// claimsMinter makes unsigned tokens whose payload has the claims that a keeper
// may look at: iat, exp and the refresh chain. In the signature's place stands
// what the token is, authenticated together with the payload.
type claimsMinter struct{ key tokenKey }

// sealText is the length of a seal: an identification and its authenticator.
const sealText = idText + macText

func (m claimsMinter) mint(id tokenID, c *claims) string {
	var stack, claim [512]byte
	body := append(claim[:0], `{"iat":`...)
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
	mac := m.seal(id, payload)
	raw := id.bytes()
	buf = append(buf, '.')
	buf = b64.AppendEncode(buf, raw[:])
	return string(b64.AppendEncode(buf, mac[:]))
}

// seal authenticates an identification and the payload beside it.
func (m claimsMinter) seal(id tokenID, payload []byte) (mac [8]byte) {
	h := uint64(14695981039346656037) // FNV-1a
	for _, c := range payload {
		h = (h ^ uint64(c)) * 1099511628211
	}
	binary.BigEndian.PutUint64(mac[:], mix(m.key.sum(id)^h))
	return mac
}

func (m claimsMinter) identify(token string) (tokenID, form) {
	if !looksLikeJWT(token) {
		return tokenID{}, formMalformed
	}
	rest, ours := strings.CutPrefix(token, cheapHeader)
	payload, seal, _ := strings.Cut(rest, ".")
	if !ours || len(seal) != sealText {
		return tokenID{}, formUnknown
	}
	id, mac, ok := readID(seal[:idText], seal[idText:])
	want := m.seal(id, []byte(payload))
	if !ok || binary.BigEndian.Uint64(want[:]) != mac {
		return tokenID{}, formUnknown
	}
	return id, formKnown
}
