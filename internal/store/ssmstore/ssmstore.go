// Package ssmstore keeps parameters in AWS Systems Manager Parameter Store.
//
// # The AWS configuration
//
// New takes any client that has the four calls; NewClient makes the one to use
// in production from an aws.Config. A Lambda function has that of internal/config/awsenv,
// any other program that of the SDK's config.LoadDefaultConfig; tests make it by
// hand. NewClient replaces its time-outs and retries, and keeps the rest.
//
// # What is written
//
// An Encrypted parameter is a SecureString, always with an explicit key id: a put
// without one falls back silently to alias/aws/ssm. The tier is
// Intelligent-Tiering, which moves a parameter to the advanced tier by itself when
// its value exceeds 4 KB. Tags cannot be combined with an overwrite and are never
// sent. No parameter gets a label: on the oldest version it makes the hundredth
// next put fail. None gets an expiration policy, which would delete it.
// NotifyUnchanged adds the one policy that only tells.
//
// # What is remembered
//
// Every secret that Read has decrypted stays in the process's memory, because KMS
// charges for each decryption. KMS is asked again for what has changed, and now
// and then to prove the key.
//
// # Permissions
//
// ssm:GetParameters, ssm:GetParameterHistory, ssm:PutParameter, and ssm:DeleteParameter
// on what is to be deleted. On the key: kms:Decrypt, kms:Encrypt (standard tier)
// and kms:GenerateDataKey (advanced tier).
package ssmstore

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/aws/aws-sdk-go-v2/aws"
	awsmiddleware "github.com/aws/aws-sdk-go-v2/aws/middleware"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/aws/smithy-go/middleware"

	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
)

// client is what the store uses of *ssm.Client.
type client interface {
	GetParameters(context.Context, *ssm.GetParametersInput, ...func(*ssm.Options)) (*ssm.GetParametersOutput, error)
	GetParameterHistory(context.Context, *ssm.GetParameterHistoryInput, ...func(*ssm.Options)) (*ssm.GetParameterHistoryOutput, error)
	PutParameter(context.Context, *ssm.PutParameterInput, ...func(*ssm.Options)) (*ssm.PutParameterOutput, error)
	DeleteParameter(context.Context, *ssm.DeleteParameterInput, ...func(*ssm.Options)) (*ssm.DeleteParameterOutput, error)
}

var _ client = (*ssm.Client)(nil)

// maxHistory is how many versions one GetParameterHistory answers with at most (API
// reference).
const maxHistory = 50

// Store implements store.Store.
type Store struct {
	client   client
	keyID    string
	noChange noChange
	memory   *memory
}

var _ store.Store = (*Store)(nil)

// New returns a store that encrypts with the given key: an id, an ARN, or an
// alias such as alias/aws/ssm. It panics if keyID is empty. The clock is
// time.Now, but in tests.
func New(c client, keyID string, now func() time.Time) *Store {
	if keyID == "" {
		panic("ssmstore.New: no key id: expected one such as alias/aws/ssm")
	}
	return &Store{client: c, keyID: keyID, memory: newMemory(now)}
}

// History implements store.Store: a GetParameterHistory for every 50 versions
// that are kept, the oldest first.
func (s *Store) History(ctx context.Context, name string, from int64) ([]store.Entry, error) {
	if err := ctx.Err(); err != nil {
		return nil, err
	}
	if err := store.CheckName(name); err != nil {
		return nil, err
	}
	var entries []store.Entry
	var readAt time.Time
	in := &ssm.GetParameterHistoryInput{Name: &name, WithDecryption: aws.Bool(true), MaxResults: aws.Int32(maxHistory)}
	pages := ssm.NewGetParameterHistoryPaginator(s.client, in, func(o *ssm.GetParameterHistoryPaginatorOptions) { o.StopOnDuplicateToken = true })
	for pages.HasMorePages() {
		out, err := pages.NextPage(ctx)
		if err != nil {
			if err = describe(ctx, "GetParameterHistory", name, 0, err); errors.Is(err, store.ErrNotFound) {
				return nil, nil
			}
			return nil, err
		}
		readAt = later(readAt, serverTime(out.ResultMetadata))
		for _, h := range out.Parameters {
			if h.Version < from {
				continue
			}
			e, err := entry(types.Parameter{Name: &name, Type: h.Type, Value: h.Value, Version: h.Version, LastModifiedDate: h.LastModifiedDate})
			if err != nil {
				return nil, err
			}
			e.By = aws.ToString(h.LastModifiedUser)
			entries = append(entries, e)
		}
	}
	for i := range entries {
		entries[i].ReadAt = readAt
	}
	slices.SortFunc(entries, func(a, b store.Entry) int { return cmp.Compare(a.Version, b.Version) })
	return entries, nil
}

