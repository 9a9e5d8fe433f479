#!/usr/bin/env python3
"""Makes schemas.jsonl: the JSON Schemas that models are made to write values of.

    test/golden/make_schemas.py      (needs nothing)

A line is a schema, or a schema, a tab and a text that its strings without format,
pattern, enum or const are bound to.  Many have their like in the wild: what people
write by hand for an API, what pydantic and zod make.  The others go through the
keywords one by one.  Strings mostly have a maxLength: a model that knows nothing
never closes one.  test/t/321_written.pl and test/bench/constrained.py read it.
"""

import json
import os

HERE = os.path.dirname(os.path.abspath(__file__))
LINES = []


def add(schema, text=None):
    line = json.dumps(schema, ensure_ascii=False)
    assert "\t" not in line and "\n" not in line
    LINES.append(line if text is None else line + "\t" + text)


def text(most=20, least=None, **more):
    return {"type": "string", "maxLength": most} | ({} if least is None else {"minLength": least}) | more


def objects(properties, required=None, **more):
    schema = {"type": "object", "properties": properties, "required": list(properties) if required is None else required}
    return schema | {"additionalProperties": False} | more


def array(items, most=4, least=None, **more):
    return {"type": "array", "items": items, "maxItems": most} | ({} if least is None else {"minItems": least}) | more


def choice(*values):
    return {"enum": list(values)}


def nullable(schema):
    return {"anyOf": [schema, {"type": "null"}]}


def in_value(schema):
    """A schema as the value of a property."""
    return objects({"v": schema})


INTEGER, NUMBER, BOOLEAN, NULL = ({"type": name} for name in ("integer", "number", "boolean", "null"))
DATE = {"type": "string", "format": "date"}
MOMENT = {"type": "string", "format": "date-time"}
URGENCY = {"type": "string", "enum": ["low", "medium", "high"]}


