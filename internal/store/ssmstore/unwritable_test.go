package ssmstore_test

import (
	"bytes"
	"fmt"
	"io"
	"net/http"
	"testing"

	"github.com/aws/aws-sdk-go-v2/aws"
	"github.com/aws/aws-sdk-go-v2/service/ssm"
	"github.com/aws/aws-sdk-go-v2/service/ssm/types"
	"github.com/stretchr/testify/require"

	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/internal/store/ssmstore"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
	"github.com/tokenkeeper/tokenkeeper/test/moto"
)

// A label on the oldest of a hundred versions stops every write, until somebody
// follows the error's advice.
func TestALabelOnTheOldestVersion(t *testing.T) {
	b, s := newBetween(t)
	client, ctx, name := ssmstore.NewClient(moto.Start(t).AWSConfig()), t.Context(), b.name("LABELLED")
	for n := range store.KeptVersions + 2 {
		_, err := s.Write(ctx, name, atlassian.NewSecret(fmt.Sprint("value ", n+1)), store.Encrypted)
		require.NoError(t, err)
	}
	oldest := aws.Int64(3)
	_, err := client.LabelParameterVersion(ctx, &ssm.LabelParameterVersionInput{Name: &name, ParameterVersion: oldest, Labels: []string{"production"}})
	require.NoError(t, err)

	for _, kind := range []store.Kind{store.Encrypted, store.Plain} {
		b.then()
		_, err = s.Write(ctx, name, atlassian.NewSecret(canary), kind)
		require.ErrorIs(t, err, store.ErrUnwritable)
		require.ErrorContains(t, err, "LabelParameterVersion in CloudTrail")
		require.ErrorContains(t, err, "aws ssm unlabel-parameter-version --name "+name+" --parameter-version 3 --labels LABEL")
		requireNoCanary(t, err)
		require.Len(t, b.seen(), 1, "it is not tried again")
	}
	found, err := s.Read(ctx, name)
	require.NoError(t, err)
	require.EqualValues(t, store.KeptVersions+2, found[name].Version, "nothing was written")

	_, err = client.UnlabelParameterVersion(ctx, &ssm.UnlabelParameterVersionInput{Name: &name, ParameterVersion: oldest, Labels: []string{"production"}})
	require.NoError(t, err)
	version, err := put(s, t, name)
	require.NoError(t, err)
	require.EqualValues(t, store.KeptVersions+3, version)
}

// Without a number in the answer, the advice names none. It shows no other part of
// the answer.
func TestALabelSomewhere(t *testing.T) {
	b, s := newBetween(t)
	b.then(answer(400, "ParameterMaxVersionLimitExceeded"))
	_, err := put(s, t, "NAME")
	require.ErrorIs(t, err, store.ErrUnwritable)
	require.ErrorContains(t, err, "--parameter-version VERSION --labels LABEL")
	requireNoCanary(t, err)
}

// typed refuses a put of another type than the parameter has, as Parameter Store
// does; moto would change the type.
func (b *between) typed(t *testing.T, client *ssm.Client) func(http.ResponseWriter, *http.Request) {
	return func(w http.ResponseWriter, r *http.Request) {
		body, _ := io.ReadAll(r.Body)
		r.Body = io.NopCloser(bytes.NewReader(body))
		input := b.seen()[len(b.seen())-1].input
		out, err := client.GetParameters(t.Context(), &ssm.GetParametersInput{Names: []string{input["Name"].(string)}})
		if err == nil && len(out.Parameters) == 1 && string(out.Parameters[0].Type) != input["Type"] {
			answer(400, "HierarchyTypeMismatchException")(w, r)
			return
		}
		b.moto.ServeHTTP(w, r)
	}
}

// A String that should be a SecureString, or the reverse, is written as it is. A
// StringList is read as plain text, and accepts no write.
func TestParametersOfEachType(t *testing.T) {
	b, s := newBetween(t)
	client, ctx := ssmstore.NewClient(moto.Start(t).AWSConfig()), t.Context()
	for _, there := range []types.ParameterType{types.ParameterTypeString, types.ParameterTypeSecureString, types.ParameterTypeStringList} {
		for _, kind := range []store.Kind{store.Plain, store.Encrypted} {
			t.Run(fmt.Sprint(there, kind), func(t *testing.T) {
				name := b.name(fmt.Sprint(there, kind))
				_, err := client.PutParameter(ctx, &ssm.PutParameterInput{Name: &name, Type: there, Value: aws.String("by,hand")})
				require.NoError(t, err)
				b.then(b.typed(t, client), b.typed(t, client))
				version, err := s.Write(ctx, name, atlassian.NewSecret(canary), kind)
				puts := len(b.seen())

				found, readErr := s.Read(ctx, name)
				require.NoError(t, readErr)
				e := found[name]
				require.Equal(t, there == types.ParameterTypeSecureString, e.Kind == store.Encrypted, "it keeps its type")
				if there == types.ParameterTypeStringList {
					require.ErrorIs(t, err, store.ErrUnwritable)
					require.ErrorContains(t, err, name+": the parameter accepts no write as it is: it has another type")
					requireNoCanary(t, err)
					require.Equal(t, 2, puts, "both types were tried")
					require.Equal(t, "by,hand", e.Value.Reveal())
					require.EqualValues(t, 1, e.Version)
					return
				}
				require.NoError(t, err)
				require.EqualValues(t, 2, version)
				require.Equal(t, canary, e.Value.Reveal())
			})
		}
	}
}

// A refusal of the other type is ambiguous after an attempt whose answer was lost.
func TestAListAfterALostAnswer(t *testing.T) {
	b, s := newBetween(t)
	mismatch := answer(400, "HierarchyTypeMismatchException")
	b.then(mismatch, b.lost, mismatch)
	_, err := put(s, t, b.name("LIST"))
	require.NotErrorIs(t, err, store.ErrUnwritable)
	require.ErrorContains(t, err, "may have taken effect")
}