// Create implements store.Store.
func (s *Store) Create(ctx context.Context, name string, value atlassian.Secret, kind store.Kind) (int64, error) {
	return s.put(ctx, name, value, kind, false)
}

// Write implements store.Store.
//
// An existing parameter cannot change its type: SSM answers with
// HierarchyTypeMismatchException. A token that was just received must be saved
// nevertheless. So the put is repeated with the type that the parameter must have.
func (s *Store) Write(ctx context.Context, name string, value atlassian.Secret, kind store.Kind) (int64, error) {
	version, err := s.put(ctx, name, value, kind, true)
	if errors.Is(err, errOtherKind) {
		other := store.Plain
		if kind == store.Plain {
			other = store.Encrypted
		}
		return s.put(ctx, name, value, other, true)
	}
	return version, err
}

func (s *Store) put(ctx context.Context, name string, value atlassian.Secret, kind store.Kind, overwrite bool) (int64, error) {
	if err := ctx.Err(); err != nil {
		return 0, err
	}
	if err := store.CheckWrite(name, value); err != nil {
		return 0, err
	}
	in := &ssm.PutParameterInput{
		Name:      &name,
		Value:     aws.String(value.Reveal()),
		Overwrite: &overwrite,
		Tier:      types.ParameterTierIntelligentTiering,
		Type:      types.ParameterTypeString,
	}
	if kind == store.Encrypted {
		in.Type, in.KeyId = types.ParameterTypeSecureString, &s.keyID
	}
	s.memory.forget(name, true)
	defer s.memory.forget(name, true)
	var w watch
	out, err := s.noChange.put(ctx, s.client, in, &w)
	if err != nil {
		return 0, w.settle(describe(ctx, "PutParameter", name, 0, err))
	}
	if out.Version < 1 {
		return 0, fmt.Errorf("%s: Parameter Store answered without a version: the write may have taken effect", name)
	}
	return out.Version, nil
}

// Delete implements store.Store.
func (s *Store) Delete(ctx context.Context, name string) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	if err := store.CheckName(name); err != nil {
		return err
	}
	s.memory.forget(name, false)
	defer s.memory.forget(name, false)
	var w watch
	_, err := s.client.DeleteParameter(ctx, &ssm.DeleteParameterInput{Name: &name}, w.retries)
	if err == nil {
		return nil
	}
	err = w.settle(describe(ctx, "DeleteParameter", name, 0, err))
	if w.ambiguous && errors.Is(err, store.ErrNotFound) {
		return nil // the attempt whose answer was lost has deleted it
	}
	return err
}

// serverTime is the Date header of an answer, or zero.
func serverTime(m middleware.Metadata) time.Time {
	at, _ := awsmiddleware.GetServerTime(m)
	return at
}

func later(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// entry turns a parameter into an Entry.
func entry(p types.Parameter) (store.Entry, error) {
	kind := store.Plain
	if p.Type == types.ParameterTypeSecureString {
		kind = store.Encrypted
	}
	if p.Value == nil || p.Version < 1 {
		return store.Entry{}, fmt.Errorf("%s: Parameter Store answered without a value or a version", aws.ToString(p.Name))
	}
	return store.Entry{
		Value:    atlassian.NewSecret(*p.Value),
		Version:  p.Version,
		Modified: aws.ToTime(p.LastModifiedDate),
		Kind:     kind,
	}, nil
}
