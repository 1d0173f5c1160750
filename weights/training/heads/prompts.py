"""Prompts of the five classes, made from texts in Debian packages and from templates: what a chat model is asked to go on from.

Packages are fetched by `apt-get download` and unpacked in the cache, not installed. No prompt shares eight words in a row with a file
that is held out (--held-out), so that what is measured there was not trained on.
"""
import argparse
import ast
import glob
import gzip
import html
import json
import os
import random
import re
import subprocess
import textwrap

CACHE = os.path.join(os.path.expanduser("~"), ".cache", "coppice", "training", "heads")
PACKAGES = ("anarchism", "debian-handbook", "dict-foldoc", "node-lodash", "libpython3.11-stdlib", "libpython3.11-minimal")
SEED = 20261130
SHARED_WORDS = 8
SAMPLED = 0.4           # of the prompts: continued at temperature 0.8; the others with the model's first choice
COUNTS = {"chat": 1300, "summarise": 260, "answer-from-text": 260, "edit-code": 320, "continue": 400}
NEW_TOKENS = {"chat": 256, "summarise": 128, "answer-from-text": 112, "edit-code": 224, "continue": 192}

TOPICS = """growing tomatoes|riding a bicycle in a city|learning to swim as an adult|keeping a diary|making bread|the seasons|a rainy Sunday
taking care of a cat|adopting a dog|training for a first marathon|sleeping better|drinking less coffee|cleaning a kitchen|moving to a new town
saving for a holiday|public libraries|the water cycle|volcanoes|the moon landing|the printing press|the Roman Empire|ancient Egypt|the Silk Road
the French Revolution|the steam engine|vaccines|how bees make honey|whales|migrating birds|coral reefs|rain forests|deserts|glaciers
electric cars|wind power|nuclear energy|recycling|composting|a vegetable garden on a balcony|healthy breakfasts|cooking rice|a chocolate cake
lentil curry|a picnic for six people|a birthday party for a child|a job interview|a first day at work|working from home|long meetings
giving a speech|learning Spanish|learning to read music|the violin|jazz|classical music|film photography|painting with watercolours|drawing faces
chess openings|board games for families|football rules|tennis|yoga|walking in the mountains|camping in the cold|packing a suitcase
a weekend in Rome|three days in Tokyo|a trip through Norway by train|the history of tea|the history of money|inflation|taxes|buying a used car
renting a flat|a noisy neighbour|a late delivery|a broken washing machine|a lost parcel|a refund for a ticket|a complaint to an airline
a letter of thanks|an invitation to a wedding|an apology to a friend|a recommendation for a student|a resignation|a meeting next week
friendship|courage|patience|autumn leaves|the sea at night|a lighthouse keeper|a lost key|a robot who paints|an old clock|a talking fox
a detective in a small town|two sisters and a secret|a journey to Mars|the last tree on Earth|a boy who collects stones|a library without books
machine learning|neural networks|databases|operating systems|the internet|encryption|passwords|open source software|version control|unit tests
sorting algorithms|binary search|hash tables|linked lists|object-oriented programming|functional programming|regular expressions|web servers
Python dictionaries|JavaScript promises|SQL joins|C pointers|prime numbers|fractions|the Pythagorean theorem|probability|averages|percentages
gravity|light and colour|magnets|atoms|the periodic table|acids and bases|cells|DNA|the human heart|the lungs|vitamins|allergies
headaches|stress at work|procrastination|making new friends|talking to teenagers|reading to children|teaching maths|online courses|exams
time management|a morning routine|minimalism|gift ideas|houseplants|a small living room|painting a wall|fixing a bicycle tyre|sewing a button
black holes|the planets|comets|tides|earthquakes|rainbows|thunderstorms|clouds|maps|time zones|calendars|writing systems|translation
democracy|elections|human rights|museums|architecture|bridges|tunnels|railways|ships|aeroplanes|drones|3D printing|smartphones|social media
news on the internet|advertising|small businesses|a bakery|a bookshop|a café with a garden|customer service|leadership|teamwork|negotiation"""

