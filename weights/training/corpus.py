"""Builds the training text from the XML documentation that every .NET SDK carries in its reference packs.

One member is one document. Its lines are, where there is something to say: the member's name, what it does, its
parameters, what it returns, what it throws, remarks. Half of the documents leave the name out, so that a document may
start with a sentence ("Gets or sets the ...") as well as with a name ("List<T>.Add(T item)"). Which half, and which
types are held out, is decided by hashes of names: the result depends on the packs alone.
"""
import glob
import hashlib
import os
import re
import sys
import xml.etree.ElementTree as ElementTree

PACKS = ("Microsoft.NETCore.App.Ref", "Microsoft.AspNetCore.App.Ref")
END = "<|endoftext|>"
LEFT_OUT = re.compile(r"^System\.Runtime\.Intrinsics\.(X86|Arm|Wasm)\.")  # instruction listings, not English
EMPTY = ("`", "not intended to be used directly", "For a description of this member")  # marks of a summary that says nothing
HELD_OUT_OF = 40          # one type in so many is held out
SAME_SUMMARY = 4          # documents kept with the same first sentence
LONGEST = 2400            # characters of one document
KEYWORDS = {
    "System.Object": "object", "System.String": "string", "System.Boolean": "bool", "System.Char": "char",
    "System.Byte": "byte", "System.SByte": "sbyte", "System.Int16": "short", "System.UInt16": "ushort",
    "System.Int32": "int", "System.UInt32": "uint", "System.Int64": "long", "System.UInt64": "ulong",
    "System.Single": "float", "System.Double": "double", "System.Decimal": "decimal", "System.Void": "void",
}


def hash_of(text):
    return int.from_bytes(hashlib.sha256(text.encode()).digest()[:8], "big")


def packs_root():
    """The dotnet installation's packs folder: DOTNET_ROOT, else where the dotnet on the path is."""
    root = os.environ.get("DOTNET_ROOT")
    if not root:
        for folder in os.environ.get("PATH", "").split(os.pathsep):
            program = os.path.join(folder, "dotnet")
            if os.path.exists(program):
                root = os.path.dirname(os.path.realpath(program))
                break
    if not root or not os.path.isdir(os.path.join(root, "packs")):
        sys.exit("corpus: a .NET 10 SDK must be installed, found none (set DOTNET_ROOT to its folder)")
    return os.path.join(root, "packs")


def documentation_files():
    """Every XML file of the newest version of each pack, a name that two packs share once, in order of name."""
    found = {}
    for pack in PACKS:
        versions = glob.glob(os.path.join(packs_root(), pack, "10.*"))
        if not versions:
            sys.exit(f"corpus: pack {pack} of .NET 10 must be installed, found none")
        newest = max(versions, key=lambda path: [int(part) for part in re.findall(r"\d+", os.path.basename(path))])
        for path in glob.glob(os.path.join(newest, "ref", "net10.0", "*.xml")):
            found.setdefault(os.path.basename(path), path)
    return [found[name] for name in sorted(found)]


def split_arguments(text):
    """Cuts at the commas that no bracket encloses."""
    parts, depth, start = [], 0, 0
    for i, c in enumerate(text):
        if c in "({[":
            depth += 1
        elif c in ")}]":
            depth -= 1
        elif c == "," and depth == 0:
            parts.append(text[start:i])
            start = i + 1
    return parts + [text[start:]] if text else []


