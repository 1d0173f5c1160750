// The official client of the OpenAI API against a server: node client.mjs URL
import OpenAI from "openai";

const client = new OpenAI({ baseURL: process.argv[2], apiKey: "any", maxRetries: 0 });
const request = { model: "tiny", prompt: "Gets or sets the", max_tokens: 20, temperature: 0 };
const found = { streamed: "" };
found.whole = (await client.completions.create(request)).choices[0].text;
for await (const chunk of await client.completions.create({ ...request, stream: true })) found.streamed += chunk.choices[0].text;
found.vector = (await client.embeddings.create({ model: "tiny", input: "Closes the file" })).data[0].embedding;
try {
  await client.completions.create({ ...request, temperature: 9 });
} catch (error) {
  found.status = error.status;
  found.param = error.param;
}
console.log(JSON.stringify(found));
