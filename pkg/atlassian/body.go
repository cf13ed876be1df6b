package atlassian

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"encoding/json"
	"errors"
	"io"
	"net/http"
	"strings"
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

// unpack undoes the encodings that an answer names (RFC 9110 section 8.4), and
// gzip without a name. The request asks for no encoding, but proxies and content
// networks were seen to compress anyway. The token pair in the body must not be
// lost.
//
// A body that is not encoded as named is left unchanged. So is JSON with an unknown
// encoding. A body that broke off is unpacked up to the break. A body with a wrong
// checksum is dropped, because a damaged token is worse than none.
func unpack(h http.Header, body []byte) ([]byte, error) {
	encodings := strings.Split(strings.Join(h.Values("Content-Encoding"), ","), ",")
	if len(encodings) > maxEncodings {
		return body, errEncoding
	}
	var unknown bool
	var err error
	for i := len(encodings) - 1; i >= 0 && err == nil; i-- { // the last one named was applied last
		switch strings.ToLower(strings.TrimSpace(encodings[i])) {
		case "", "identity":
		case "gzip", "x-gzip":
			body, err = gunzip(body)
		case "deflate":
			body, err = inflate(body)
		default:
			unknown = true
		}
	}
	if err == nil {
		body, err = gunzip(body)
	}
	if err == nil && unknown && !json.Valid(trimMark(body)) {
		err = errEncoding
	}
	return body, err
}

// gunzip unpacks a body that begins like gzip (RFC 1952). No JSON begins so.
func gunzip(body []byte) ([]byte, error) {
	if !bytes.HasPrefix(body, []byte{0x1f, 0x8b, 8}) {
		return body, nil
	}
	r, err := gzip.NewReader(bytes.NewReader(body))
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

// inflate unpacks "deflate". That is the zlib format (RFC 9110 section 8.4.1.2),
// but by a common mistake some servers send raw deflate (RFC 1951).
func inflate(body []byte) ([]byte, error) {
	if json.Valid(trimMark(body)) {
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
	if err = damage(err); err == errDamaged {
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
