package atlassiantest

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"io"
	"net/http"
)

// encodings are what Fault.Encoding can be.
var encodings = []string{"gzip", "deflate", "deflate-raw", "gzip-unnamed"}

// encodingWriter sends bodies in an encoding that nobody asked for.
type encodingWriter struct {
	http.ResponseWriter
	encoding string
}

// Unwrap is for http.ResponseController.
func (w encodingWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// encoded makes what answerBody sends to w come in the fault's encoding.
func encoded(w http.ResponseWriter, fault *Fault) http.ResponseWriter {
	if fault == nil || fault.Encoding == "" {
		return w
	}
	return encodingWriter{w, fault.Encoding}
}

// encode is the body as w sends it; it sets the header that goes with it.
func encode(w http.ResponseWriter, body []byte) []byte {
	e, ok := w.(encodingWriter)
	if !ok {
		return body
	}
	var b bytes.Buffer
	var c io.WriteCloser
	switch e.encoding {
	case "gzip":
		w.Header().Set("Content-Encoding", "gzip")
		c = gzip.NewWriter(&b)
	case "gzip-unnamed":
		c = gzip.NewWriter(&b)
	case "deflate":
		w.Header().Set("Content-Encoding", "deflate")
		c = zlib.NewWriter(&b)
	case "deflate-raw":
		w.Header().Set("Content-Encoding", "deflate")
		c, _ = flate.NewWriter(&b, flate.DefaultCompression) // it fails for other levels only
	}
	_, _ = c.Write(body) // a Buffer takes everything
	_ = c.Close()
	return b.Bytes()
}
