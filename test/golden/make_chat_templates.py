#!/usr/bin/env python3
"""Makes src/tokenizer/chat_templates.inc: hashes of chat templates that write what one of our formats writes.

    test/golden/make_chat_templates.py FOLDER [NAME=false ...]     (needs jinja2, gguf; FOLDER has a template a file, the file's name says whose)

Templates are programs of models' authors; only their SHA-256 stand in the project, and nothing runs them.  Here each is
rendered with the settings of transformers' apply_chat_template, and with those of a template's own strings written the
other way (a line end, or the two characters that stand for one), for a turn of a user with and without a system's text,
where the answer begins.  A hash is entered where every text is what a format of src/tokenizer/chat.c writes; the first
token is the vocabulary's business and left out.  With NAME=false, a variable of templates (Qwen3's enable_thinking),
nothing is made, only said which format that is.  What differs by design, a line of the table says in its comment:

    own system      without a system's text the template puts one of its own, the format none
    no system       the template refuses a system's text, the format puts it where the family's later templates do

Also makes decoder-chat.gguf: decoder-qwen2.gguf with the template OWN, which is the project's own.
"""

import ast
import hashlib
import itertools
import os
import re
import sys

import gguf
import jinja2
from jinja2.sandbox import ImmutableSandboxedEnvironment

HERE = os.path.dirname(os.path.abspath(__file__))
SOURCE = os.path.join(HERE, "..", "..", "src", "tokenizer")
# test/unit/test_chat.c has it, too
OWN = ("{%- for m in messages -%}{{- '<|im_start|>' ~ m.role ~ '\\n' ~ m.content ~ '<|im_end|>\\n' -}}{%- endfor -%}"
       "{%- if add_generation_prompt -%}{{- '<|im_start|>assistant\\n' -}}{%- endif -%}")
USERS = ["hi", "two\nlines", "  padded \n", "\u00a0\u3000wide\u2028", "{{ 7 * 7 }} {% raw %}", "<|im_end|> [/INST] </s>", "Größe, 数", "\n\nx", "a\t"]
SYSTEMS = ["be brief", " padded\n", "one\n\ntwo", "Größe"]
BOS, EOS = "<first token>", "</s>"


class Refused(Exception):
    pass


def refuse(message):
    raise Refused(message)


def formats():
    """Name, the six pieces, and which texts are stripped: as chat.c has them."""
    text = open(os.path.join(SOURCE, "chat.c"), encoding="utf-8").read()
    flags = dict(re.findall(r"^#define (\w+) ((?:(?:true|false)(?:, )?){4})$", text, re.M))
    table = re.sub(r"/\*.*?\*/", "", re.search(r"formats\[\] = \{\n(.*?)\n\};", text, re.S)[1])
    for row, options in re.findall(r"\{((?:\s*\"(?:[^\"\\]|\\.)*\",?)+)\s*(\w+)\},?", table):
        # nothing between two marks is the vocabulary's last token
        fields = [piece.replace("\1\1", EOS).replace("\1", "") for piece in ast.literal_eval("[" + row + "]")]
        _, strips_system, strips_user, always = (flag == "true" for flag in flags[options].split(", "))
        yield fields[0], fields[1:6], strips_system, strips_user, always


def written(form, system, user):
    """As slm_chat_tokens() puts it together."""
    _, (system_start, system_end, user_start, user_end, answer), strips_system, strips_user, always = form
    out = ""
    if system is not None or always:
        out += system_start + ((system or "").strip() if strips_system else system or "") + system_end
    if not out or system_start != user_start:
        out += user_start
    return out + (user.strip() if strips_user else user) + user_end + answer


VARIABLES = {name: value == "true" for name, _, value in (argument.partition("=") for argument in sys.argv[2:])}


