package secret_test

import (
	"encoding/json"
	"fmt"

	"github.com/tokenkeeper/tokenkeeper/pkg/secret"
)

func Example() {
	token := secret.New("eyJhbGciOi")
	fmt.Printf("%v %+v %d bytes\n", token, struct{ Token secret.Secret }{token}, token.Len())

	_, err := json.Marshal(token)
	fmt.Println("encoded:", err == nil)

	stored, err := json.Marshal(map[string]string{"token": token.Reveal()})
	fmt.Println(string(stored), err)
	// Output:
	// [redacted] {Token:[redacted]} 10 bytes
	// encoded: false
	// {"token":"eyJhbGciOi"} <nil>
}
