#!/usr/bin/python3
"""schema.py SCHEMA < DOCUMENT - does a JSON document keep to its schema?

Knows what our schemas use of draft 7, and refuses a schema that uses more, so that nothing in it
goes unchecked.  Exit status 1 with the place and the reason, 0 when all is well.
"""
import json
import sys

TYPES = {"object": dict, "array": list, "string": str, "boolean": bool, "integer": int,
         "null": type(None)}
KNOWN = {"$schema", "$ref", "title", "description", "type", "const", "enum", "properties",
         "required", "additionalProperties", "items", "maxItems", "minimum", "maximum",
         "maxLength", "oneOf", "definitions"}


class Bad(Exception):
    pass


def is_type(value, name):
    if name == "integer" and isinstance(value, bool):
        return False
    return isinstance(value, TYPES[name])


def check(value, schema, root, at):
    for word in schema:
        if word not in KNOWN:
            raise SystemExit(f"schema: {word} is not known")
    if "$ref" in schema:
        check(value, root["definitions"][schema["$ref"].rsplit("/", 1)[1]], root, at)
    if "type" in schema:
        names = schema["type"] if isinstance(schema["type"], list) else [schema["type"]]
        if not any(is_type(value, n) for n in names):
            raise Bad(f"{at}: {value!r} is not of type {names}")
    if "const" in schema and value != schema["const"]:
        raise Bad(f"{at}: {value!r} is not {schema['const']!r}")
    if "enum" in schema and value not in schema["enum"]:
        raise Bad(f"{at}: {value!r} is not one of {schema['enum']}")
    if value < schema.get("minimum", value) if isinstance(value, int) else False:
        raise Bad(f"{at}: {value} is too small")
    if value > schema.get("maximum", value) if isinstance(value, int) else False:
        raise Bad(f"{at}: {value} is too large")
    if isinstance(value, str) and len(value) > schema.get("maxLength", len(value)):
        raise Bad(f"{at}: too long")
    if isinstance(value, list):
        if len(value) > schema.get("maxItems", len(value)):
            raise Bad(f"{at}: too many items")
        for i, item in enumerate(value):
            check(item, schema.get("items", {}), root, f"{at}[{i}]")
    if isinstance(value, dict):
        fields = schema.get("properties", {})
        for name in schema.get("required", []):
            if name not in value:
                raise Bad(f"{at}: {name} is missing")
        for name, item in value.items():
            if name in fields:
                check(item, fields[name], root, f"{at}.{name}")
            elif schema.get("additionalProperties") is False:
                raise Bad(f"{at}: {name} is not in the schema")
    if "oneOf" in schema:
        good, why = 0, []
        for choice in schema["oneOf"]:
            try:
                check(value, choice, root, at)
                good += 1
            except Bad as bad:
                why.append(str(bad))
        if good != 1:
            raise Bad(f"{at}: {good} of the alternatives fit; {'; '.join(why)}")


def main():
    with open(sys.argv[1], encoding="utf-8") as file:
        schema = json.load(file)
    try:
        check(json.load(sys.stdin), schema, schema, "$")
    except (Bad, ValueError) as bad:
        print(bad)
        return 1
    return 0


sys.exit(main())
