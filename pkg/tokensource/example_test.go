package tokensource_test

import (
	"context"
	"errors"
	"fmt"
	"log"
	"os"

	"github.com/aws/aws-sdk-go-v2/config"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/internal/store/filestore"
	"github.com/tokenkeeper/tokenkeeper/pkg/secret"
	"github.com/tokenkeeper/tokenkeeper/pkg/tokensource"
)

// The usual program. Region and credentials come from its environment. The client
// works with any Jira library.
func Example() {
	ctx := context.Background()
	cfg, err := config.LoadDefaultConfig(ctx)
	if err != nil {
		log.Fatal(err)
	}
	source := tokensource.FromParameterStore(ssm.NewFromConfig(cfg), "PSOXY_JIRA_CLOUD_")
	cloudID, err := source.CloudID(ctx)
	if err != nil {
		log.Fatal(err)
	}
	response, err := source.Client().Get("https://api.atlassian.com/ex/jira/" + cloudID + "/rest/api/3/project/search")
	if err != nil {
		log.Fatal(err)
	}
	defer response.Body.Close()
	fmt.Println(response.Status)
}

// Without AWS: the directory of `tokenkeeper tick --store file:…`.
func ExampleFromDirectory() {
	dir, err := os.MkdirTemp("", "tokens")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	source := tokensource.FromDirectory(dir, "PSOXY_JIRA_CLOUD_")
	_, err = source.Token()
	fmt.Println("before the consent:", errors.Is(err, tokensource.ErrNoToken))

	consent(dir, "PSOXY_JIRA_CLOUD_ACCESS_TOKEN", "an-access-token")
	token, err := source.Token()
	fmt.Println("after it:", token.Type(), err)
	// Output:
	// before the consent: true
	// after it: Bearer <nil>
}

// A client that does not use the transport of this package and got a 401.
func ExampleSource_Invalidate() {
	dir, err := os.MkdirTemp("", "tokens")
	if err != nil {
		log.Fatal(err)
	}
	defer os.RemoveAll(dir)
	consent(dir, "C_ACCESS_TOKEN", "revoked")
	source := tokensource.FromDirectory(dir, "C_")
	token, err := source.Token()
	if err != nil {
		log.Fatal(err)
	}
	consent(dir, "C_ACCESS_TOKEN", "of-a-new-consent")
	source.Invalidate(token)
	token, err = source.Token()
	fmt.Println(token.AccessToken, err)
	// Output: of-a-new-consent <nil>
}

// consent stores a value as a consent does.
func consent(dir, name, value string) {
	files, err := filestore.Open(dir)
	if err != nil {
		log.Fatal(err)
	}
	if _, err := files.Write(context.Background(), name, secret.New(value), store.Encrypted); err != nil {
		log.Fatal(err)
	}
}