def type_name(text, type_parameters=(), method_parameters=()):
    """System.Collections.Generic.List{`0}[] as List<T>[]."""
    text = text.strip()
    for suffix, shown in (("@", ""), ("[]", "[]"), ("*", "*")):
        if text.endswith(suffix):
            return type_name(text[:-len(suffix)], type_parameters, method_parameters) + shown
    if text.endswith("]") and "[" in text:
        return type_name(text[:text.rindex("[")], type_parameters, method_parameters) + "[" + "," * text[text.rindex("["):].count(",") + "]"
    match = re.fullmatch(r"(`{1,2})(\d+)", text)
    if match:
        names = type_parameters if match[1] == "`" else method_parameters
        index = int(match[2])
        return names[index] if index < len(names) else "T" if index == 0 else f"T{index + 1}"
    arguments = ""
    if text.endswith("}") and "{" in text:
        brace = text.index("{")
        inner = [type_name(part, type_parameters, method_parameters) for part in split_arguments(text[brace + 1:-1])]
        text, arguments = text[:brace], "<" + ", ".join(inner) + ">"
        if text == "System.Nullable":
            return inner[0] + "?"
    if text in KEYWORDS:
        return KEYWORDS[text] + arguments
    arity = re.search(r"`(\d+)$", text)
    short = re.sub(r"`+\d+", "", text).split(".")[-1]
    if arity and not arguments:
        count = int(arity[1])
        names = type_parameters if len(type_parameters) == count else ["T"] if count == 1 else [f"T{i + 1}" for i in range(count)]
        arguments = "<" + ", ".join(names) + ">"
    return short + arguments


def owner_of(member):
    """The full name of the type that a documentation id belongs to."""
    kind, name = member[0], member[2:].split("(")[0].split("~")[0]
    return name if kind in "TN" else name.rpartition(".")[0]


def member_name(member, parameters=(), generics=(), method_generics=()):
    """M:System.Collections.Generic.List`1.Add(`0) as List<T>.Add(T item)."""
    if member[1:2] != ":":
        return member
    kind, full = member[0], member[2:].split("~")[0]
    if kind == "T":
        return type_name(full, generics)
    if kind == "N":
        return full
    name, _, arguments = full.partition("(")
    owner, _, last = name.rpartition(".")
    last = re.sub(r"``\d+$", "<" + ", ".join(method_generics) + ">" if method_generics else "", last).split("#")[-1]
    shown = type_name(owner, generics)
    if name.endswith("#ctor") or name.endswith("#cctor"):
        shown = re.sub(r"<.*", "", shown)
    else:
        shown += "." + last
    if kind != "M":
        return shown
    types = [type_name(part, generics, method_generics) for part in split_arguments(arguments.rstrip(")"))]
    listed = [f"{t} {parameters[i]}" if i < len(parameters) else t for i, t in enumerate(types)]
    return f"{shown}({', '.join(listed)})"


def reference(element):
    """What stands for a see, seealso, xref or paramref element in plain text."""
    inner = inline(element).strip()
    if inner:
        return inner
    for key in ("langword", "name", "cref", "href", "uid"):
        value = element.get(key)
        if value:
            value = re.sub(r"\?.*$", "", value)
            if key == "cref":
                return re.sub(r"\(.*", "", member_name(value)) if value[0] != "M" or "#ctor" not in value else member_name(value)
            if key == "uid":
                return value.split("(")[0].split(".")[-1]
            return value
    return ""


def inline(element):
    """The text of an element and all that is in it; blocks and items end lines."""
    pieces = [element.text or ""]
    for child in element:
        tag = child.tag.lower()
        if tag in ("see", "seealso", "paramref", "typeparamref", "xref"):
            pieces.append(reference(child))
        elif tag in ("para", "p", "br", "list", "listheader"):
            pieces.append("\n" + inline(child) + "\n")
        elif tag == "item":
            term, description = (" ".join(inline(found).split()) if found is not None else "" for found in (child.find("term"), child.find("description")))
            text = ": ".join(part for part in (term, description) if part) or " ".join(inline(child).split())
            pieces.append("\n- " + text + "\n")
        elif tag in ("example", "inheritdoc", "img"):
            pass
        elif tag == "code" and "\n" in (child.text or "").strip():
            pass
        else:
            pieces.append(inline(child))
        pieces.append(child.tail or "")
    return "".join(pieces)


