package ssmstore_test

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/internal/store/storetest"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

func TestErrorClasses(t *testing.T) {
	b, s := newBetween(t)
	for _, test := range []struct {
		code   string
		status int
		want   error
	}{
		{"AccessDeniedException", 400, store.ErrDenied},
		{"AccessDenied", 403, store.ErrDenied},
		{"InvalidKeyId", 400, store.ErrDenied},
		{"KMSInvalidStateException", 400, store.ErrDenied},
		{"KMSAccessDeniedException", 400, store.ErrDenied},
		{"KMSNotFoundException", 400, store.ErrDenied},
		{"DisabledException", 400, store.ErrDenied},
		{"com.amazonaws.ssm#InvalidKeyId", 400, store.ErrDenied},
		{"ExpiredTokenException", 400, store.ErrDenied},
		{"UnrecognizedClientException", 400, store.ErrDenied},
		{"ParameterAlreadyExists", 400, store.ErrExists},
		{"ParameterNotFound", 400, store.ErrNotFound},
		{"ValidationException", 400, nil},
		{"InternalFailure", 400, nil},
		{"ParameterMaxVersionLimitExceeded", 400, store.ErrUnwritable},
		{"UnsupportedParameterType", 400, store.ErrUnwritable},
		{"ParameterPatternMismatchException", 400, store.ErrUnwritable},
		{"ParameterLimitExceeded", 400, store.ErrUnwritable},
		{"PoliciesLimitExceededException", 400, store.ErrUnwritable},
		{"IncompatiblePolicyException", 400, store.ErrUnwritable},
		{"HierarchyLevelLimitExceededException", 400, store.ErrUnwritable},
		{"NobodyKnowsThis", 400, nil},
		{"canary-91b7 <b>", 400, nil},
	} {
		b.then(answer(test.status, test.code))
		_, err := put(s, t, "NAME")
		require.Len(t, b.seen(), 1, "%s is not tried again", test.code)
		require.ErrorContains(t, err, "NAME")
		requireNoCanary(t, err)
		for _, known := range []error{store.ErrDenied, store.ErrExists, store.ErrNotFound, store.ErrTooLarge, store.ErrUnwritable, store.ErrNotWritten} {
			require.Equal(t, known == test.want, errors.Is(err, known), "%s: %v", test.code, err)
		}
		if !strings.Contains(test.code, "canary") {
			_, code, found := strings.Cut(test.code, "#")
			if !found {
				code = test.code
			}
			require.ErrorContains(t, err, code)
		}
		require.ErrorContains(t, err, "0f5a1c2e-0000-4000-8000-1234567890ab")
	}

	b.then(answer(400, "ParameterNotFound"))
	none, err := s.History(t.Context(), "NAME", 3)
	require.NoError(t, err)
	require.Empty(t, none)
	b.then(answer(400, "AccessDeniedException"))
	_, err = s.Read(t.Context(), "NAME", "OTHER")
	require.ErrorIs(t, err, store.ErrDenied)
	require.ErrorContains(t, err, "NAME and 1 more")
	b.then(answer(400, "AccessDeniedException"))
	require.ErrorIs(t, s.Delete(t.Context(), "NAME"), store.ErrDenied)
}

// What is no answer of SSM is neither believed nor quoted.
func TestForeignAnswers(t *testing.T) {
	b, s := newBetween(t)
	page := func(status int, body string) func(http.ResponseWriter, *http.Request) {
		return func(w http.ResponseWriter, _ *http.Request) {
			w.WriteHeader(status)
			_, _ = io.WriteString(w, body)
		}
	}
	for _, handle := range []func(http.ResponseWriter, *http.Request){
		page(200, ""), page(200, "{}"), page(200, "<html>"+canary), page(200, `{"Version":"`+canary+`"}`),
		page(200, `{"Parameters":[{"Name":"NAME","Value":["`+canary+`"]}]}`),
		page(200, `{"Parameters":[{"Name":"NAME","Value":"`+canary+`","Version":0}]}`),
		page(302, canary), page(403, "<html>"+canary), page(404, canary), page(418, `{"__type":"`+canary+` x"}`),
	} {
		b.then(handle, handle, handle)
		_, err := put(s, t, "NAME")
		require.ErrorContains(t, err, "NAME")
		requireNoCanary(t, err)

		b.then(handle, handle, handle)
		_, err = s.History(t.Context(), "NAME", 1)
		requireNoCanary(t, err)
	}
	b.then(page(200, `{"Parameters":[{"Name":"NAME","Version":1}]}`))
	_, err := s.Read(t.Context(), "NAME")
	require.ErrorContains(t, err, "NAME: Parameter Store answered without a value")
}