def by_hand():
    """What people ask of models."""
    money = objects({"amount": {"type": "number", "minimum": 0, "maximum": 100000}, "currency": choice("EUR", "USD", "GBP", "JPY")})
    add(objects({"category": choice("billing", "shipping", "login", "other"), "urgency": URGENCY, "summary": text(60)}))
    add(objects({"order_number": text(12, pattern="^[A-Z]{2}-[0-9]{4,6}$"), "reporter": nullable(text(30)), "due": nullable(DATE)}))
    add(objects({"name": text(30), "age": {"type": "integer", "minimum": 0, "maximum": 130}, "email": {"type": "string", "format": "email"}}))
    add(objects({"street": text(30), "house": text(6, pattern="^[0-9]+[a-z]?$"), "zip": text(5, pattern="^\\d{5}$"), "city": text(20), "country": text(2, pattern="^[A-Z]{2}$")}))
    add(objects({"invoice_number": text(12), "issued": DATE, "lines": array(objects({"article": text(20), "quantity": {"type": "integer", "minimum": 1, "maximum": 999}, "price": money}), 3, 1), "total": money}))
    add(objects({"title": text(40), "start": MOMENT, "end": MOMENT, "attendees": array({"type": "string", "format": "email"}, 3), "all_day": BOOLEAN}))
    add(objects({"sentiment": choice("positive", "neutral", "negative"), "score": {"type": "number", "minimum": -1, "maximum": 1}, "aspects": array(objects({"aspect": text(15), "stars": {"type": "integer", "minimum": 1, "maximum": 5}}), 3)}))
    add(objects({"name": choice("get_weather", "send_mail"), "arguments": objects({"place": text(20), "unit": choice("C", "F")}, ["place"])}))
    add(objects({"steps": array(objects({"explanation": text(40), "output": text(20)}), 3, 1), "final_answer": text(20)}))
    add(objects({"reasoning": text(80), "answer": choice("A", "B", "C", "D"), "confidence": {"type": "number", "minimum": 0, "maximum": 1}}))
    add(objects({"host": {"type": "string", "format": "hostname"}, "address": {"type": "string", "format": "ipv4"}, "port": {"type": "integer", "minimum": 1, "maximum": 65535}, "tls": BOOLEAN}))
    add(objects({"id": {"type": "string", "format": "uuid"}, "created": MOMENT, "link": {"type": "string", "format": "uri", "maxLength": 60}}))
    add(objects({"patient": text(20), "diagnosis": array(text(10, pattern="^[A-Z][0-9]{2}(\\.[0-9])?$"), 3), "medication": array(objects({"name": text(15), "dose_mg": {"type": "number", "exclusiveMinimum": 0, "maximum": 5000}, "per_day": {"type": "integer", "minimum": 1, "maximum": 6}}), 2)}))
    add(objects({"repository": text(20, pattern="^[a-z][a-z0-9-]*$"), "issue": {"type": "integer", "minimum": 1, "maximum": 99999}, "labels": array(choice("bug", "feature", "question", "wontfix"), 3), "assignee": nullable(text(15))}))
    add(objects({"flight": text(6, pattern="^[A-Z]{2}\\d{1,4}$"), "from": text(3, pattern="^[A-Z]{3}$"), "to": text(3, pattern="^[A-Z]{3}$"), "departure": MOMENT, "seats": array(text(3, pattern="^[1-9]\\d?[A-F]$"), 3)}))
    add(objects({"iban": text(34, pattern="^[A-Z]{2}\\d{2}[A-Z0-9]{11,30}$"), "amount": {"type": "number", "exclusiveMinimum": 0, "maximum": 1000000}, "booked": DATE, "purpose": nullable(text(40))}))
    add(objects({"recipe": text(30), "servings": {"type": "integer", "minimum": 1, "maximum": 12}, "ingredients": array(objects({"what": text(15), "amount": NUMBER, "unit": choice("g", "ml", "piece", None)}), 3, 1), "minutes": {"type": "integer", "minimum": 1, "maximum": 600}}))
    add(objects({"question": text(40), "options": array(text(15), 4, 4), "correct": {"type": "integer", "minimum": 0, "maximum": 3}}))
    add(objects({"subject": text(20), "relation": choice("works_for", "lives_in", "owns"), "object": text(20)}))
    add(objects({"entities": array(objects({"text": text(15), "type": choice("PER", "ORG", "LOC", "MISC"), "start": {"type": "integer", "minimum": 0, "maximum": 10000}}), 4)}))
    add(objects({"chart": choice("bar", "line", "pie"), "series": array(objects({"name": text(12), "points": array(NUMBER, 4)}), 2), "legend": BOOLEAN}))
    add(objects({"where": array(objects({"column": text(12, pattern="^[a-z_]+$"), "operator": choice("=", "<", ">", "like"), "value": {"type": ["string", "number", "boolean", "null"], "maxLength": 10}}), 2), "limit": nullable({"type": "integer", "minimum": 1, "maximum": 1000})}))
    add(objects({"job": text(30), "company": text(20), "since": text(7, pattern="^\\d{4}-(0[1-9]|1[0-2])$"), "until": nullable(text(7, pattern="^\\d{4}-(0[1-9]|1[0-2])$")), "skills": array(text(12), 5)}))
    add(objects({"translated": text(60), "language": text(5, pattern="^[a-z]{2}(-[A-Z]{2})?$")}))
    add(objects({"is_spam": BOOLEAN, "reason": nullable(text(40))}))
    add(objects({"keywords": array(text(12, 2), 6, 2)}))
    add(objects({"rgb": text(7, pattern="^#[0-9a-fA-F]{6}$"), "alpha": {"type": "number", "minimum": 0, "maximum": 1}}))
    add(objects({"version": text(12, pattern="^\\d+\\.\\d+\\.\\d+(-[a-z]+\\d*)?$"), "breaking": BOOLEAN, "notes": array(text(30), 3)}))
    add(objects({"latitude": {"type": "number", "minimum": -90, "maximum": 90}, "longitude": {"type": "number", "minimum": -180, "maximum": 180}, "altitude": nullable(NUMBER)}))
    add(objects({"time": {"type": "string", "format": "time"}, "weekday": choice("Mon", "Tue", "Wed", "Thu", "Fri"), "repeats": {"type": "integer", "minimum": 0, "maximum": 52}}))
    add(objects({"contract": objects({"parties": array(text(20), 2, 2), "signed": DATE, "clauses": array(objects({"number": text(5, pattern="^\\d(\\.\\d)*$"), "heading": text(20), "risk": URGENCY}), 2)})}))
    add(objects({"sku": text(10, pattern="^[A-Z0-9]{4,10}$"), "in_stock": {"type": "boolean"}, "weights": objects({"net": NUMBER, "gross": NUMBER}, []), "tags": array(text(8), 3)}, ["sku", "in_stock"]))
    add(objects({"verdict": choice(True, False, None), "sources": array(objects({"url": {"type": "string", "format": "uri", "maxLength": 50}, "quote": text(30)}), 2)}))
    add(objects({"thought": text(50), "action": {"anyOf": [objects({"tool": {"const": "search"}, "query": text(20)}), objects({"tool": {"const": "finish"}, "result": text(20)})]}}))


