package main

import (
	"encoding/json"
	"fmt"
	"os"
	"strings"
)

type object = map[string]any

// codeParameters tell the published template where the archives are. The other
// parameters are template.yaml's.
var codeParameters = object{
	"CodeBucket": object{
		"Type":           "String",
		"AllowedPattern": "^[a-z0-9][a-z0-9.-]{1,61}[a-z0-9]$",
		"Description":    "The bucket, in the stack's region, that the archives of this release were copied to.",
	},
	"CodePrefix": object{
		"Type":                  "String",
		"Default":               "",
		"AllowedPattern":        "^(|[A-Za-z0-9!_.*'()/-]{0,200}/)$",
		"ConstraintDescription": "must be empty or end with a slash",
		"Description":           "What the archives' names in the bucket begin with, such as tokenkeeper/.",
	},
}

// publishedTemplate is the transformed template with the functions' code in a
// bucket of the user's. The architecture, a parameter of its own, chooses the archive.
func publishedTemplate(path, version string) ([]byte, error) {
	content, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var template struct {
		AWSTemplateFormatVersion string
		Description              string
		Metadata                 object
		Parameters               object
		Mappings                 object `json:",omitempty"`
		Rules                    object
		Conditions               object
		Resources                map[string]object
		Outputs                  object
	}
	decoder := json.NewDecoder(strings.NewReader(string(content)))
	decoder.DisallowUnknownFields() // a section that is not known here would be lost
	decoder.UseNumber()
	if err := decoder.Decode(&template); err != nil {
		return nil, fmt.Errorf("%s: %w", path, err)
	}
	for name, definition := range codeParameters {
		if template.Parameters[name] != nil {
			return nil, fmt.Errorf("template.yaml has a parameter %s, which the published template adds", name)
		}
		template.Parameters[name] = definition
	}
	functions := map[string]string{"RefresherFunction": "refresher", "BootstrapFunction": "bootstrap"}
	for id, resource := range template.Resources {
		if resource["Type"] != "AWS::Lambda::Function" {
			continue
		}
		function, known := functions[id]
		properties, ok := resource["Properties"].(object)
		if !known || !ok {
			return nil, fmt.Errorf("the function %s is in no archive: build it in tools/release.sh and name it here", id)
		}
		delete(functions, id)
		properties["Code"] = object{
			"S3Bucket": object{"Ref": "CodeBucket"},
			"S3Key":    object{"Fn::Sub": fmt.Sprintf("${CodePrefix}tokenkeeper_%s_%s_${Architecture}.zip", version, function)},
		}
	}
	if len(functions) > 0 {
		return nil, fmt.Errorf("the template lacks the functions of %d archives", len(functions))
	}
	out, err := json.MarshalIndent(template, "", " ")
	return append(out, '\n'), err
}
