#!/usr/bin/python3
"""schema.py SCHEMA - is standard input JSON that fits the schema?  Status 0, or 1 with the reason.

As much of draft 7 as our schemas use; what it does not know it refuses.
"""
import json
import sys

KNOWN = {'$schema', 'title', 'description', 'definitions', 'type', 'const', 'enum', 'properties', 'required',
         'items', 'oneOf', '$ref', 'minimum', 'maximum', 'maxLength', 'additionalProperties', 'pattern'}
TYPES = {'object': dict, 'array': list, 'string': str, 'integer': int, 'boolean': bool, 'null': type(None)}


def is_type(value, name):
    return isinstance(value, TYPES[name]) and not (name == 'integer' and isinstance(value, bool))


def check(value, schema, root, path):
    unknown = set(schema) - KNOWN
    if unknown:
        raise ValueError('%s: the schema says %s, which is not understood' % (path, unknown))
    if '$ref' in schema:
        target = root
        for part in schema['$ref'].lstrip('#/').split('/'):
            target = target[part]
        return check(value, target, root, path)
    if 'type' in schema:
        names = schema['type'] if isinstance(schema['type'], list) else [schema['type']]
        if not any(is_type(value, n) for n in names):
            raise ValueError('%s: %r is no %s' % (path, value, ' or '.join(names)))
    if 'const' in schema and value != schema['const']:
        raise ValueError('%s: %r is not %r' % (path, value, schema['const']))
    if 'enum' in schema and value not in schema['enum']:
        raise ValueError('%s: %r is none of %r' % (path, value, schema['enum']))
    if isinstance(value, str) and len(value) > schema.get('maxLength', len(value)):
        raise ValueError('%s: too long' % path)
    if is_type(value, 'integer') and not schema.get('minimum', value) <= value <= schema.get('maximum', value):
        raise ValueError('%s: %d is out of range' % (path, value))
    if isinstance(value, dict):
        for name in schema.get('required', ()):
            if name not in value:
                raise ValueError('%s: %s is missing' % (path, name))
        for name, part in value.items():
            if name in schema.get('properties', {}):
                check(part, schema['properties'][name], root, '%s.%s' % (path, name))
            elif schema.get('additionalProperties') is False:
                raise ValueError('%s: %s is not in the schema' % (path, name))
    if isinstance(value, list) and 'items' in schema:
        for i, part in enumerate(value):
            check(part, schema['items'], root, '%s[%d]' % (path, i))
    if 'oneOf' in schema:
        reasons = []
        for one in schema['oneOf']:
            try:
                check(value, one, root, path)
            except ValueError as e:
                reasons.append(str(e))
        if len(schema['oneOf']) - len(reasons) != 1:
            raise ValueError('%s: fits %d of %d: %s' % (path, len(schema['oneOf']) - len(reasons),
                                                        len(schema['oneOf']), '; '.join(reasons)))


try:
    with open(sys.argv[1]) as f:
        root = json.load(f)
    check(json.load(sys.stdin), root, root, '$')
except ValueError as e:
    print('schema.py: %s' % e, file=sys.stderr)
    sys.exit(1)