def generated():
    """What pydantic's model_json_schema(), zod and OpenAI's strict mode make."""
    pydantic = {
        "$defs": {
            "Address": {"properties": {"street": {"title": "Street", "type": "string", "maxLength": 20}, "zip": {"anyOf": [{"type": "string", "maxLength": 5}, {"type": "null"}], "default": None, "title": "Zip"}}, "required": ["street"], "title": "Address", "type": "object"},
            "Level": {"enum": ["low", "high"], "title": "Level", "type": "string"},
        },
        "properties": {
            "name": {"title": "Name", "type": "string", "maxLength": 20},
            "age": {"exclusiveMinimum": 0, "maximum": 150, "title": "Age", "type": "integer"},
            "level": {"$ref": "#/$defs/Level"},
            "address": {"anyOf": [{"$ref": "#/$defs/Address"}, {"type": "null"}], "default": None},
            "others": {"items": {"$ref": "#/$defs/Address"}, "maxItems": 2, "title": "Others", "type": "array"},
        },
        "required": ["name", "age", "level", "others"], "title": "Person", "type": "object",
    }
    add(pydantic)
    add({"$defs": {"Cat": {"properties": {"kind": {"const": "cat", "title": "Kind", "type": "string"}, "lives": {"title": "Lives", "type": "integer", "minimum": 1, "maximum": 9}}, "required": ["kind", "lives"], "type": "object"},
                   "Dog": {"properties": {"kind": {"const": "dog", "type": "string"}, "breed": {"type": "string", "maxLength": 12}}, "required": ["kind", "breed"], "type": "object"}},
         "properties": {"pet": {"anyOf": [{"$ref": "#/$defs/Cat"}, {"$ref": "#/$defs/Dog"}], "title": "Pet"}}, "required": ["pet"], "type": "object"})
    add({"$defs": {"Node": {"properties": {"label": {"maxLength": 5, "type": "string"}, "children": {"items": {"$ref": "#/$defs/Node"}, "maxItems": 2, "type": "array"}}, "required": ["label"], "type": "object"}}, "$ref": "#/$defs/Node"})
    add({"$defs": {"Item": {"properties": {"next": {"anyOf": [{"$ref": "#/$defs/Item"}, {"type": "null"}], "default": None}, "value": {"type": "integer", "minimum": 0, "maximum": 9}}, "required": ["value"], "type": "object"}}, "properties": {"first": {"$ref": "#/$defs/Item"}}, "required": ["first"], "type": "object"})
    add({"$schema": "http://json-schema.org/draft-07/schema#", "type": "object", "properties": {"email": {"type": "string", "format": "email"}, "role": {"type": "string", "enum": ["admin", "user"]}, "tags": {"type": "array", "items": {"type": "string", "minLength": 1, "maxLength": 8}, "maxItems": 3}}, "required": ["email", "role"], "additionalProperties": False})
    add({"$schema": "https://json-schema.org/draft/2020-12/schema", "type": "object", "properties": {"shape": {"oneOf": [objects({"type": {"type": "string", "const": "circle"}, "radius": {"type": "number", "exclusiveMinimum": 0, "maximum": 10}}), objects({"type": {"type": "string", "const": "square"}, "side": {"type": "number", "exclusiveMinimum": 0, "maximum": 10}})]}}, "required": ["shape"], "additionalProperties": False})
    add({"$schema": "http://json-schema.org/draft-07/schema#", "type": "object", "properties": {"union": {"type": ["string", "number", "null"], "maxLength": 10}, "big": {"type": "integer", "minimum": -9007199254740991, "maximum": 9007199254740991}, "birthday": {"type": "string", "format": "date"}}, "required": ["union", "big"]})
    add({"type": "object", "properties": {"ui": {"$ref": "#/$defs/ui"}}, "required": ["ui"], "additionalProperties": False, "$defs": {"ui": objects({"type": choice("div", "button", "field"), "label": text(10), "children": array({"$ref": "#/$defs/ui"}, 2), "attributes": array(objects({"name": text(5), "value": text(5)}), 1)})}})
    add({"type": "object", "properties": {"parent": {"$ref": "#/properties/child"}, "child": objects({"n": {"type": "integer", "minimum": 0, "maximum": 99}})}, "required": ["parent"]})
    add({"title": "Whole", "description": "an example", "examples": [{"a": 1}], "type": "object", "properties": {"a": {"type": "integer", "default": 3, "description": "a number", "examples": [1, 2], "minimum": 0, "maximum": 10, "readOnly": True}, "b": {"deprecated": True, "$comment": "old", "writeOnly": False, "type": "boolean"}}, "required": ["a", "b"]})
    add({"definitions": {"money": objects({"cents": {"type": "integer", "minimum": 0, "maximum": 10000000}})}, "type": "object", "properties": {"paid": {"$ref": "#/definitions/money"}, "due": {"allOf": [{"$ref": "#/definitions/money"}]}}, "required": ["paid", "due"]})


