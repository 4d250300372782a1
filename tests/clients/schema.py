"""Holds the schemas of `gameday schema KIND` against the readers of those files, key by key and word by word.

schema.py GAMEDAY EXAMPLES FOLDER   (EXAMPLES: a folder for each kind; FOLDER: a scratch folder beside `probes`)

Each table of each example gets a key that nobody knows, and each text becomes a word that nobody knows. What the reader
then says it knows must be what the schema knows. So a key that only one of them has is told, in either direction, and so
is a table that no example has: then write one.
"""

import copy
import json
import pathlib
import re
import subprocess
import sys
import tomllib
from collections import defaultdict

import jsonschema

gameday, examples, folder = sys.argv[1], pathlib.Path(sys.argv[2]), pathlib.Path(sys.argv[3])
STRANGER = "zzqqxxjj"
# Of a choice by key that is read whole, the reader's message names both words and no list.
UNTOLD = {"/$defs/secret"}


def inline(value):
    """A value of TOML on one line."""
    if isinstance(value, dict):
        return "{ %s }" % ", ".join("%s = %s" % (json.dumps(k), inline(v)) for k, v in value.items())
    if isinstance(value, list):
        return "[%s]" % ", ".join(map(inline, value))
    return json.dumps(value)


def places(value, place=()):
    """Every value within a value, with where it is."""
    yield place, value
    inner = value.items() if isinstance(value, dict) else enumerate(value) if isinstance(value, list) else ()
    for key, one in inner:
        yield from places(one, (*place, key))


def changed(document, place, change):
    """A copy whose value at a place is another."""
    new = copy.deepcopy(document)
    if not place:
        return change(new)
    *way, last = place
    holder = new
    for key in way:
        holder = holder[key]
    holder[last] = change(holder[last])
    return new


class Schema:
    def __init__(self, kind):
        text = subprocess.run([gameday, "schema", kind], capture_output=True, check=True).stdout
        self.whole = json.loads(text)
        jsonschema.Draft202012Validator.check_schema(self.whole)
        self.validator = jsonschema.Draft202012Validator(self.whole)

    def takes(self, document):
        return self.validator.is_valid(document)

    def nodes(self, pointer=""):
        """The pointers that a value may be described by: references followed, choices opened."""
        node = self.at(pointer)
        if "$ref" in node:
            yield from self.nodes(node["$ref"].removeprefix("#"))
        elif "anyOf" in node:
            for index in range(len(node["anyOf"])):
                yield from self.nodes("%s/anyOf/%d" % (pointer, index))
        else:
            yield pointer

    def at(self, pointer):
        node = self.whole
        for key in pointer.split("/")[1:]:
            node = node[int(key)] if isinstance(node, list) else node[key]
        return node

    def find(self, place, value):
        """The pointers that describe a value, by where it is in a file."""
        found = list(self.nodes())
        for key in place:
            inner = []
            for pointer in found:
                node = self.at(pointer)
                if isinstance(key, int) and "items" in node:
                    inner += self.nodes(pointer + "/items")
                elif key in node.get("properties", {}):
                    inner += self.nodes("%s/properties/%s" % (pointer, key))
                elif isinstance(node.get("additionalProperties"), dict):
                    inner += self.nodes(pointer + "/additionalProperties")
            found = inner
        kind = {dict: "object", list: "array", str: "string"}.get(type(value))
        return [pointer for pointer in found if self.at(pointer).get("type", kind) == kind]

    def closed(self):
        """Every table that has keys of its own."""
        def walk(node, pointer):
            if isinstance(node, dict):
                if node.get("additionalProperties") is False:
                    yield pointer
                for key, one in node.items():
                    yield from walk(one, "%s/%s" % (pointer, key))
            elif isinstance(node, list):
                for index, one in enumerate(node):
                    yield from walk(one, "%s/%d" % (pointer, index))
        return set(walk(self.whole, ""))


def table(kind, pointer):
    return pointer if pointer.startswith("/$defs/") else kind + pointer


def check(files):
    """What gameday says of files, by name."""
    folder.mkdir(exist_ok=True)
    for name, document in files.items():
        lines = ("%s = %s\n" % (json.dumps(key), inline(value)) for key, value in document.items())
        (folder / name).write_text("".join(lines))
    said = subprocess.run([gameday, "check", str(folder), "--output", "json"], capture_output=True).stdout
    problems = defaultdict(list)
    for problem in json.loads(said):
        problems[pathlib.Path(problem["file"]).name].append(problem)
    return problems


