// Types into the page, waits for drafts, sends, and checks what the page shows: node page.mjs URL CHROMIUM
import { chromium } from "playwright-core";

const [url, executablePath] = process.argv.slice(2);
const browser = await chromium.launch({ executablePath, args: ["--no-sandbox"] });
// The four drafts that the page shows by default have begun.
const drafted = () => [...document.querySelectorAll("#drafts .draft")].filter(draft => draft.textContent.length > 4).length === 4;
const fail = message => {
  console.error(message);
  process.exitCode = 1;
};
try {
  const page = await browser.newPage({ viewport: { width: 1280, height: 800 } });
  page.on("console", message => message.type() === "error" && fail(`console: ${message.text()}`));
  page.on("pageerror", error => fail(`page: ${error}`));
  page.on("request", request => new URL(request.url()).origin === new URL(url).origin || fail(`asked elsewhere: ${request.url()}`));
  await page.goto(url);
  await page.waitForSelector("#model option", { state: "attached" });
  await page.fill("#tokens", "24");
  await page.locator("#input").pressSequentially("Gets or sets the", { delay: 20 });
  await page.waitForFunction(drafted);
  await page.press("#input", "Enter");
  await page.waitForFunction(() => document.getElementById("stop").disabled && document.querySelectorAll("#steps .tree").length > 3);
  const shown = await page.evaluate(() => ({
    answer: document.querySelector(".assistant").textContent,
    tokens: [...document.querySelectorAll("#summary div")].find(row => row.firstChild.textContent === "tokens").lastChild.textContent,
    bars: document.querySelectorAll("#steps .bar.chosen").length,
    wide: [...document.querySelectorAll("#steps .bar.chosen")].some(bar => bar.getBoundingClientRect().width > 20),
    error: document.getElementById("error").textContent,
  }));
  if (shown.error || !shown.wide || shown.bars < 5) fail(JSON.stringify(shown));
  if (process.env.COPPICE_SCREENSHOT) {
    await page.locator("#input").pressSequentially("Returns the number of", { delay: 20 });
    await page.waitForFunction(drafted);
    await page.screenshot({ path: process.env.COPPICE_SCREENSHOT });
  }
  console.log(JSON.stringify(shown));
} finally {
  await browser.close();
}