def strings():
    for most, least in ((0, None), (1, None), (1, 1), (2, 2), (5, 3), (16, 16), (40, 1), (100, 60)):
        add(in_value(text(most, least)))
    add(text(12))
    add({"type": "string"})
    add(objects({"a": {"type": "string"}, "b": BOOLEAN}))
    for pattern, most in (
        ("^[a-z]+$", 12), ("^[A-Z][a-z]{2,10}$", 11), ("^(red|green|blue)$", 5), ("^\\+?\\d{6,14}$", 15), ("^[^\\s@]+@[^\\s@]+$", 20), ("^\\S+( \\S+){0,3}$", 25), ("^(?:[01]\\d|2[0-3]):[0-5]\\d$", 5),
        ("^[äöüß]{1,8}$", 8), ("^[\\u4e00-\\u4e20]{2,6}$", 6), ("^[😀-😎]{1,4}$", 4), ("^\".*\"$", 12), ("^\\\\[a-z]*\\\\$", 10), ("foo", 12), ("^a", 8), ("z$", 8), ("^(ab)*$", 10), ("^(a|b)*abb$", 10), ("^.{3}$", 3), ("^[^a-z]{4,8}$", 8),
        ("^x*y+z?$", 9), ("^(?:0|[1-9]\\d*)(?:\\.\\d+)?$", 10), ("^\\w{3}-\\w{3}$", 7), ("^\\D+$", 8), ("^[\\w.-]+/[\\w.-]+$", 16), ("^\\{[a-z]+\\}$", 12), ("^\\[\\d(, \\d){0,4}\\]$", 20), ("^(a{1,3}b){2,4}$", 16), ("^\\x41\\u0042[\\x43-\\x45]$", 3),
        ("^(one|two|three)(, (one|two|three)){0,2}$", 20), ("^[a-f0-9]{32}$", 32), ("^\\W{3,6}$", 6), ("^[^\\w]+[^\\s\\d]$", 8), ("^[\\s\\S]{4}$", 4), ("^\\S{2,9}$", 9), ("^\\s\\S\\s$", 3),
    ):
        add(in_value(text(most, pattern=pattern)))
    for name in ("date", "time", "date-time", "email", "hostname", "uri", "uuid", "ipv4", "ipv6"):
        limit = {"maxLength": 60} if name in ("uri", "email", "hostname") else {}
        add(in_value({"type": "string", "format": name} | limit))
        add(objects({"list": array({"type": "string", "format": name} | limit, 2, 1), "one": nullable({"type": "string", "format": name} | limit)}))
    add(in_value({"type": "string", "format": "email", "minLength": 12, "maxLength": 24}))
    add(in_value({"type": "string", "format": "hostname", "minLength": 20, "maxLength": 30}))
    add(in_value({"type": "string", "format": "uri", "minLength": 30, "maxLength": 40}))


