"""Runs checkov, cfn-guard with AWS's Control Tower rules, and parliament over a deployed template.

Usage: tools/lint.py EVALUATED.json

EVALUATED.json is what tools/evaluate prints: these tools judge values, and take most intrinsic functions for faults.
All of them work offline. Every exception stands in template.yaml, in the Metadata of the resource that it is for, with
its reason: checkov.skip, guard.skip and parliament.skip.

Before that, each tool must find a fault that is put in on purpose: a linter that has lost its rules finds none.
"""

import copy
import json
import os
import pathlib
import platform
import re
import subprocess
import sys
import tarfile
import tempfile
import warnings

HERE = pathlib.Path(sys.prefix)
GUARD = HERE / "guard"
# The folders of rules for what the template has.
RULES = ["cloudwatch", "identityandaccessmanagement", "keymanagementservice", "lambda", "sqs"]


def unpack_guard():
    """Takes the binary and the rules out of the package that AWS ships them in, once."""
    if not (GUARD / "package").is_dir():
        [archive] = HERE.glob("lib/python3*/site-packages/cdklabs/cdk_validator_cfnguard/_jsii/*.jsii.tgz")
        with tarfile.open(archive) as package:
            wanted = [m for m in package.getmembers() if re.match(r"package/(bin|rules)/", m.name)]
            package.extractall(GUARD, members=wanted, filter="data")
    system = {"Linux": "ubuntu", "Darwin": "macos"}.get(platform.system())
    machine = {"x86_64": "x86_64", "aarch64": "aarch64", "arm64": "aarch64"}.get(platform.machine())
    binary = GUARD / "package" / "bin" / str(system) / str(machine) / "cfn-guard"
    if not binary.exists():
        sys.exit(f"lint: there is no cfn-guard for {platform.system()} on {platform.machine()}: expected Linux or macOS on x86-64 or arm64")
    binary.chmod(0o755)
    return binary


def exceptions(resource, tool):
    """The ids of a tool's findings that are accepted for a resource."""
    return {s["id"] for s in resource.get("Metadata", {}).get(tool, {}).get("skip", []) if s.get("comment")}


def guard(path):
    rules = [str(GUARD / "package/rules/control-tower/cfn-guard" / folder) for folder in RULES]
    run = subprocess.run([unpack_guard(), "validate", "-d", path, "-r", *rules, "--structured", "-o", "json", "--show-summary", "none"],
                         capture_output=True, text=True, check=False)
    try:
        [report] = json.loads(run.stdout)
    except ValueError:
        sys.exit(f"lint: cfn-guard failed with {run.returncode}:\n{run.stdout}{run.stderr}")
    if not report["compliant"]:
        sys.exit("lint: cfn-guard checked nothing")
    resources = json.loads(pathlib.Path(path).read_text())["Resources"]
    findings = []
    for rule in (r["Rule"] for r in report["not_compliant"]):
        text = json.dumps(rule)
        [(control, title)] = set(re.findall(r"\[(CT\.[A-Z0-9.]+)\]: ([^\\]+)", text))
        for name in sorted(set(re.findall(r"/Resources/(\w+)", text))):
            if control not in exceptions(resources[name], "guard"):
                findings.append(f"cfn-guard: {name}: {control} {title}")
    return findings


def checkov(path):
    # It would ask its maker's service for descriptions, and wait a minute where that cannot be reached.
    nowhere = dict(os.environ, HTTPS_PROXY="http://127.0.0.1:9", LOG_LEVEL="ERROR")
    run = subprocess.run([HERE / "bin/checkov", "-f", path, "--framework", "cloudformation", "--skip-download", "--output", "json", "--quiet"],
                         capture_output=True, text=True, env=nowhere, check=False)
    try:
        report = json.loads(run.stdout)
    except json.JSONDecodeError:
        sys.exit(f"lint: checkov failed with {run.returncode}:\n{run.stdout}{run.stderr}")
    if report["summary"]["passed"] == 0 or report["summary"]["parsing_errors"]:
        sys.exit(f"lint: checkov checked nothing: {report['summary']}")
    return [f"checkov: {c['resource']}: {c['check_id']} {c['check_name']}" for c in report["results"]["failed_checks"]]


def policies(resource):
    properties = resource["Properties"]
    if resource["Type"] == "AWS::IAM::Role":
        return [p["PolicyDocument"] for p in properties.get("Policies", [])]
    return [properties["PolicyDocument"]] if resource["Type"] == "AWS::IAM::ManagedPolicy" else []


def parliament(path):
    warnings.filterwarnings("ignore", "pkg_resources is deprecated")
    from parliament import analyze_policy_string

    findings = []
    for name, resource in json.loads(pathlib.Path(path).read_text())["Resources"].items():
        skipped = exceptions(resource, "parliament")
        for document in policies(resource):
            for finding in analyze_policy_string(json.dumps(document)).findings:
                if finding.issue not in skipped:
                    findings.append(f"parliament: {name}: {finding.issue} {finding.detail}")
    return findings


def broken(template):
    """The template with a fault for each tool: an unknown action, a secret in the open, a function for everybody."""
    template = copy.deepcopy(template)
    resources = template["Resources"]
    resources["WriteParameters"]["Properties"]["PolicyDocument"]["Statement"][0]["Action"] = "ssm:PutParamater"
    del resources["LogGroup"]["Properties"]["KmsKeyId"]
    resources["BootstrapUrl"].pop("Metadata", None)
    for permission in ("BootstrapUrlIsPublic", "BootstrapUrlInvokes"):
        resources[permission].pop("Metadata", None)
    return template


def main(path):
    unpack_guard()
    tools = (checkov, guard, parliament)
    template = json.loads(pathlib.Path(path).read_text())
    with tempfile.TemporaryDirectory() as folder:
        fault = pathlib.Path(folder) / "broken.json"
        fault.write_text(json.dumps(broken(template)))
        for tool in tools:
            if not tool(str(fault)):
                sys.exit(f"lint: {tool.__name__} finds nothing wrong with a template that was broken on purpose")
    findings = [finding for tool in tools for finding in tool(path)]
    if findings:
        sys.exit("\n".join(findings) + "\nlint: mend these, or write the exception and its reason into the resource's Metadata")


if __name__ == "__main__":
    main(sys.argv[1])