CHAT = """What is {t}?|Tell me about {t}.|Explain {t} to a ten-year-old.|Give me five facts about {t}.|Write a short story about {t}.
Write a poem about {t}.|What should I know about {t}?|List seven ideas that have to do with {t}.|Write an e-mail about {t}.|How do I begin with {t}?
What are common mistakes with {t}?|Give me a plan of four weeks for {t}.|What are the advantages and disadvantages of {t}?|Why does {t} matter?
Write a dialogue between two friends about {t}.|I need help with {t}. What do you suggest?|Describe {t} in one paragraph.|Make a checklist for {t}.
Can you recommend three books about {t}?|Write a headline and a short article about {t}.|How has {t} changed over the last hundred years?
What questions could I ask an expert about {t}?|Give me a quiz of five questions about {t}, with answers.|Write a product description that mentions {t}.
Compare {t} with {u}.|What do {t} and {u} have in common?|Write step by step instructions for {t}.|Summarise what is known about {t}.
Write a speech of one minute about {t}.|What would you say to somebody who is afraid of {t}?|Name three myths about {t} and correct them.
I am writing an essay on {t}. Suggest an outline.|What tools do I need for {t}?|How much does {t} cost?|Write a function or a small program about {t}.
Give me ten words that belong to {t} and define each.|Is {t} a good topic for a school project? Why?|Write a letter to a newspaper about {t}."""

SUMMARISE = """Summarize the following text in two sentences.|Summarise this text.|What are the main points of this text?
Give a short summary of the text below.|Shorten this text to a few sentences and keep what matters.|Write a headline and a summary for this text."""

QUESTIONS = """What is the text about?|Which terms does the text define?|What does the author recommend?|What is the main claim of the text?
Which names occur in the text?|Quote the most important sentence.|What reason does the text give?|What follows from the text?|Who is it written for?
Which example does the text give?|What does the text say at the end?|List the facts that are stated in the text."""

EDITS = """Add comments to this code.|Explain this code line by line.|Rewrite this code so that it is easier to read.
Repeat this code and add error handling.|Add a docstring to this code and leave the rest as it is.|Rename the variables of this code so that their meaning is clear.
Copy this code exactly, then say what it does.|Find possible bugs in this code and write a corrected version.|Write tests for this code.
Translate this code to Python.|Add type annotations to this code.|Print this code again with an added log message."""

OPENERS = r"""The first time I saw|In the beginning of the century|Scientists have found that|My grandmother always said that|The main difference between
Dear customer,\n\nthank you for|Once upon a time there was|To install the program, you|According to the report,|The city lies on|When the war ended,
A good teacher is|The recipe begins with|In mathematics, a|The word comes from|He opened the door and|She had never been to|The population of
The company was founded in|Most people believe that|If you want to|Chapter 1\n\n|The experiment shows|It was already dark when|Our solar system
The human body needs|There are three ways to|On the last day of|The purpose of this document is|def read_file(path):\n|import os\n\n|<html>\n<head>\n
#include <stdio.h>\n\nint main|SELECT name FROM|Question: What is|Q: How do|Abstract. In this paper|Today's weather will be|The king and the queen"""


def split(text):
    return [part.replace("\\n", "\n") for line in text.split("\n") for part in line.split("|")]


def fetch():
    """The folder where the packages are unpacked."""
    folder = os.path.join(CACHE, "packages")
    for name in PACKAGES:
        there = os.path.join(folder, name)
        if os.path.isdir(there):
            continue
        os.makedirs(folder, exist_ok=True)
        subprocess.run(["apt-get", "download", name], cwd=folder, check=True, stderr=subprocess.DEVNULL)
        package = glob.glob(os.path.join(folder, name + "_*.deb"))[0]
        subprocess.run(["dpkg-deb", "-x", package, there], check=True)
    return folder


def passages(folder):
    """Paragraphs of running text that together have 600 to 1,700 characters."""
    for path in sorted(glob.glob(os.path.join(folder, "anarchism", "usr/share/doc/anarchism/markdown/*.md"))):
        with open(path, encoding="utf-8", errors="replace") as file:
            yield from joined(re.split(r"\n\s*\n", file.read()))
    for path in sorted(glob.glob(os.path.join(folder, "debian-handbook", "usr/share/doc/debian-handbook/html/en-US/*.html"))):
        with open(path, encoding="utf-8", errors="replace") as file:
            yield from joined(re.findall(r'<div class="para">(.*?)</div>', file.read(), re.S))
    for path in glob.glob(os.path.join(folder, "dict-foldoc", "usr/share/dictd/*.dict.dz")):
        with gzip.open(path, "rt", encoding="utf-8", errors="replace") as file:
            for entry in re.split(r"\n(?=\S)", file.read()):
                text = plain(entry.partition("\n")[2])
                if 600 <= len(text) <= 1700:
                    yield text


