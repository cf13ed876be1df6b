// Evaluate prints a template as a deployment would get it: the resources that
// are created under the given parameters, with every intrinsic function
// evaluated. Linters that look at values, and not at functions, read this.
//
// Usage: go run ./tools/evaluate TRANSFORMED.json [Parameter=value…]
package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"

	"github.com/tokenkeeper/tokenkeeper/internal/proof/paging/cloudformation"
)

func main() {
	if len(os.Args) < 2 {
		fmt.Fprintln(os.Stderr, "usage: go run ./tools/evaluate TRANSFORMED.json [Parameter=value…]")
		os.Exit(2)
	}
	if err := run(os.Args[1], os.Args[2:]); err != nil {
		fmt.Fprintln(os.Stderr, "evaluate:", err)
		os.Exit(1)
	}
}

func run(path string, settings []string) error {
	text, err := os.ReadFile(path)
	if err != nil {
		return err
	}
	template, err := cloudformation.Parse(text)
	if err != nil {
		return fmt.Errorf("%s: %w", path, err)
	}
	parameters := map[string]string{}
	for _, setting := range settings {
		name, value, ok := strings.Cut(setting, "=")
		if !ok {
			return fmt.Errorf("%q: expected Parameter=value", setting)
		}
		parameters[name] = value
	}
	stack, err := cloudformation.Deploy(template, "tokenkeeper", parameters)
	if err != nil {
		return err
	}
	ids, err := stack.IDs("")
	if err != nil {
		return err
	}
	resources := cloudformation.Object{}
	for _, id := range ids {
		resource, err := stack.Resource(id)
		if err != nil {
			return err
		}
		properties, err := stack.Properties(id)
		if err != nil {
			return fmt.Errorf("%s: %w", id, err)
		}
		evaluated := cloudformation.Object{"Type": resource["Type"], "Properties": properties}
		for _, kept := range []string{"Metadata", "DeletionPolicy", "UpdateReplacePolicy"} {
			if v, ok := resource[kept]; ok {
				evaluated[kept] = v
			}
		}
		resources[id] = evaluated
	}
	out := json.NewEncoder(os.Stdout)
	out.SetEscapeHTML(false)
	out.SetIndent("", "  ")
	return out.Encode(cloudformation.Object{"AWSTemplateFormatVersion": template["AWSTemplateFormatVersion"], "Resources": resources})
}
