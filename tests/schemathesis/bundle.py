"""Makes one OpenAPI document of the client-server API's many: bundle.py SPECIFICATION OUTPUT

The documents refer to each other by relative path, each with a base path of its own. Besides
putting them together, this reads `oneOf` as `anyOf`, because branches overlap in the documents, and
adds the errors that any operation may answer (tests/specification/allowances.yaml).
"""

import copy
import json
import pathlib
import sys

import yaml

METHODS = ("get", "put", "post", "delete", "patch")
ALLOWANCES = pathlib.Path(__file__).parent.parent / "specification" / "allowances.yaml"


class Bundle:
    """The document under construction, and the files that were read for it."""

    def __init__(self, folder):
        self.folder = folder
        self.files = {}
        self.schemas = {}
        self.paths = {}

    def file(self, path):
        if path not in self.files:
            self.files[path] = yaml.safe_load(path.read_text())
        return self.files[path]

    def target(self, reference, path):
        """The file and the JSON pointer that a reference in a file means."""
        name, _, pointer = reference.partition("#")
        return ((path.parent / name).resolve() if name else path), pointer

    def lookup(self, path, pointer):
        node = self.file(path)
        for token in filter(None, pointer.split("/")):
            node = node[token.replace("~1", "/").replace("~0", "~")]
        return node

    def schema(self, path, pointer):
        """The name of a schema among the components."""
        name = path.relative_to(self.folder).with_suffix("").as_posix() + pointer
        name = "".join(letter if letter.isalnum() else "_" for letter in name)
        if name not in self.schemas:
            self.schemas[name] = {}  # schemas refer to themselves
            self.schemas[name] = self.resolve(self.lookup(path, pointer), path)
        return name

    def resolve(self, node, path, names=False):
        """A node with its references made local. `names`: its keys are names of properties."""
        if isinstance(node, list):
            return [self.resolve(item, path) for item in node]
        if not isinstance(node, dict):
            return node
        reference = node.get("$ref")
        if isinstance(reference, str) and not names:
            file, pointer = self.target(reference, path)
            if pointer.startswith("/components/") and "/schemas/" not in pointer:
                return self.resolve(self.lookup(file, pointer), file)
            node = {**node, "$ref": "#/components/schemas/" + self.schema(file, pointer)}
        result = {}
        for key, value in node.items():
            if key in ("example", "examples") and not names:
                continue
            key = "anyOf" if key == "oneOf" and not names else key
            result[key] = self.resolve(value, path, names=key == "properties" and not names)
        return result

    def add(self, path):
        document = self.file(path)
        base = document["servers"][0]["variables"]["basePath"]["default"]
        for place, operations in document["paths"].items():
            operations = {m: self.resolve(operations[m], path) for m in METHODS if m in operations}
            # A space at the end tells two operations of the same path apart.
            known = self.paths.setdefault(base + place.rstrip(), {})
            for method, operation in operations.items():
                known[method] = merge(known[method], operation) if method in known else operation


def merge(one, other):
    """One operation that is either of two."""
    merged = copy.deepcopy(one)
    merged["responses"] = {**other["responses"], **one["responses"]}
    if "requestBody" in one:
        bodies = [body["requestBody"]["content"]["application/json"] for body in (one, other)]
        either = {"anyOf": [body["schema"] for body in bodies]}
        merged["requestBody"]["content"]["application/json"]["schema"] = either
    for parameter in other.get("parameters", []):
        if parameter["name"] not in [known["name"] for known in one.get("parameters", [])]:
            merged.setdefault("parameters", []).append({**parameter, "required": False})
    return merged


def add_common_errors(operation, allowances):
    error = {"$ref": "#/components/schemas/api_client_server_definitions_errors_error"}
    for status, codes in allowances["common"].items():
        common = {"allOf": [error, {"properties": {"errcode": {"enum": codes}}}]}
        answer = operation["responses"].setdefault(str(status), {"description": "A common error."})
        content = answer.setdefault("content", {})
        documented = content.get("application/json", {}).get("schema")
        documented = [documented] if documented else []
        content["application/json"] = {"schema": {"anyOf": [*documented, common]}}
    for allowance in allowances["operations"]:
        if operation["operationId"] in allowance["operations"]:
            answer = {"description": allowance["reason"]}
            operation["responses"][str(allowance["status"])] = answer


def main():
    folder = pathlib.Path(sys.argv[1]).resolve()
    bundle = Bundle(folder)
    for path in sorted((folder / "api/client-server").glob("*.yaml")):
        bundle.add(path)
    error = folder / "api/client-server/definitions/errors/error.yaml"
    bundle.schema(error, "")
    allowances = yaml.safe_load(ALLOWANCES.read_text())
    for operations in bundle.paths.values():
        for operation in operations.values():
            operation.pop("security", None)  # the hooks choose the token
            add_common_errors(operation, allowances)
    document = {
        "openapi": "3.1.0",
        "info": {"title": "Matrix client-server API", "version": "1"},
        "paths": dict(sorted(bundle.paths.items())),
        "components": {"schemas": bundle.schemas},
    }
    pathlib.Path(sys.argv[2]).write_text(json.dumps(document, indent=1))


if __name__ == "__main__":
    main()
