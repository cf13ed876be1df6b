package ledger

import (
	"context"

	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// Parameter is a Log in one encrypted parameter of a store.
type Parameter struct {
	Store store.Store
	// Name is the whole name of the parameter.
	Name string
}

var _ Log = Parameter{}

// History implements Log.
func (p Parameter) History(ctx context.Context, from int64) ([]store.Entry, error) {
	return p.Store.History(ctx, p.Name, from)
}

// Append implements Log.
func (p Parameter) Append(ctx context.Context, value atlassian.Secret) (int64, error) {
	return p.Store.Write(ctx, p.Name, value, store.Encrypted)
}
