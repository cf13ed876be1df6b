package main

import (
	"bytes"
	"context"
	"encoding/json"
	"os"
	"path/filepath"
	"strings"
	"time"

	"github.com/rogpeppe/go-internal/testscript"
	"github.com/santhosh-tekuri/jsonschema/v6"

	"github.com/tokenkeeper/tokenkeeper/internal/store"
	"github.com/tokenkeeper/tokenkeeper/internal/store/filestore"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian"
	"github.com/tokenkeeper/tokenkeeper/pkg/atlassian/atlassiantest"
)

// scriptAge: "age DIR DURATION" makes everything in a file store so much older: what
// the store says of its versions, and the times in the values.
func scriptAge(ts *testscript.TestScript, _ bool, args []string) {
	by, err := time.ParseDuration(args[1])
	ts.Check(err)
	files, err := filepath.Glob(filepath.Join(ts.MkAbs(args[0]), "*.json"))
	ts.Check(err)
	for _, file := range files {
		content, err := os.ReadFile(file)
		ts.Check(err)
		var parameter map[string]any
		ts.Check(json.Unmarshal(content, &parameter))
		content, err = json.Marshal(aged(parameter, by))
		ts.Check(err)
		ts.Check(os.WriteFile(file, content, 0o600))
	}
}

// aged moves all times in a JSON value, and in texts that are JSON themselves.
func aged(v any, by time.Duration) any {
	switch v := v.(type) {
	case map[string]any:
		for key := range v {
			v[key] = aged(v[key], by)
		}
	case []any:
		for i := range v {
			v[i] = aged(v[i], by)
		}
	case string:
		if at, err := time.Parse(time.RFC3339Nano, v); err == nil {
			return at.Add(-by).Format(time.RFC3339Nano)
		}
		var inner any
		decoder := json.NewDecoder(strings.NewReader(v))
		decoder.UseNumber()
		if strings.HasPrefix(v, "{") && decoder.Decode(&inner) == nil {
			var out bytes.Buffer
			encoder := json.NewEncoder(&out)
			encoder.SetEscapeHTML(false)
			_ = encoder.Encode(aged(inner, by)) // what was decoded encodes
			return strings.TrimSpace(out.String())
		}
	}
	return v
}

// scriptPut: "put DIR NAME VALUE" writes a parameter; "put DIR NAME" deletes it.
func scriptPut(ts *testscript.TestScript, _ bool, args []string) {
	st, err := filestore.Open(ts.MkAbs(args[0]))
	ts.Check(err)
	if len(args) == 2 {
		ts.Check(st.Delete(context.Background(), args[1]))
		return
	}
	_, err = st.Write(context.Background(), args[1], atlassian.NewSecret(args[2]), store.Encrypted)
	ts.Check(err)
}

// scriptCopy: "copy DIR FROM TO" writes a parameter with the value of another one.
func scriptCopy(ts *testscript.TestScript, _ bool, args []string) {
	st, err := filestore.Open(ts.MkAbs(args[0]))
	ts.Check(err)
	entries, err := st.Read(context.Background(), args[1])
	ts.Check(err)
	_, err = st.Write(context.Background(), args[2], entries[args[1]].Value, store.Encrypted)
	ts.Check(err)
}

// scriptFault: "fault WHEN KIND" makes token requests fail, until "heal".
func scriptFault(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(atlassianOf(ts).Inject(atlassiantest.Fault{Endpoint: atlassiantest.EndpointToken,
		When: atlassiantest.When(args[0]), Kind: atlassiantest.Kind(args[1])}))
}

// scriptRevoke: "revoke" ends the grant.
func scriptRevoke(ts *testscript.TestScript, _ bool, _ []string) {
	a := atlassianOf(ts)
	ts.Check(a.RevokeGrant(a.fix.Account.ID, a.fix.App.ClientID))
}

// scriptHeal ends the faults.
func scriptHeal(ts *testscript.TestScript, _ bool, _ []string) { atlassianOf(ts).ClearFaults() }

// scriptConforms: "conforms NAME" holds what was printed last to docs/schema/NAME.json.
func scriptConforms(ts *testscript.TestScript, _ bool, args []string) {
	ts.Check(conforms(filepath.Join(ts.Getenv("SCHEMAS"), args[0]+".json"), ts.ReadFile("stdout")))
}

// conforms holds a JSON text to a schema.
func conforms(schemaFile, text string) error {
	compiler := jsonschema.NewCompiler()
	compiler.AssertFormat()
	schema, err := compiler.Compile(schemaFile)
	if err != nil {
		return err
	}
	printed, err := jsonschema.UnmarshalJSON(strings.NewReader(text))
	if err != nil {
		return err
	}
	return schema.Validate(printed)
}
