package atlassian

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"encoding/binary"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
	"unicode/utf16"
	"unicode/utf8"
)

// maxBody is how much of an answer is read, in bytes: 1 MiB. It limits both the
// body as sent and the unpacked body.
const maxBody = 1 << 20

// maxEncodings is how many encodings of one body are undone at most.
const maxEncodings = 4

// What can be wrong with a body.
const (
	errTooLarge reason = "the answer's body is larger than 1 MiB"
	errEncoding reason = "the answer's body has an unknown encoding, although the request asked for none"
	errDamaged  reason = "the answer's compressed body is damaged"
)

// readBody reads at most limit bytes. The error says why it read no more.
func readBody(r io.Reader, limit int) (body []byte, err error) {
	body, err = io.ReadAll(io.LimitReader(r, int64(limit)+1))
	if len(body) > limit {
		return body[:limit], errTooLarge
	}
	return body, err
}

// unpack undoes the encodings of an answer: gzip, zlib and deflate, as they are found in the
// body rather than as Content-Encoding names them (RFC 9110 section 8.4), and UTF-16. The
// request asks for no encoding, but proxies and content networks were seen to compress anyway,
// under wrong names and twice. The token pair in the body must not be lost.
//
// A body with an unknown encoding is left unchanged. A body that broke off is unpacked up to
// the break. A body with a wrong checksum is dropped, because a damaged token is worse than
// none.
func unpack(h http.Header, body []byte) (_ []byte, err error) {
	for range maxEncodings {
		packed := body
		if body, err = gunzip(body); err == nil && bytes.Equal(body, packed) {
			body, err = inflate(body)
		}
		if err != nil || bytes.Equal(body, packed) {
			break
		}
	}
	body = narrow(body)
	if err == nil && unknownEncoding(h) && !json.Valid(trimMark(body)) {
		err = errEncoding
	}
	return body, err
}

// unknownEncoding reports whether an answer names an encoding that is not undone here.
func unknownEncoding(h http.Header) bool {
	for name := range strings.SplitSeq(strings.Join(h.Values("Content-Encoding"), ","), ",") {
		switch strings.ToLower(strings.TrimSpace(name)) {
		case "", "identity", "gzip", "x-gzip", "deflate":
		default:
			return true
		}
	}
	return false
}

// narrow returns a body in UTF-16, with its byte order mark, as UTF-8.
func narrow(body []byte) []byte {
	var order binary.ByteOrder
	switch {
	case bytes.HasPrefix(body, []byte{0xff, 0xfe}):
		order = binary.LittleEndian
	case bytes.HasPrefix(body, []byte{0xfe, 0xff}):
		order = binary.BigEndian
	default:
		return body
	}
	var units []uint16
	for i := 2; i+1 < len(body); i += 2 {
		units = append(units, order.Uint16(body[i:]))
	}
	return []byte(string(utf16.Decode(units)))
}

// gunzip unpacks a body that begins like gzip (RFC 1952), perhaps after a line end. No JSON
// begins so.
func gunzip(body []byte) ([]byte, error) {
	packed := bytes.TrimLeft(body, " \t\r\n")
	if !bytes.HasPrefix(packed, []byte{0x1f, 0x8b, 8}) {
		return body, nil
	}
	r, err := gzip.NewReader(bytes.NewReader(packed))
	if err != nil {
		return nil, damage(err)
	}
	out, err := readBody(r, maxBody)
	if err == gzip.ErrHeader { // other text after a complete gzip member
		err = nil
	}
	if err = damage(err); err == errDamaged {
		out = nil
	}
	return out, err
}

// inflate unpacks "deflate". That is the zlib format (RFC 9110 section 8.4.1.2), but by a
// common mistake some servers send raw deflate (RFC 1951), whose beginning tells nothing: it
// must yield text, and the body be none.
func inflate(body []byte) ([]byte, error) {
	if utf8.Valid(body) {
		return body, nil
	}
	if r, err := zlib.NewReader(bytes.NewReader(body)); err == nil {
		out, err := readBody(r, maxBody)
		if err = damage(err); err == errDamaged {
			out = nil
		}
		return out, err
	}
	out, err := readBody(flate.NewReader(bytes.NewReader(body)), maxBody)
	if err = damage(err); err == errDamaged || !utf8.Valid(out) {
		return body, nil
	}
	return out, err
}

// damage maps errors of decompression: the body broke off, is too large, or is
// damaged.
func damage(err error) error {
	switch {
	case err == nil, err == errTooLarge:
		return err
	case errors.Is(err, io.ErrUnexpectedEOF), errors.Is(err, io.EOF):
		return io.ErrUnexpectedEOF
	}
	return errDamaged
}