PLAIN = str.maketrans({"\u2018": "'", "\u2019": "'", "\u201c": '"', "\u201d": '"', "\u2013": "-", "\u2014": "-", "\u00a0": " ", "\u2026": "...",
                       "\u200b": "", "\ufeff": "", "\u00d7": "x", "\u2011": "-", "\u2212": "-"})


def clean(element):
    """An element as text: one line a paragraph, single spaces, "or" between the cases of an exception."""
    if element is None:
        return ""
    text = inline(element).translate(PLAIN)
    text = re.sub(r"\r", "", text)
    text = re.sub(r"\n\s*\n?\s*-or-\s*\n", " or ", text)
    text = re.sub(r"\n(?!\s*\n|- )(?<!\n\n)", " ", re.sub(r"\n[ \t]*\n\s*", "\n\n", text))
    text = re.sub(r"\[([^\]]+)\]\([^)]*\)", r"\1", text)
    text = re.sub(r"-or-", "or", text)
    lines = [" ".join(line.split()) for line in text.split("\n")]
    text = "\n".join(line for line in lines if line)
    text = re.sub(r" +([.,;:!?)])(?=\s|$)", r"\1", text)
    text = re.sub(r"\. or ([A-Za-z])", r", or \1", text)
    return text.strip()


def sentence(text):
    return text if not text or text[-1] in ".:;!?)" else text + "."


def document(member, element):
    """(name line, other lines) of one member, or None where it says nothing."""
    summary = sentence(clean(element.find("summary")))
    if len(summary) < 12 or any(phrase in summary for phrase in EMPTY):
        return None
    method_generics = generics = [found.get("name", "T") for found in element.findall("typeparam")]
    if member[0] != "T":
        generics = []
    names = [found.get("name", "") for found in element.findall("param")]
    lines = [summary]
    for found in element.findall("typeparam"):
        text = sentence(clean(found))
        if text:
            lines.append(f"Type parameter {found.get('name')}: {text}")
    for found in element.findall("param"):
        text = sentence(clean(found))
        if text:
            lines.append(f"Parameter {found.get('name')}: {text}")
    for tag, label in (("returns", "Returns"), ("value", "Value")):
        text = sentence(clean(element.find(tag)))
        if text:
            lines.append(f"{label}: {text}")
    for found in element.findall("exception"):
        text = sentence(clean(found))
        if text:
            lines.append(f"Throws {member_name(found.get('cref', 'T:System.Exception'))}: {text}")
    text = sentence(clean(element.find("remarks")))
    if len(text) > 12:
        lines.append(f"Remarks: {text}")
    return member_name(member, names, generics, method_generics), lines


def build():
    """(training documents, held-out documents), shuffled by hash, no text twice."""
    seen, summaries, documents = set(), {}, []
    for path in documentation_files():
        for element in ElementTree.parse(path).getroot().iter("member"):
            member = element.get("name", "")
            if member[1:2] != ":" or member[0] == "N" or LEFT_OUT.match(member[2:]):
                continue
            made = document(member, element)
            if made is None:
                continue
            name, lines = made
            body = "\n".join(lines)
            key = re.sub(r"\W+", " ", body).lower()
            if key in seen or summaries.get(lines[0], 0) >= SAME_SUMMARY:
                continue
            seen.add(key)
            summaries[lines[0]] = summaries.get(lines[0], 0) + 1
            mark = hash_of(member)
            text = body if mark % 2 else name + "\n" + body
            if len(text) > LONGEST:
                text = text[:LONGEST].rsplit("\n", 1)[0]
            documents.append((mark, hash_of("held out " + owner_of(member)) % HELD_OUT_OF == 0, text))
    documents.sort()
    return [text for _, held, text in documents if not held], [text for _, held, text in documents if held]


if __name__ == "__main__":
    training, held_out = build()
    print(len(training), "documents,", sum(map(len, training)), "characters; held out", len(held_out), sum(map(len, held_out)))
    for text in training[:int(sys.argv[1]) if len(sys.argv) > 1 else 0]:
        print(text, "\n--")
