package ssmstore_test

import (
	"net/http"
	"net/http/httptest"
	"testing"
	"time"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// dated lets moto answer, with another Date; none if it is zero.
func (b *between) dated(date time.Time) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, r *http.Request) {
		answer := httptest.NewRecorder()
		b.moto.ServeHTTP(answer, r)
		w.Header()["Date"] = nil
		if !date.IsZero() {
			w.Header().Set("Date", date.UTC().Format(http.TimeFormat))
		}
		w.WriteHeader(answer.Code)
		_, _ = w.Write(answer.Body.Bytes())
	}
}

// ReadAt is the Date of Parameter Store's answer, and the latest of several.
func TestReadAt(t *testing.T) {
	at := time.Date(2026, 11, 25, 4, 0, 0, 0, time.UTC)
	b, s := newBetween(t)
	var names []string
	for _, suffix := range []string{"A", "B", "C", "D", "E", "F", "G", "H", "I", "J", "K"} {
		names = append(names, b.name(suffix))
	}
	for _, name := range []string{names[0], names[10]} {
		_, err := s.Write(t.Context(), name, atlassian.NewSecret("x"), store.Plain)
		require.NoError(t, err)
	}
	for _, test := range []struct {
		name          string
		first, second time.Time
		want          time.Time
	}{
		{"the second is later", at, at.Add(time.Minute), at.Add(time.Minute)},
		{"the first is later", at.Add(time.Minute), at, at.Add(time.Minute)},
		{"only one has a date", time.Time{}, at, at},
		{"none has a date", time.Time{}, time.Time{}, time.Time{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			b.then(b.dated(test.first), b.dated(test.second))
			found, err := s.Read(t.Context(), names...)
			require.NoError(t, err)
			require.Len(t, found, 2)
			for _, e := range found {
				require.True(t, test.want.Equal(e.ReadAt), "%v", e.ReadAt)
			}
		})
	}
	t.Run("history", func(t *testing.T) {
		b.then(b.dated(at))
		history, err := s.History(t.Context(), names[0], 1)
		require.NoError(t, err)
		require.True(t, at.Equal(history[0].ReadAt), "%v", history[0].ReadAt)
		require.Equal(t, "N/A", history[0].By, "moto's word for everybody")
	})
}

// A remembered value has the time of the answer that confirms it.
func TestReadAtOfWhatIsRemembered(t *testing.T) {
	r := newRemembering(t)
	for _, at := range []time.Time{time.Date(2030, 1, 2, 3, 4, 5, 0, time.UTC), time.Date(2030, 1, 2, 3, 6, 5, 0, time.UTC)} {
		r.then(r.dated(at))
		found, err := r.store.Read(t.Context(), r.secret, r.second, r.open)
		require.NoError(t, err)
		r.called("glance 3")
		for _, e := range found {
			require.True(t, at.Equal(e.ReadAt), "%v", e.ReadAt)
		}
	}
}
