package atlassiantest

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"io"
	"net/http"
)

// encodings are the values of Fault.Encoding.
var encodings = []string{"gzip", "deflate", "deflate-raw", "gzip-unnamed"}

// encodingWriter marks an answer whose body answerBody encodes.
type encodingWriter struct {
	http.ResponseWriter
	encoding string
}

// Unwrap lets http.ResponseController find the writer that flushes.
func (w encodingWriter) Unwrap() http.ResponseWriter { return w.ResponseWriter }

// encoded returns a writer to which answerBody sends the fault's encoding.
func encoded(w http.ResponseWriter, fault *Fault) http.ResponseWriter {
	if fault == nil || fault.Encoding == "" {
		return w
	}
	return encodingWriter{w, fault.Encoding}
}

// encode returns the body as w sends it, and sets its Content-Encoding.
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
		c, _ = flate.NewWriter(&b, flate.DefaultCompression) // only an invalid level fails
	}
	_, _ = c.Write(body) // a Buffer never fails
	_ = c.Close()
	return b.Bytes()
}
