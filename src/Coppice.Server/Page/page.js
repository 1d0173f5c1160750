// Chat, drafts of what is being typed, and the view of decoding, over the server's own endpoints.
import { Decoding, element } from "/tree.js";

const pause = 150;          // of typing, before drafts are asked for
const draftTokens = 12;
const at = id => document.getElementById(id);
const decoding = new Decoding(at("steps"), at("summary"));
let messages = [];
let running = null;
let drafting = null;
let timer = 0;

function headers() {
  const key = at("key").value;
  return key ? { "Content-Type": "application/json", "Authorization": `Bearer ${key}` } : { "Content-Type": "application/json" };
}

async function failure(response) {
  try {
    return (await response.json()).error.message;
  } catch {
    return `status ${response.status}`;
  }
}

// The events of a request, until it ends or is aborted.
async function* events(path, body, signal) {
  const response = await fetch(path, { method: "POST", headers: headers(), body: JSON.stringify({ ...body, stream: true }), signal });
  if (!response.ok) throw new Error(await failure(response));
  const reader = response.body.pipeThrough(new TextDecoderStream()).getReader();
  let rest = "";
  while (true) {
    const { done, value } = await reader.read();
    if (done) return;
    const lines = (rest + value).split("\n");
    rest = lines.pop();
    for (const line of lines) {
      if (!line.startsWith("data: ") || line === "data: [DONE]") continue;
      const event = JSON.parse(line.slice("data: ".length));
      if (event.error) throw new Error(event.error.message);
      yield event;
    }
  }
}

async function loadModels() {
  const response = await fetch("/v1/models", { headers: headers() });
  if (!response.ok) {
    at("error").textContent = await failure(response);
    return;
  }
  at("error").textContent = "";
  const chosen = at("model").value;
  at("model").replaceChildren(...(await response.json()).data.map(model => {
    const option = element("option", "", model.id);
    option.selected = model.id === chosen;
    option.dataset.chat = model.has_chat;
    return option;
  }));
  chooseMode();
}

function chooseMode() {
  const hasChat = at("model").selectedOptions[0]?.dataset.chat === "true";
  at("mode").options[0].disabled = !hasChat;
  if (!hasChat) at("mode").value = "text";
}

function turn(className, text) {
  const made = element("div", `turn ${className}`, text);
  at("log").append(made);
  made.scrollIntoView();
  return made;
}

async function send() {
  const text = at("input").value;
  if (running || text.trim() === "") return;
  stopDrafts();
  at("error").textContent = "";
  decoding.clear();
  const isChat = at("mode").value === "chat";
  const temperature = Number(at("temperature").value);
  const limit = isChat ? "max_completion_tokens" : "max_tokens";
  const body = { model: at("model").value, temperature, trace: true, [limit]: Number(at("tokens").value) };
  turn("user", text);
  at("input").value = "";
  if (isChat) {
    messages.push({ role: "user", content: text });
    body.messages = messages;
  } else body.prompt = text;
  const shown = turn("assistant", "");
  const reasoning = shown.appendChild(element("span", "reasoning"));
  const answer = shown.appendChild(element("span"));
  running = new AbortController();
  at("send").disabled = true;
  at("stop").disabled = false;
  try {
    for await (const event of events(isChat ? "/v1/chat/completions" : "/v1/completions", body, running.signal)) {
      for (const step of event.trace ?? []) decoding.add(step);
      const choice = event.choices[0];
      if (!choice) continue;
      reasoning.textContent += choice.delta?.reasoning_content ?? "";
      answer.textContent += (isChat ? choice.delta.content : choice.text) ?? "";
      at("log").scrollTop = at("log").scrollHeight;
    }
  } catch (error) {
    if (error.name !== "AbortError") at("error").textContent = error.message;
  }
  if (isChat) messages.push({ role: "assistant", content: answer.textContent });
  running = null;
  at("send").disabled = false;
  at("stop").disabled = true;
}

function stopDrafts() {
  clearTimeout(timer);
  drafting?.abort();
  drafting = null;
  at("drafts").replaceChildren();
}

async function draft() {
  const text = at("input").value;
  const count = Number(at("count").value);
  if (running || count === 0 || text.trim() === "") return;
  drafting = new AbortController();
  const { signal } = drafting;
  const rows = Array.from({ length: count }, () => {
    const row = element("li");
    row.append(element("span", "typed", text.slice(-24)), element("span", "draft"));
    row.addEventListener("click", () => {
      at("input").value = text + row.lastChild.textContent;
      at("input").focus();
      typed();
    });
    return row;
  });
  at("drafts").replaceChildren(...rows);
  try {
    const body = { model: at("model").value, prompt: text, n: count, max_tokens: draftTokens, temperature: 0.8, seed: 1 };
    for await (const event of events("/v1/completions", body, signal)) {
      for (const choice of event.choices) rows[choice.index].lastChild.textContent += choice.text;
    }
  } catch (error) {
    if (error.name !== "AbortError") at("error").textContent = error.message;
  }
}

function typed() {
  stopDrafts();
  timer = setTimeout(draft, pause);
}

at("form").addEventListener("submit", event => {
  event.preventDefault();
  send();
});
at("input").addEventListener("input", typed);
at("input").addEventListener("keydown", event => {
  if (event.key !== "Enter" || event.shiftKey || event.isComposing) return;
  event.preventDefault();
  send();
});
at("stop").addEventListener("click", () => running?.abort());
at("clear").addEventListener("click", () => {
  running?.abort();
  stopDrafts();
  messages = [];
  at("log").replaceChildren();
  decoding.clear();
});
at("key").addEventListener("change", loadModels);
at("model").addEventListener("change", chooseMode);
decoding.show();
loadModels();
