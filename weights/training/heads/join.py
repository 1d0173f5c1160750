"""Puts what `coppice generate --jsonl --json` wrote after its prompts, as lines for `coppice dump-hidden`; a cut file gives what it has."""
import json
import sys


def main():
    prompts, written, out = sys.argv[1:]
    with open(prompts, encoding="utf-8") as file:
        asked = {line["id"]: line for line in map(json.loads, file)}
    with open(written, encoding="utf-8") as file, open(out, "w", encoding="utf-8", newline="\n") as lines:
        for text in file:
            if not text.endswith("\n"):
                break
            answer = json.loads(text)
            line = asked[answer["id"]]
            if not answer["ids"]:
                continue
            prompt = {"prompt_ids": line["ids"]} if "ids" in line else {key: line[key] for key in ("prompt", "messages") if key in line}
            lines.write(json.dumps({"id": answer["id"], **prompt, "ids": answer["ids"]}, ensure_ascii=False) + "\n")


if __name__ == "__main__":
    main()
