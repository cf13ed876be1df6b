"""Prints what a Terraform provider takes in some of its resources, as JSON: attributes and blocks by name, each with its
type, and whether it is required.

No provider can be run in the tests, so its schema is taken from the bindings that HashiCorp generated from it, which are a
package of Python: pip download --no-deps cdktf-cdktf-provider-google. The tests compare the modules in deploy with the
result; it is made anew by hand, when a module uses another resource.

Usage: tools/providerschema.py WHEEL RESOURCE... >deploy/…/testdata/….json
"""

import io
import json
import re
import sys
import tarfile
import zipfile

LINK = re.compile(r"/docs/resources/[a-z0-9_]+#([a-z0-9_]+) ")


def bindings(wheel):
    """Reads jsii's description of all types, and the provider's version, from a wheel."""
    with zipfile.ZipFile(wheel) as archive:
        inner = next(name for name in archive.namelist() if name.endswith(".jsii.tgz"))
        with tarfile.open(fileobj=io.BytesIO(archive.read(inner))) as package:
            provider = json.load(package.extractfile("package/package.json"))["cdktf"]["provider"]
            return json.load(package.extractfile("package/.jsii"))["types"], provider


def kind_of(reference, types):
    """The type of a property: a primitive, a list or map of one, or a block."""
    if "union" in reference:
        # Each may be a token of cdktf in place of the value.
        members = [m for m in reference["union"]["types"] if m.get("fqn", "") != "cdktf.IResolvable"]
        return kind_of(members[0], types)
    if "primitive" in reference:
        return reference["primitive"]
    if "collection" in reference:
        of = kind_of(reference["collection"]["elementtype"], types)
        if isinstance(of, dict):
            return of
        return {"array": "list of ", "map": "map of "}[reference["collection"]["kind"]] + of
    return block(types[reference["fqn"]], types)


def block(struct, types):
    """The properties of a struct, by their names in Terraform."""
    properties = {}
    for p in struct.get("properties", []):
        name = LINK.search(json.dumps(p.get("docs", {})))
        if name:  # the others are cdktf's own
            properties[name[1]] = {"required": not p.get("optional", False), "type": kind_of(p["type"], types)}
    return properties


def main(arguments):
    types, provider = bindings(arguments[0])
    resources = {}
    for resource in arguments[1:]:
        camel = "".join(part.capitalize() for part in resource.split("_")[1:])
        struct = next(t for t in types.values() if t["name"] == camel + "Config" and t["namespace"].lower() == camel.lower())
        resources[resource] = block(struct, types)
    json.dump({"provider": provider["name"], "version": provider["version"], "resources": resources}, sys.stdout, sort_keys=True, separators=(",", ":"))
    print()


if __name__ == "__main__":
    main(sys.argv[1:])
