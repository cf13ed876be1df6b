package main

import (
	"testing"

	"github.com/stretchr/testify/require"
)

const root = "../../.."

// The list must fit the code: a mutant whose text is gone tests nothing.
func TestEveryMutantApplies(t *testing.T) {
	all := mutants()
	require.GreaterOrEqual(t, len(all), 90)
	names, quick := map[string]bool{}, 0
	for _, m := range all {
		if m.quick {
			quick++
		}
		t.Run(m.name, func(t *testing.T) {
			require.NotContains(t, names, m.name)
			names[m.name] = true
			require.NotEmpty(t, m.breaks)
			require.NotEmpty(t, m.why)
			changed, err := m.apply(root)
			require.NoError(t, err)
			require.NotEmpty(t, changed)
			for _, e := range m.edits {
				require.NotEqual(t, e.old, e.new)
			}
		})
	}
	require.NotZero(t, quick)
}

func TestATextThatIsGoneOrAmbiguousIsAnError(t *testing.T) {
	for _, text := range []string{"no such text", "family"} {
		_, err := mutant{edits: []edit{{"internal/family/doc.go", text, ""}}}.apply(root)
		require.ErrorContains(t, err, "expected once")
	}
	_, err := mutant{edits: []edit{{"internal/family/none.go", "a", "b"}}}.apply(root)
	require.Error(t, err)
}

// The harness tells caught, survived and broken apart.
func TestVerdicts(t *testing.T) {
	s, err := newSuite(t.Context())
	require.NoError(t, err)
	defer s.close()
	s.packages = []string{"./internal/family"}
	fingerprint := func(name, old, new string) mutant {
		return mutant{name: name, edits: []edit{{"internal/family/fingerprint.go", old, new}}}
	}

	by, err := s.test(t.Context(), fingerprint("caught", "return Fingerprint(hex.EncodeToString(sum[:6]))", "return Fingerprint(hex.EncodeToString(sum[:0]))"))
	require.NoError(t, err)
	require.Regexp(t, `^family\.Test`, by)
	by, err = s.test(t.Context(), fingerprint("survivor", "[1024]byte", "[1025]byte"))
	require.NoError(t, err)
	require.Empty(t, by)
	_, err = s.test(t.Context(), fingerprint("broken", "sum[:6]", "sum[:6"))
	require.ErrorContains(t, err, "does not compile")
}