def rendered(template, system, user):
    environment = ImmutableSandboxedEnvironment(trim_blocks=True, lstrip_blocks=True, extensions=["jinja2.ext.loopcontrols"])
    environment.globals["raise_exception"] = refuse
    messages = ([{"role": "system", "content": system}] if system is not None else []) + [{"role": "user", "content": user}]
    try:
        text = environment.from_string(template).render(messages=messages, add_generation_prompt=True, bos_token=BOS, eos_token=EOS, **VARIABLES)
    except (Refused, jinja2.TemplateError, TypeError, AttributeError, KeyError):
        return None
    return text.removeprefix(BOS)


def judge(template):
    """The format's name and a remark, or None."""
    alone = [rendered(template, None, user) for user in USERS]
    pairs = list(itertools.product(SYSTEMS, USERS))
    both = [rendered(template, *pair) for pair in pairs]
    for form in FORMATS:
        same_both = both == [written(form, *pair) for pair in pairs]
        if alone == [written(form, None, user) for user in USERS]:
            if same_both:
                return form[0], ""
            # without a place for it, a system's text is refused, or left out
            if all(text is None for text in both) or both == [alone[USERS.index(user)] for _, user in pairs]:
                return form[0], "no system"
        elif same_both and None not in alone and all(text.endswith(written(form, None, user)) for text, user in zip(alone, USERS)):
            return form[0], "own system"
    return None


def spellings(template):
    """The template, and with line ends in its strings written the other way; with and without one at its end."""
    strings = re.compile(r"'[^']*'|\"[^\"]*\"")
    inside = lambda change: re.sub(r"\{\{.*?\}\}|\{%.*?%\}", lambda m: strings.sub(lambda s: change(s[0]), m[0]), template, flags=re.S)
    for text in (template, inside(lambda s: s.replace("\n", "\\n")), inside(lambda s: s.replace("\\n", "\n"))):
        yield from (text, text.removesuffix("\n"), text.removesuffix("\n") + "\n")


def table(folder):
    found = {}
    sources = [("slm's own", OWN, True)]
    for name in sorted(os.listdir(folder), key=lambda name: (name.startswith(("cpp-", "vocab-")), name)):
        data = open(os.path.join(folder, name), "rb").read()
        sources.append((re.sub(r"^cpp-|^vocab-|\.jinja$", "", name), data.decode(), False))
    for name, template, is_own in sources:
        verdict = judge(template)
        print(f"{name}: {' '.join(verdict) if verdict else 'not known'}")
        for text in [template] if is_own else spellings(template):
            if verdict and judge(text) == verdict:
                found.setdefault(hashlib.sha256(text.encode()).hexdigest(), (name, *verdict))
    return found


def main():
    found = table(sys.argv[1])
    if VARIABLES:
        return
    with open(os.path.join(SOURCE, "chat_templates.inc"), "w", encoding="utf-8") as out:
        print("/* Made by test/golden/make_chat_templates.py, which says what the remarks mean. */", file=out)
        for digest, (name, form, remark) in sorted(found.items(), key=lambda item: (item[1][1], item[1][0], item[0])):
            print(f'{{"{digest}", "{form}"}}, /* {name}{": " + remark if remark else ""} */', file=out)
    reader = gguf.GGUFReader(os.path.join(HERE, "decoder-qwen2.gguf"))
    writer = gguf.GGUFWriter(os.path.join(HERE, "decoder-chat.gguf"), "qwen2")
    for field in reader.fields.values():
        if not field.name.startswith("GGUF.") and field.name != "general.architecture":
            writer.add_key_value(field.name, field.contents(), field.types[0], field.types[-1] if len(field.types) > 1 else None)
    writer.add_chat_template(OWN)
    for tensor in reader.tensors:
        writer.add_tensor(tensor.name, tensor.data, raw_dtype=tensor.tensor_type)
    writer.write_header_to_file()
    writer.write_kv_data_to_file()
    writer.write_tensors_to_file()
    writer.close()


FORMATS = list(formats())
if __name__ == "__main__":
    main()
