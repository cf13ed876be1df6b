// Terraform writes the parts of deploy/terraform that repeat template.yaml: a
// variable for each parameter, the map that hands them to CloudFormation, and an
// output for each of the template's. `make terraform` runs it; a test compares.
package main

import (
	"fmt"
	"os"
	"path/filepath"

	"github.com/tokenkeeper/tokenkeeper"
)

func main() {
	files, err := generate(tokenkeeper.Template)
	if err == nil {
		for name, content := range files {
			err = os.WriteFile(filepath.Join("deploy/terraform", name), content, 0o644)
			if err != nil {
				break
			}
		}
	}
	if err != nil {
		fmt.Fprintln(os.Stderr, "make terraform:", err)
		os.Exit(1)
	}
}