func TestThrottlingIsWaitedOut(t *testing.T) {
	t.Parallel()
	b, s := newBetween(t)
	b.then(answer(400, "ThrottlingException"), answer(400, "TooManyUpdates"))
	v, err := put(s, t, b.name("THROTTLED"))
	require.NoError(t, err)
	require.EqualValues(t, 1, v)
	require.Len(t, b.seen(), 3)

	// A refusal after mere throttling is as definite as one at once.
	b.then(answer(400, "ThrottlingException"), answer(400, "AccessDeniedException"))
	_, err = put(s, t, b.name("THROTTLED"))
	require.ErrorIs(t, err, store.ErrDenied)

	b.then(answer(400, "ThrottlingException"), answer(400, "ThrottlingException"), answer(400, "ThrottlingException"))
	_, err = put(s, t, b.name("THROTTLED"))
	require.ErrorContains(t, err, "ThrottlingException")
	require.Len(t, b.seen(), 3, "three attempts and no more")
}

// What was never written may be repeated: the error says so, unless an earlier
// attempt had no answer.
func TestNotWritten(t *testing.T) {
	for _, code := range []string{"TooManyUpdates", "ThrottlingException", "RequestLimitExceeded"} {
		t.Run(code, func(t *testing.T) {
			t.Parallel()
			b, s := newBetween(t)
			busy := answer(400, code)
			b.then(busy, busy, busy)
			_, err := put(s, t, b.name("BUSY"))
			require.ErrorIs(t, err, store.ErrNotWritten)
			require.ErrorContains(t, err, code)
			requireNoCanary(t, err)

			b.then(b.lost, busy, busy)
			_, err = put(s, t, b.name("BUSY"))
			require.NotErrorIs(t, err, store.ErrNotWritten)
			require.ErrorContains(t, err, "may have taken effect")
		})
	}
	t.Run("unreachable", func(t *testing.T) {
		t.Parallel()
		b, s := newBetween(t)
		b.Close()
		_, err := put(s, t, b.name("UNREACHABLE"))
		require.ErrorIs(t, err, store.ErrNotWritten)
		require.ErrorIs(t, s.Delete(t.Context(), b.name("UNREACHABLE")), store.ErrNotWritten)
	})
}

func TestFailuresOfTheServiceAreTriedAgain(t *testing.T) {
	t.Parallel()
	b, s := newBetween(t)
	b.then(answer(500, "InternalServerError"))
	v, err := put(s, t, b.name("FLAKY"))
	require.NoError(t, err)
	require.EqualValues(t, 1, v)
}

// The SDK repeats a call whose answer was lost. These are the outcomes that the
// contract allows for.
func TestLostAnswers(t *testing.T) {
	t.Parallel()
	b, s := newBetween(t)
	ctx, value := t.Context(), atlassian.NewSecret(canary)

	b.then(b.lost)
	_, err := s.Create(ctx, b.name("LOST_LOCK"), value, store.Plain)
	require.ErrorIs(t, err, store.ErrExists)
	entries, err := s.Read(ctx, b.name("LOST_LOCK"))
	require.NoError(t, err)
	require.Equal(t, value, entries[b.name("LOST_LOCK")].Value, "it is our own")

	b.then(b.lost)
	v, err := put(s, t, b.name("LOST_TOKEN"))
	require.NoError(t, err)
	require.EqualValues(t, 2, v, "written twice")
	first, err := storetest.Version(ctx, s, b.name("LOST_TOKEN"), 1)
	require.NoError(t, err)
	require.Equal(t, value, first.Value)

	b.then(b.lost)
	require.NoError(t, s.Delete(ctx, b.name("LOST_LOCK")))
	require.ErrorIs(t, s.Delete(ctx, b.name("LOST_LOCK")), store.ErrNotFound)

	b.then(b.lost)
	entries, err = s.Read(ctx, b.name("LOST_TOKEN"))
	require.NoError(t, err)
	require.EqualValues(t, 2, entries[b.name("LOST_TOKEN")].Version)
}

