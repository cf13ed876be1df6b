package family_test

import (
	"encoding/base64"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/family"
	"github.com/tokenkeeper/tokenkeeper/internal/psoxy"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
)

// accessStored is a connection whose ACCESS_TOKEN was read to hold a value.
func accessStored(value string, policy psoxy.AccessFormat) family.Snapshot {
	s := family.NewSnapshot(family.Connection{Name: conn, Policy: family.Policy{AccessFormat: policy}},
		map[string]store.Entry{names.AccessToken: {Value: secret(value), Version: 1}})
	s.State = state()
	return s
}

// The operator's word decides, then what is stored, and then what is remembered. Only a
// token, or psoxy's object, is stored on purpose.
func TestForm(t *testing.T) {
	psoxys := psoxy.JSON.EncodeAccessToken(secret(access(8)), now).Reveal()
	for _, c := range []struct {
		name, stored string
		policy       psoxy.AccessFormat
		// raw and shared are the forms where the one or the other was published last.
		raw, shared psoxy.AccessFormat
	}{
		{"psoxy's", psoxys, psoxy.AsStored, psoxy.JSON, psoxy.JSON},
		{"psoxy's, cut short", psoxys[:len(psoxys)-4], psoxy.AsStored, psoxy.Raw, psoxy.JSON},
		{"psoxy's, without a time", `{"token":"` + access(8) + `"}`, psoxy.AsStored, psoxy.Raw, psoxy.JSON},
		{"a bare token", access(8), psoxy.AsStored, psoxy.Raw, psoxy.Raw},
		{"a JWT", atlassianToken("chain", now, "ACCESS"), psoxy.AsStored, psoxy.Raw, psoxy.Raw},
		{"a JWT, cut short", atlassianToken("chain", now, "ACCESS")[:100], psoxy.AsStored, psoxy.Raw, psoxy.JSON},
		{"nothing", "", psoxy.AsStored, psoxy.Raw, psoxy.JSON},
		{"a placeholder", psoxy.Unfilled, psoxy.AsStored, psoxy.Raw, psoxy.JSON},
		{"another placeholder", "CHANGE_ME_LATER", psoxy.AsStored, psoxy.Raw, psoxy.JSON},
		{"a word", "another", psoxy.AsStored, psoxy.Raw, psoxy.JSON},
		{"an empty object", "{}", psoxy.AsStored, psoxy.Raw, psoxy.JSON},
		{"the whole answer", `{"access_token":"` + access(8) + `"}`, psoxy.AsStored, psoxy.Raw, psoxy.JSON},
		{"psoxy's, in quotes", `"` + psoxys + `"`, psoxy.AsStored, psoxy.Raw, psoxy.JSON},
		{"psoxy's, without its begin", psoxys[2:], psoxy.AsStored, psoxy.Raw, psoxy.JSON},
		{"psoxy's, in Base64", base64.StdEncoding.EncodeToString([]byte(psoxys)), psoxy.AsStored, psoxy.Raw, psoxy.JSON},
		{"nothing decided", "", "", psoxy.Raw, psoxy.JSON},
		{"the operator says raw", psoxys, psoxy.Raw, psoxy.Raw, psoxy.Raw},
		{"the operator says psoxy's", access(8), psoxy.JSON, psoxy.JSON, psoxy.JSON},
	} {
		t.Run(c.name, func(t *testing.T) {
			s := accessStored(c.stored, c.policy)
			require.Equal(t, c.raw, family.Form(s))
			s.State.Record.AccessFormat = psoxy.JSON
			require.Equal(t, c.shared, family.Form(s))
		})
	}
}

// Where nothing is remembered, a damaged value has the form that it resembles.
func TestFormOfADamagedValue(t *testing.T) {
	psoxys := psoxy.JSON.EncodeAccessToken(secret(access(8)), now).Reveal()
	s := accessStored(psoxys[:len(psoxys)-4], psoxy.AsStored)
	s.State = family.State{}
	require.Equal(t, psoxy.JSON, family.Form(s))
}

// Without a ledger TOKEN_FAMILY remembers the form, and without that the process.
func TestFormWithoutALedger(t *testing.T) {
	s := accessStored("", psoxy.AsStored)
	known := s.State
	known.Record.AccessFormat = psoxy.JSON
	s.State = family.State{}
	require.Equal(t, psoxy.Raw, family.Form(s))
	s.Known = known
	require.Equal(t, psoxy.JSON, family.Form(s))
	s.Known = family.State{}
	s.Family = store.Entry{Value: known.Record.Encode(), Version: 1}
	require.Equal(t, psoxy.JSON, family.Form(s))
}

// Tokens that are settled or adopted are remembered with the form in which they are
// published. The bare token takes no room in the ledger.
func TestTheFormIsRemembered(t *testing.T) {
	for _, form := range []psoxy.AccessFormat{psoxy.Raw, psoxy.JSON} {
		t.Run(string(form), func(t *testing.T) {
			s := healthy()
			s.AccessFormat = form
			if form == psoxy.Raw {
				s.State.Record.AccessFormat = psoxy.JSON // before
			}
			adopted, why := adopt(past(refresh(0)), []store.Entry{{Value: s.State.Record.Encode(), Version: 1}}, func(s *family.Snapshot) { s.AccessFormat = form })
			require.Empty(t, why)
			for name, r := range map[string]family.Record{
				"a rotation":           s.Received(pair(8, now), family.Field{}).Record,
				"a candidate":          s.Received(pair(8, now), field(refresh(109), 9, now)).Record,
				"a consent":            s.Consented(pair(50, now), family.DefaultPolicy()).Record,
				"an adoption":          adopted.Record,
				"what is settled anew": (family.State{Refresh: secret(refresh(7)), Record: s.Received(pair(8, now), family.Field{}).Record}).Receipt().Record,
			} {
				require.Equal(t, form == psoxy.JSON, r.AccessFormat == psoxy.JSON, name)
				require.Equal(t, form == psoxy.Raw, r.AccessFormat == "", name)
				read, err := family.ParseRecord(r.Encode().Reveal(), conn)
				require.NoError(t, err)
				require.Equal(t, r.AccessFormat, read.AccessFormat, name)
			}
		})
	}
	require.NotContains(t, record().Encode().Reveal(), `"form"`)
}