def plain(text):
    text = html.unescape(re.sub(r"<[^>]+>", "", text)).replace("{", "").replace("}", "")
    return re.sub(r"\s+", " ", re.sub(r"\[([^\]]*)\]\([^)]*\)", r"\1", text)).strip(" *>#")


def joined(paragraphs):
    kept = []
    for paragraph in map(plain, paragraphs):
        if len(paragraph) < 120 or "|" in paragraph:
            continue
        kept.append(paragraph)
        if sum(map(len, kept)) > 900:
            text = "\n\n".join(kept)
            if len(text) <= 1700:
                yield text
            kept = []


def snippets(folder):
    """Functions and classes of 6 to 28 lines, Python and JavaScript in turn."""
    python, script = [], []
    for path in sorted(glob.glob(os.path.join(folder, "libpython3.11-*", "usr/lib/python3.11/**/*.py"), recursive=True)):
        try:
            with open(path, encoding="utf-8") as file:
                source = file.read()
            for node in ast.walk(ast.parse(source)):
                if isinstance(node, (ast.FunctionDef, ast.ClassDef)):
                    python.append(textwrap.dedent("\n".join(source.split("\n")[node.lineno - 1:node.end_lineno])))
        except (OSError, SyntaxError, UnicodeDecodeError):  # a dangling link, or not Python 3
            continue
    for path in sorted(glob.glob(os.path.join(folder, "node-lodash", "usr/share/nodejs/lodash/*.js"))):
        with open(path, encoding="utf-8") as file:
            script += re.findall(r"^function .*?^}", file.read(), re.S | re.M)
    random.Random(SEED).shuffle(python)
    short = [[code for code in codes if 6 <= code.count("\n") + 1 <= 28 and len(code) < 1100] for codes in (python, script)]
    for pair in zip(*short):
        yield from pair
    yield from short[0][len(short[1]):]


def windows(text):
    words = re.findall(r"\w+", text.lower())
    return {tuple(words[i:i + SHARED_WORDS]) for i in range(len(words) - SHARED_WORDS + 1)}


def make(held_out):
    """Prompts in random order, each with its class, how long it may go on and how it is continued."""
    draw, folder = random.Random(SEED), fetch()
    topics, texts, codes = split(TOPICS), list(passages(folder)), list(snippets(folder))
    draw.shuffle(texts)
    pairs = [(template, topic) for template in split(CHAT) for topic in topics]
    draw.shuffle(pairs)
    texts, codes, openers, taken = iter(texts), iter(codes), split(OPENERS), set()

    def of(kind, number):
        if kind == "chat":
            template, topic = pairs.pop()
            return template.format(t=topic, u=draw.choice(topics))
        if kind == "summarise":
            return draw.choice(split(SUMMARISE)) + "\n\n" + next(texts)
        if kind == "answer-from-text":
            return next(texts) + "\n\nQuestion: " + draw.choice(split(QUESTIONS))
        if kind == "edit-code":
            return draw.choice(split(EDITS)) + "\n\n" + next(codes)
        if draw.random() < 0.5:
            return draw.choice(openers) + (" " + draw.choice(topics) if draw.random() < 0.8 else "")
        return " ".join(next(texts).split()[:draw.randint(5, 40)])

    made = []
    for kind, count in COUNTS.items():
        number = 0
        while number < count:
            text = of(kind, number)
            if text in taken or windows(text) & held_out:
                continue
            taken.add(text)
            number += 1
            line = {"id": f"{kind}-{number:04}", "max_tokens": NEW_TOKENS[kind]}
            line |= {"prompt": text} if kind == "continue" else {"messages": [{"role": "user", "content": text}]}
            if draw.random() < SAMPLED:
                line |= {"temperature": 0.8, "seed": draw.randrange(1 << 30)}
            made.append(line)
    draw.shuffle(made)
    return made


def main():
    arguments = argparse.ArgumentParser()
    arguments.add_argument("--held-out", action="append", default=[], help="JSON lines with prompts that nothing here may share text with")
    arguments.add_argument("out")
    given = arguments.parse_args()
    held_out = set()
    for path in given.held_out:
        with open(path, encoding="utf-8") as file:
            for line in map(json.loads, file):
                for text in [line.get("prompt", "")] + [message["content"] for message in line.get("messages", [])]:
                    held_out |= windows(text)
    made = make(held_out)
    with open(given.out, "w", encoding="utf-8", newline="\n") as file:
        for line in made:
            file.write(json.dumps(line, ensure_ascii=False) + "\n")
    print(f"{len(made)} prompts")


if __name__ == "__main__":
    main()
