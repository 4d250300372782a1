"""Holds a document against its schema: a report.json against that of `gameday schema report`.

report_schema.py SCHEMA REPORT [OBJECTS]   (so many objects it must hold at least; 30)

Everything in the report must be described, not only allowed; and with any one required field taken away it must fail.
"""

import copy
import json
import sys

import jsonschema

schema, report = (json.load(open(path)) for path in sys.argv[1:3])
jsonschema.Draft202012Validator.check_schema(schema)
validator = jsonschema.Draft202012Validator(schema)
wrong = ["%s: %s" % (error.json_path, error.message) for error in validator.iter_errors(report)]


def resolve(part):
    if "$ref" in part:
        return resolve(schema["$defs"][part["$ref"].rsplit("/", 1)[1]])
    if "anyOf" in part:
        return resolve(next(one for one in part["anyOf"] if one.get("type") != "null"))
    return part


def walk(part, value, path):
    """Every object of the report with the part of the schema that describes it."""
    part = resolve(part)
    if isinstance(value, list):
        for index, item in enumerate(value):
            yield from walk(part["items"], item, path + [index])
    if isinstance(value, dict):
        yield part, value, path
        for key, item in value.items():
            inner = part.get("properties", {}).get(key, part.get("additionalProperties"))
            if inner is None:
                wrong.append("%s.%s is not described" % (".".join(map(str, path)), key))
            elif inner is not True:
                yield from walk(inner, item, path + [key])


taken = 0
for part, value, path in list(walk(schema, report, [])):
    for key in part.get("required", [])[:1]:
        broken = copy.deepcopy(report)
        place = broken
        for step in path:
            place = place[step]
        del place[key]
        taken += 1
        if validator.is_valid(broken):
            wrong.append("%s may go without %s" % (".".join(map(str, path)), key))
if taken < int((sys.argv[3:] or [30])[0]):
    wrong.append("only %d objects were looked at" % taken)
print("\n".join(wrong))
sys.exit(1 if wrong else 0)