def told(problems):
    """The words that stand in the place of the stranger, if a problem lists them."""
    for problem in problems:
        hint = problem["hint"] or ""
        if "`%s`" % STRANGER in problem["message"]:
            if hint.startswith(("known here: ", "one of ")):
                return set(re.findall("`([^`]+)`", hint.split(";")[0]))
            if problem["message"].endswith("unknown key `%s`" % STRANGER):
                return set()
    return None


def lint(kind, files):
    """Whether taplo, which editors use, finds that files are as their schema says."""
    schema = folder / (kind + ".schema.json")
    schema.write_text(json.dumps(Schema(kind).whole))
    command = [pathlib.Path(sys.executable).parent / "taplo", "lint", "--schema", schema.absolute().as_uri(), *files]
    return subprocess.run(command, capture_output=True).returncode == 0


wrong = []
# What readers say they know, and what schemas do, of each table. A definition is one thing, whatever schema it stands in.
known, keys = defaultdict(set), {}
for kind in sorted(path.name for path in examples.iterdir()):
    schema = Schema(kind)
    cases, seen = {}, set()
    for path in sorted((examples / kind).glob("*.toml")):
        document = tomllib.loads(path.read_text())
        errors = [error.message for error in schema.validator.iter_errors(document)]
        wrong += ["%s is good, and its schema refuses it: %s" % (path, error) for error in errors]
        for place, value in places(document):
            pointers = schema.find(place, value)
            same = (tuple(pointers), tuple(value) if isinstance(value, dict) else type(value))
            if not pointers or same in seen:
                continue
            seen.add(same)
            changes = []
            if isinstance(value, dict):
                for own in ({STRANGER: "x"}, {STRANGER: {}}):
                    changes += [lambda table, own=own: {**table, **own}, lambda _, own=own: own]
            elif isinstance(value, str):
                changes += [lambda _: STRANGER]
            for change in changes:
                name = "case-%d.toml" % len(cases)
                cases[name] = (changed(document, place, change), place, value, pointers, path.name)
    problems = check({name: case[0] for name, case in cases.items()})
    for name, (document, place, value, pointers, origin) in cases.items():
        where = "%s of %s" % (".".join(map(str, place)) or "the file", origin)
        words = told(problems[name])
        nodes = [schema.at(pointer) for pointer in pointers]
        if isinstance(value, str):
            choices = [set(node["enum"]) for node in nodes if "enum" in node]
            if choices and words is not None and words not in choices:
                wrong.append("%s: one of %s, the schema says %s" % (where, sorted(words), choices))
            if choices and name not in problems:
                wrong.append("%s: the reader takes any text, the schema %s" % (where, choices))
            continue
        is_open = any(node.get("additionalProperties") is not False for node in nodes)
        if words is not None and not is_open:
            for pointer in pointers:
                known[table(kind, pointer)] |= words
        if not is_open and name not in problems:
            wrong.append("%s: the reader takes any key, the schema does not" % where)
        if not is_open and schema.takes(document):
            wrong.append("%s: the schema takes any key" % where)
    for path in (examples / "../../.." / (kind + "s")).glob("*.toml"):
        errors = schema.validator.iter_errors(tomllib.loads(path.read_text()))
        wrong += ["%s is shipped, and its schema refuses it: %s" % (path, error.message) for error in errors]
    for path in (examples / "../bad").glob(kind + "-*.toml"):
        is_wrong = "unknown key" in path.with_suffix(".err").read_text()
        if is_wrong and "syntax" not in path.name and schema.takes(tomllib.loads(path.read_text())):
            wrong.append("%s has a wrong key, and its schema takes it" % path)
    if not lint(kind, (examples / kind).glob("*.toml")):
        wrong.append("taplo refuses a good file of kind %s" % kind)
    if lint(kind, [folder / "case-0.toml"]):
        wrong.append("taplo takes a key that nobody knows, of kind %s" % kind)
    for pointer in schema.closed():
        keys[table(kind, pointer)] = set(schema.at(pointer).get("properties", {}))
for where in sorted(keys.keys() - UNTOLD):
    if where not in known:
        wrong.append("%s: no example has this table" % where)
    elif known[where] != keys[where]:
        more, less = sorted(known[where] - keys[where]), sorted(keys[where] - known[where])
        wrong.append("%s: only the reader knows %s, only the schema %s" % (where, more, less))
sys.exit("\n".join(wrong) or 0)