def numbers():
    for bounds in (
        {}, {"minimum": 0}, {"maximum": 0}, {"minimum": 5, "maximum": 5}, {"minimum": -3, "maximum": 3}, {"exclusiveMinimum": 0, "exclusiveMaximum": 2}, {"minimum": 95, "maximum": 1005}, {"minimum": -1000000, "maximum": -999},
        {"minimum": 1999, "maximum": 2030}, {"exclusiveMinimum": -1, "maximum": 0}, {"minimum": 0.5, "maximum": 3.5}, {"minimum": 100000000000, "maximum": 999999999999999},
    ):
        add(in_value({"type": "integer"} | bounds))
        if bounds.get("maximum") != 0:
            add(in_value({"type": "number"} | bounds))
    for bounds in ({"minimum": 0.001, "maximum": 0.002}, {"minimum": -0.5, "maximum": 0.25}, {"exclusiveMinimum": 0.1, "exclusiveMaximum": 0.2}, {"minimum": 3.14159, "maximum": 3.1416}, {"minimum": -273.15}, {"exclusiveMaximum": 99.99}, {"minimum": 1, "exclusiveMinimum": 1, "maximum": 2}):
        add(in_value({"type": "number"} | bounds))
    add({"type": "integer", "minimum": 0, "maximum": 100})
    add(NUMBER)
    add(array({"type": "integer", "minimum": -128, "maximum": 127}, 8, 3))


