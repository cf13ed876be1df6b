package consent_test

import (
	"net/url"
	"testing"

	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/consent"
)

// A person pastes the browser's address where a name belongs. What is refused quotes
// neither its state nor its code.
func TestAnAddressInTheWrongField(t *testing.T) {
	w := newWorld(t)
	address := w.accept(w.begin(connA).AuthorizeURL)
	u, err := url.Parse(address.Reveal())
	require.NoError(t, err)
	pasted := "http://localhost/?state=" + u.Query().Get("state") + "&code=" + u.Query().Get("code")
	for name, try := range map[string]func() error{
		"the connection of a begin": func() error {
			_, err := w.service.Begin(t.Context(), consent.BeginRequest{Connection: pasted})
			return err
		},
		"the connection of a completion": func() error {
			_, err := w.complete(consent.CompleteRequest{RedirectURL: address, Connection: pasted})
			return err
		},
		"the site": func() error {
			_, err := w.complete(consent.CompleteRequest{RedirectURL: address, Site: pasted})
			return err
		},
	} {
		t.Run(name, func(t *testing.T) {
			err := try()
			require.ErrorContains(t, err, "hidden")
			for _, text := range []string{err.Error(), w.logs.String()} {
				require.NotContains(t, text, u.Query().Get("state"))
				require.NotContains(t, text, u.Query().Get("code"))
			}
		})
	}
}

// A person has stored a secret in CLOUD_ID by mistake. A consent says that no site is known,
// and does not quote it.
func TestASecretInCloudID(t *testing.T) {
	w := newWorld(t)
	w.consented(connA)
	secret := w.fix.App.ClientSecret.Reveal()
	w.put(namesA.CloudID, secret)
	_, err := w.complete(consent.CompleteRequest{RedirectURL: w.accept(w.begin(connA).AuthorizeURL)})
	w.refusedType(consent.SiteChanged, err)
	require.ErrorContains(t, err, "CLOUD_ID")
	require.NotContains(t, err.Error(), secret)
	require.NotContains(t, w.logs.String(), secret)
	w.put(namesB.CloudID, secret)
	status, err := w.service.Status(t.Context(), consent.StatusRequest{Connection: connB})
	require.NoError(t, err)
	require.Empty(t, status.Connections[0].CloudID)
}
