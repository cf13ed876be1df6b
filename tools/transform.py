"""Prints template.yaml as CloudFormation sees it: after the SAM transform, as JSON.

Usage: tools/transform.py [TEMPLATE [OUTPUT]]

TEMPLATE defaults to template.yaml, OUTPUT to standard output. Works offline and without credentials; only
AWS_DEFAULT_REGION is needed, because the transform asks the SDK for a partition, and is set here if it is absent.
CODE_URI is where the code of the functions is taken to lie.

The tests over the template (test/template) and `make lint` use the result: some faults, such as a mistyped IAM action,
are only found in this form.
"""

import json
import os
import sys

os.environ.setdefault("AWS_DEFAULT_REGION", "eu-west-1")

from cfnlint.decode import cfn_yaml  # noqa: E402
from samtranslator.parser.parser import Parser  # noqa: E402
from samtranslator.public.exceptions import InvalidDocumentException  # noqa: E402
from samtranslator.translator.translator import Translator  # noqa: E402

# Stands in for the uploaded code, whose name has the hash of its content: the transform accepts no local paths.
CODE_URI = os.environ.get("CODE_URI", "s3://code/bootstrap.zip")


def load(path):
    """Reads a template with CloudFormation's YAML tags as plain dictionaries, lists and scalars."""
    return json.loads(json.dumps(cfn_yaml.load(path), default=str))


def transform(template):
    """Applies the SAM transform. Raises InvalidDocumentException when the template is not valid SAM."""
    for resource in template["Resources"].values():
        if resource["Type"] == "AWS::Serverless::Function":
            resource["Properties"]["CodeUri"] = CODE_URI
    defaults = {name: p["Default"] for name, p in template.get("Parameters", {}).items() if "Default" in p}
    return Translator(managed_policy_map={}, sam_parser=Parser()).translate(template, parameter_values=defaults)


def main(arguments):
    source = arguments[0] if arguments else "template.yaml"
    try:
        text = json.dumps(transform(load(source)), indent=2) + "\n"
    except InvalidDocumentException as error:
        causes = "\n".join("  " + cause.message for cause in error.causes)
        sys.exit(f"{source} is not valid SAM; correct this and try again:\n{causes}")
    if len(arguments) < 2:
        sys.stdout.write(text)
        return
    os.makedirs(os.path.dirname(arguments[1]) or ".", exist_ok=True)
    with open(arguments[1], "w", encoding="utf-8") as output:
        output.write(text)


if __name__ == "__main__":
    main(sys.argv[1:])