def literals():
    add(in_value(choice("a", "ab", "abc", "b")))
    add(in_value(choice(1, 12, 123, -1, 0.5)))
    add(in_value(choice(True, None, "x", 1, [1, 2], {"k": [True]}, [], {})))
    add(in_value({"type": ["string", "null"], "enum": ["yes", "no", None]}))
    add(in_value({"type": "integer", "enum": [1, 2, 3]}))
    add(in_value({"type": "number", "enum": [1, 1.5, -2]}))
    add(in_value(choice("with \"quotes\"", "back\\slash", "line\nfeed", "tab\there", "\u0001", "slash/")))
    add(in_value(choice("日本", "日曜", "😀😁", "é", "e\u0301", "")))
    add(in_value(choice(*[f"label {i:03d}" for i in range(300)])))
    add(in_value(choice(*[chr(97 + i % 26) * (1 + i // 26) for i in range(100)])))
    for value in ("x", "", 7, -0.25, 1000000, True, False, None, [], {}, [1, "a", None], {"a": {"b": [1]}}, "long " * 20, "\"\\\b\f\r"):
        add(in_value({"const": value}))
    add(choice("alone", "together"))
    add({"const": {"whole": True}})
    add(BOOLEAN)
    add(NULL)
    add(array(choice("a", "b"), 6, 2))


def names():
    for some in (["naïve", "größe", "été"], ["日付", "名前"], ["имя", "возраст"], ["🙂", "a🙂b"], ["two words", "with \"quote\"", "back\\slash"], ["a", "ab", "abc", "abcd"], ["$ref", "type", "properties"],
                 [""], ["x" * 100], ["a/b", "c~d", "e%f"], ["line\nfeed", "tab\there"], ["e\u0301", "é"], ["0", "1", "10"]):
        add(objects({name: choice("v", "w") for name in some}))
        add(objects({name: text(4) for name in some}, some[:1], propertyOrdering=some[::-1]))


def shapes():
    add(objects({}))
    add(objects({f"p{i}": BOOLEAN for i in range(40)}, []))
    add(objects({f"p{i}": BOOLEAN for i in range(40)}, ["p0", "p20", "p39"]))
    add(objects({f"p{i:03d}": choice(0, 1) for i in range(100)}))
    for optional in (["a"], ["b"], ["a", "b"], ["a", "b", "c"]):
        add(objects({"a": choice(1), "b": choice(2), "c": choice(3)}, [name for name in "abc" if name not in optional]))
    for depth in (3, 8, 15):
        schema = text(5)
        for i in range(depth):
            schema = objects({"in" if i % 2 else "of": schema})
        add(schema)
    schema = choice("bottom")
    for i in range(30):
        schema = objects({"d": schema}, ["d"] if i % 3 else [])
    add(schema)
    schema = {"type": "integer", "minimum": 0, "maximum": 9}
    for _ in range(8):
        schema = array(schema, 2, 1)
    add(schema)
    for most, least in ((100, 100), (200, 150), (30, 0), (64, 64), (1, 1), (0, None), (3, 2)):
        add(array(BOOLEAN, most, least))
        add(objects({"list": array(choice("x", "y"), most, least)}))
    add(array(objects({"x": {"type": "integer", "minimum": 0, "maximum": 9}, "y": {"type": "integer", "minimum": 0, "maximum": 9}}), 40, 25))
    add(array(text(3, 1), 30, 20))
    add(array(array(choice(0, 1), 4, 4), 4, 4))
    add({"type": "array", "items": choice("end", "more")})
    add({"type": ["array", "null"], "items": INTEGER, "maxItems": 3})
    add({"type": ["object", "string", "integer", "boolean", "null", "array"], "properties": {"a": BOOLEAN}, "items": NULL, "maxItems": 2, "maxLength": 5, "minimum": 0, "maximum": 9})


def unions():
    add(in_value({"anyOf": [text(6), INTEGER]}))
    add(in_value({"anyOf": [text(4, pattern="^a+$"), text(4, pattern="^[ab]+$"), text(4, pattern="^b+$")]}))
    add(in_value({"anyOf": [DATE, {"type": "string", "format": "time"}, MOMENT]}))
    add(in_value({"anyOf": [choice("a", "b"), choice("b", "c"), NULL]}))
    add(in_value({"anyOf": [{"type": "integer", "minimum": 0, "maximum": 10}, {"type": "integer", "minimum": 100, "maximum": 110}]}))
    add(in_value({"anyOf": [{"type": "integer", "minimum": 0, "maximum": 99}, {"type": "number", "minimum": 0, "maximum": 1}]}))
    add(in_value({"anyOf": [objects({"a": BOOLEAN}), objects({"a": BOOLEAN, "b": BOOLEAN}), objects({"b": choice(1)})]}))
    add(in_value({"anyOf": [array(choice(1), 3), array(choice("1"), 3), array(BOOLEAN, 3, 1)]}))
    add(in_value({"anyOf": [{"anyOf": [NULL, BOOLEAN]}, {"anyOf": [choice("x"), {"const": 1}]}]}))
    add({"anyOf": [objects({"ok": {"const": True}, "value": text(8)}), objects({"ok": {"const": False}, "error": text(8)})]})
    add(in_value({"oneOf": [text(5), BOOLEAN, NULL]}))
    add(in_value({"oneOf": [choice("a", "b"), choice("c", "d")]}))
    add({"oneOf": [objects({"kind": {"const": kind}, "data": data}) for kind, data in (("text", text(8)), ("number", NUMBER), ("list", array(BOOLEAN, 3)), ("none", NULL))]})
    add(in_value({"allOf": [objects({"only": text(5)})]}))
    add(array({"anyOf": [objects({"t": {"const": "a"}, "n": choice(1, 2)}), objects({"t": {"const": "b"}, "s": text(4)}), choice("plain")]}, 6, 3))
    add(in_value({"anyOf": [text(3), nullable(objects({"deep": {"anyOf": [DATE, choice("never")]}}))]}))


def references():
    add({"$defs": {"a": {"$ref": "#/$defs/b"}, "b": {"$ref": "#/$defs/c"}, "c": text(5)}, "type": "object", "properties": {"x": {"$ref": "#/$defs/a"}}, "required": ["x"]})
    add({"$defs": {"tree": objects({"v": choice(0, 1), "l": {"$ref": "#/$defs/tree"}, "r": {"$ref": "#/$defs/tree"}}, ["v"])}, "$ref": "#/$defs/tree"})
    add({"type": "object", "properties": {"name": text(5), "manager": {"$ref": "#"}}, "required": ["name"]})
    add({"$defs": {"list": {"anyOf": [NULL, objects({"head": choice("x"), "tail": {"$ref": "#/$defs/list"}})]}}, "$ref": "#/$defs/list"})
    add({"$defs": {"expr": {"anyOf": [{"type": "integer", "minimum": 0, "maximum": 9}, objects({"op": choice("+", "*"), "args": array({"$ref": "#/$defs/expr"}, 2, 2)})]}}, "type": "object", "properties": {"e": {"$ref": "#/$defs/expr"}}, "required": ["e"]})
    add({"$defs": {"a/b": choice(1, 2), "c~d": BOOLEAN, "é": NULL}, "type": "object", "properties": {"p": {"$ref": "#/$defs/a~1b"}, "q": {"$ref": "#/$defs/c~0d"}, "r": {"$ref": "#/$defs/%C3%A9"}}, "required": ["p", "q", "r"]})
    add({"$defs": {"even": objects({"odd": {"$ref": "#/$defs/odd"}}, []), "odd": objects({"even": {"$ref": "#/$defs/even"}}, [])}, "$ref": "#/$defs/even"})


def tuples():
    add(in_value({"type": "array", "prefixItems": [NUMBER, text(5), BOOLEAN], "minItems": 3, "maxItems": 3}))
    add(in_value({"type": "array", "prefixItems": [text(5), INTEGER], "items": False}))
    add(in_value({"type": "array", "prefixItems": [choice("sum", "mean")], "items": {"type": "number", "minimum": 0, "maximum": 100}, "minItems": 2, "maxItems": 5}))
    add(in_value({"type": "array", "items": [DATE, {"type": "integer", "minimum": 0, "maximum": 9}], "additionalItems": False, "minItems": 2, "$comment": "draft 7"}) | {"$schema": "http://json-schema.org/draft-07/schema#"})
    add(objects({"points": array({"type": "array", "prefixItems": [{"type": "integer", "minimum": -9, "maximum": 9}, {"type": "integer", "minimum": -9, "maximum": 9}], "minItems": 2, "maxItems": 2}, 4, 2)}))
    add({"$defs": {"pair": {"type": "array", "prefixItems": [{"type": "integer", "minimum": 0, "maximum": 9}, nullable({"$ref": "#/$defs/pair"})], "minItems": 2, "maxItems": 2}}, "$ref": "#/$defs/pair"})
    add(in_value(array(choice("a", "b"), 3, uniqueItems=False)))
    add(in_value(array(choice("a", "b"), 1, uniqueItems=True)))
    add(objects({"price": {"type": "number", "minimum": 0, "maximum": 1000, "multipleOf": 0.01}, "step": {"type": "integer", "multipleOf": 15, "minimum": 0, "maximum": 120}, "half": {"type": "number", "multipleOf": 0.5}}))
    for bounds in ({"type": "integer", "multipleOf": 7}, {"type": "number", "multipleOf": 2.5, "minimum": -20}, {"type": "integer", "multipleOf": 1.5, "maximum": 40}, {"type": "number", "multipleOf": 100}, {"type": "integer", "multipleOf": 0.1, "exclusiveMinimum": 3}):
        add(in_value(bounds))
    add(objects({"for": {"type": "string", "format": "duration"}, "within": nullable({"type": "string", "format": "duration"})}))
    add(objects({"known": text(5)}) | {"additionalProperties": True})
    add(objects({"known": BOOLEAN}) | {"additionalProperties": {"type": "integer"}})
    add({"type": "object", "properties": {"a": {"anyOf": [choice("x"), choice(1)]}, "b": {"$ref": "#/properties/a/anyOf/1"}}, "required": ["a", "b"], "x-order": 1})


def maps():
    """Objects of any names, any values, and OpenAPI's numbers."""
    short = {"propertyNames": {"type": "string", "maxLength": 8}}
    add({"type": "object", "additionalProperties": {"type": "integer", "minimum": 0, "maximum": 99}, "maxProperties": 4} | short)
    add({"additionalProperties": BOOLEAN, "minProperties": 1, "maxProperties": 2, "propertyNames": {"pattern": "^[a-z]{2}(-[A-Z]{2})?$"}})
    add(in_value({"type": "object", "additionalProperties": True, "maxProperties": 3} | short))
    add(in_value({"title": "Counts", "type": "object", "additionalProperties": array(text(4), 2), "maxProperties": 2} | short))
    add(objects({"by_day": {"type": "object", "propertyNames": {"format": "date"}, "additionalProperties": objects({"n": choice(1, 2)}), "maxProperties": 3}, "end": NULL}))
    add(objects({"votes": {"type": "object", "propertyNames": choice("yes", "no", "maybe"), "additionalProperties": choice(0, 1, 2), "maxProperties": 3}}))
    add({"$defs": {"tree": {"type": "object", "additionalProperties": {"$ref": "#/$defs/tree"}, "maxProperties": 2} | short}, "$ref": "#/$defs/tree"})
    add(in_value({"anyOf": [{"type": "object", "additionalProperties": BOOLEAN, "maxProperties": 2} | short, array(BOOLEAN, 2), NULL]}))
    add(objects({"what": {"title": "What", "description": "of any type"}, "list": {"type": "array", "items": {}, "maxItems": 3}}))
    add({})
    for name in ("int8", "uint8", "int16", "uint16", "int32", "uint32", "int64", "uint64", "int", "uint"):
        add(in_value({"type": "integer", "format": name}))
    add(objects({"a": {"type": ["integer", "null"], "format": "uint32", "minimum": 0}, "b": {"type": "number", "format": "double", "maximum": 10}, "c": {"type": "number", "format": "float"}}))


def company():
    """Look-ahead, and patterns beside formats as zod 4 writes them."""
    email = r"^(?!\.)(?!.*\.\.)([A-Za-z0-9_'+\-\.]*)[A-Za-z0-9_+-]@([A-Za-z0-9][A-Za-z0-9\-]*\.)+[A-Za-z]{2,}$"
    uuid = "^([0-9a-fA-F]{8}-[0-9a-fA-F]{4}-[1-8][0-9a-fA-F]{3}-[89abAB][0-9a-fA-F]{3}-[0-9a-fA-F]{12}|00000000-0000-0000-0000-000000000000|ffffffff-ffff-ffff-ffff-ffffffffffff)$"
    day = r"(?:(?:\d\d[2468][048]|\d\d[13579][26]|\d\d0[48]|[02468][048]00|[13579][26]00)-02-29|\d{4}-(?:(?:0[13578]|1[02])-(?:0[1-9]|[12]\d|3[01])|(?:0[469]|11)-(?:0[1-9]|[12]\d|30)|(?:02)-(?:0[1-9]|1\d|2[0-8])))"
    clock = r"T(?:(?:[01]\d|2[0-3]):[0-5]\d(?::[0-5]\d(?:\.\d+)?)?(?:Z))"
    ipv4 = r"^(?:(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9][0-9]|[0-9])\.){3}(?:25[0-5]|2[0-4][0-9]|1[0-9][0-9]|[1-9][0-9]|[0-9])$"
    for name, pattern in (("email", email), ("uuid", uuid), ("date", "^" + day + "$"), ("date-time", "^" + day + clock + "$"), ("ipv4", ipv4), ("uri", "^https://")):
        add(in_value(text(60, format=name, pattern=pattern)))
    add({"$schema": "https://json-schema.org/draft/2020-12/schema"} | objects({"id": {"type": "string", "format": "uuid", "pattern": uuid}, "mail": nullable({"type": "string", "format": "email", "pattern": email, "maxLength": 30}), "born": {"type": "string", "format": "date", "pattern": "^" + day + "$"}}))
    for pattern, most in (
        (r"^(?=.*[A-Z])(?=.*\d)(?!.*\s).{8,12}$", 12), (r"^(?!^[-+.]*$)[+-]?0*\d*\.?\d*$", 8), (r"^(?!null$|none$)[a-z]{3,6}$", 6), (r"^(?!.*(.)\x41)[A-C]{2,5}$", 5), (r"^(?!\d)\w{1,6}$", 6), (r"^(?!\W)[^a]{2,4}$", 4), (r"^(?!-)(?!.*--)[a-z0-9-]{1,10}$", 10),
    ):
        add(in_value(text(most, pattern=pattern)))


def bound():
    """Strings that stand in a text."""
    tickets = ("Order AB-1234 for Anna Müller is late since 2024-05-06; call +49 30 1234567.", "Der Drucker im 3. Stock druckt nicht: \"Papierstau\" \\ Fehler 0x80070005.", "東京の田中さんから電話。請求書 INV-7 は 4,500 円です。", "a", "x1 x2 x3 x1 x2 — x1's {\"json\": [1, 2]} é e\u0301 🙂🙂")
    for ticket in tickets:
        add(objects({"subject": {"type": "string"}}), ticket)
        add(objects({"who": {"type": ["string", "null"], "minLength": 1}, "what": nullable(text(30, 1)), "kind": URGENCY, "day": nullable(DATE)}), ticket)
        add(objects({"parts": array({"type": "string", "minLength": 1}, 3), "more": objects({"first": {"type": "string", "maxLength": 10}}, [])}), ticket)


def main():
    for part in (by_hand, generated, strings, numbers, literals, names, shapes, unions, references, tuples, maps, company, bound):
        part()
    assert len(set(LINES)) == len(LINES)
    with open(os.path.join(HERE, "schemas.jsonl"), "w", encoding="utf-8") as file:
        file.write("\n".join(LINES) + "\n")
    print(len(LINES), "schemas")


if __name__ == "__main__":
    main()
