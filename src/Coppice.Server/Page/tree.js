// The view of decoding: what each pass looked at, accepted and gave. Texts of the model are only ever set as text.

const mostShown = 200;

export function element(name, className, text) {
  const made = document.createElement(name);
  if (className) made.className = className;
  if (text !== undefined) made.textContent = text;
  return made;
}

const visible = text => text.replaceAll("\n", "⏎").replaceAll("\t", "⇥") || "∅";

function tree(step) {
  const accepted = new Set(step.path);
  const lists = step.tree.map(() => null);
  const top = element("ul", "tree");
  step.tree.forEach((node, i) => {
    const item = element("li");
    const state = i === 0 ? "" : accepted.has(i) ? " accepted" : " refused";
    item.append(element("span", "token" + state, visible(node.text)));
    let list = top;
    if (node.parent >= 0) {
      list = lists[node.parent].querySelector(":scope > ul") ?? lists[node.parent].appendChild(element("ul"));
    }
    list.append(item);
    lists[i] = item;
  });
  return top;
}

function probabilities(token) {
  const row = element("div", "row");
  row.append(element("span", "token", visible(token.text)));
  const bars = element("div", "bars");
  for (const best of token.top) {
    const p = Math.exp(best.logprob);
    if (p < 0.005) continue;
    const bar = element("span", best.text === token.text ? "bar chosen" : "bar", visible(best.text));
    bar.style.width = `${(100 * p).toFixed(1)}%`;
    bar.title = `${best.text} ${(100 * p).toFixed(1)} %`;
    bars.append(bar);
  }
  if (token.logprob === null) bars.append(element("span", "bar", "forced"));
  row.append(bars);
  return row;
}

const bytes = count => count < 1 << 20 ? `${(count / 1024).toFixed(1)} KiB` : `${(count / (1 << 20)).toFixed(1)} MiB`;

export class Decoding {
  constructor(steps, summary) {
    this.steps = steps;
    this.summary = summary;
    this.clear();
  }

  clear() {
    this.passes = this.tokens = this.milliseconds = this.prompt = this.drafted = this.accepted = 0;
    this.kv = 0;
    this.steps.replaceChildren();
    this.summary.replaceChildren();
  }

  add(step) {
    const time = step.draft_ms + step.pass_ms + step.host_ms;
    this.kv = step.kv_bytes;
    const item = element("li");
    if (step.tokens.length === 0) {
      this.prompt += step.rows;
      item.append(element("div", "head", `prompt: ${step.rows} tokens, ${time.toFixed(2)} ms, ${bytes(step.kv_bytes)} of keys and values`));
    } else {
      this.passes++;
      this.tokens += step.tokens.length;
      this.milliseconds += time;
      this.drafted += step.tree.length - 1;
      this.accepted += step.path.length - 1;
      const others = step.sequences > 1 ? `, shared by ${step.sequences}` : "";
      item.append(element("div", "head",
        `pass ${this.passes} at ${step.position}: ${step.tokens.length} of ${step.rows} rows, ${time.toFixed(2)} ms `
        + `(draft ${step.draft_ms.toFixed(2)}, model ${step.pass_ms.toFixed(2)}, rest ${step.host_ms.toFixed(2)}), `
        + `${bytes(step.kv_bytes)}${others}`));
      item.append(tree(step));
      for (const token of step.tokens) item.append(probabilities(token));
    }
    this.steps.prepend(item);
    while (this.steps.childElementCount > mostShown) this.steps.lastElementChild.remove();
    this.show();
  }

  show() {
    const rows = {
      "passes": this.passes,
      "tokens": this.tokens,
      "tokens a pass": this.passes ? (this.tokens / this.passes).toFixed(2) : "-",
      "ms a pass": this.passes ? (this.milliseconds / this.passes).toFixed(2) : "-",
      "drafts accepted": `${this.accepted} of ${this.drafted}`,
      "keys and values": bytes(this.kv),
    };
    this.summary.replaceChildren(...Object.entries(rows).map(([name, value]) => {
      const group = element("div");
      group.append(element("dt", "", name), element("dd", "", value));
      return group;
    }));
  }
}
