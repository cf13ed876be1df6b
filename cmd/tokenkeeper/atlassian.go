package main

import (
	"fmt"
	"os"
	"strings"

	"github.com/spf13/cobra"

	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// atlassianFlags say where Atlassian is: elsewhere for tests only.
type atlassianFlags struct{ authURL, apiURL string }

func (f *atlassianFlags) register(cmd *cobra.Command) {
	cmd.Flags().StringVar(&f.authURL, "auth-url", os.Getenv("ATLASSIAN_AUTH_URL"), "instead of "+atlassian.DefaultAuthURL+", such as an emulator's; also ATLASSIAN_AUTH_URL")
	cmd.Flags().StringVar(&f.apiURL, "api-url", os.Getenv("ATLASSIAN_API_URL"), "instead of "+atlassian.DefaultAPIURL+"; also ATLASSIAN_API_URL")
}

// client returns the client for them.
func (f *atlassianFlags) client() (*atlassian.Client, error) {
	for _, u := range []struct{ flag, value string }{{"auth-url", f.authURL}, {"api-url", f.apiURL}} {
		if err := atlassian.CheckURL(u.value); err != nil {
			return nil, errUsage{fmt.Errorf("--%s is %w", u.flag, err)}
		}
	}
	return &atlassian.Client{AuthURL: strings.TrimSuffix(f.authURL, "/"), APIURL: strings.TrimSuffix(f.apiURL, "/")}, nil
}