// A refusal of the second attempt says nothing about the first, whose answer was
// lost: ErrDenied would claim that nothing was written.
func TestRefusalAfterLostAnswerIsAmbiguous(t *testing.T) {
	t.Parallel()
	b, s := newBetween(t)
	b.then(b.lost, answer(400, "AccessDeniedException"))
	_, err := put(s, t, b.name("AMBIGUOUS"))
	require.NotErrorIs(t, err, store.ErrDenied)
	require.ErrorContains(t, err, "may have taken effect")
	require.ErrorContains(t, err, "AccessDeniedException")
	requireNoCanary(t, err)
	entries, err := s.Read(t.Context(), b.name("AMBIGUOUS"))
	require.NoError(t, err)
	require.EqualValues(t, 1, entries[b.name("AMBIGUOUS")].Version)
}

// A parameter that was created by hand with the other type is written with that
// type: a token that cannot be saved is lost.
func TestOtherType(t *testing.T) {
	b, s := newBetween(t)
	b.then(answer(400, "HierarchyTypeMismatchException"))
	v, err := put(s, t, b.name("MISTYPED_SECRET"))
	require.NoError(t, err)
	require.EqualValues(t, 1, v)
	calls := b.seen()
	require.Len(t, calls, 2)
	require.Equal(t, "SecureString", calls[0].input["Type"])
	require.Equal(t, key, calls[0].input["KeyId"])
	require.Equal(t, "String", calls[1].input["Type"])
	require.NotContains(t, calls[1].input, "KeyId")
	require.Equal(t, true, calls[1].input["Overwrite"])

	b.then(answer(400, "HierarchyTypeMismatchException"))
	_, err = s.Write(t.Context(), b.name("MISTYPED_PLAIN"), atlassian.NewSecret("x"), store.Plain)
	require.NoError(t, err)
	require.Equal(t, "SecureString", b.seen()[1].input["Type"])
	require.Equal(t, key, b.seen()[1].input["KeyId"])

	b.then(answer(400, "HierarchyTypeMismatchException"), answer(400, "HierarchyTypeMismatchException"))
	_, err = put(s, t, "MISTYPED_LIST")
	require.ErrorIs(t, err, store.ErrUnwritable)
	require.ErrorContains(t, err, "has another type")
	require.Len(t, b.seen(), 2)
}

// The cost of a tick: what is asked of SSM, and how often.
func TestCalls(t *testing.T) {
	b, s := newBetween(t)
	ctx := t.Context()
	var names []string
	for n := range 25 {
		names = append(names, fmt.Sprint("COST", n))
	}
	for asked, want := range map[int]int{0: 0, 1: 1, 6: 1, 10: 1, 11: 2, 25: 3} {
		b.then()
		_, err := s.Read(ctx, append(names[:asked:asked], names[:min(asked, 1)]...)...)
		require.NoError(t, err)
		require.Len(t, b.seen(), want, "%d names", asked)
		for _, c := range b.seen() {
			require.Equal(t, "GetParameters", c.operation)
			require.LessOrEqual(t, len(c.input["Names"].([]any)), 10)
		}
	}
	b.then()
	_, err := s.Create(ctx, "COST_LOCK", atlassian.NewSecret("x"), store.Plain)
	require.NoError(t, err)
	_, err = put(s, t, "COST_TOKEN")
	require.NoError(t, err)
	require.NoError(t, s.Delete(ctx, "COST_LOCK"))
	calls := b.seen()
	require.Len(t, calls, 3)
	require.Equal(t, false, calls[0].input["Overwrite"])
	require.Equal(t, true, calls[1].input["Overwrite"])
	for _, c := range calls[:2] {
		require.Equal(t, "Intelligent-Tiering", c.input["Tier"])
		require.NotContains(t, c.input, "Tags")
		require.NotContains(t, c.input, "Policies")
	}
}
