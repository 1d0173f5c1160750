"""Prompts for tiny: the token that begins every document, continued at three temperatures, so that the text is of its own kind."""
import json
import random
import sys

COUNT, NEW_TOKENS, TEMPERATURES = 3000, 160, (1.0, 0.7, 0.4)


def main(path):
    draw = random.Random(1)
    with open(path, "w", newline="\n") as file:
        for i in range(COUNT):
            line = {"id": i, "ids": [0], "max_tokens": NEW_TOKENS, "temperature": TEMPERATURES[i % 3], "seed": draw.randrange(1 << 30)}
            file.write(json.dumps(line) + "\n")


if __name__ == "__main__":
    main(sys.argv[1])
