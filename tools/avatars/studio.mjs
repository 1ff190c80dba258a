// Opens the studio (studio/) in a headless Chromium; pictures come back as PNG buffers.
import { createServer } from "node:http";
import { readFile } from "node:fs/promises";
import { extname, join, normalize } from "node:path";
import { fileURLToPath } from "node:url";
import { chromium } from "playwright-core";

const here = fileURLToPath(new URL(".", import.meta.url));
const types = { ".html": "text/html", ".js": "text/javascript" };
const roots = { three: join(here, "node_modules/three"), studio: join(here, "studio") };

function serve() {
  const server = createServer(async (request, response) => {
    const [, root, ...rest] = normalize(decodeURIComponent(new URL(request.url, "http://studio").pathname)).split("/");
    // `/file/…` is a head anywhere on this machine; the server listens on loopback for the length of one run.
    const path = root === "file" ? "/" + rest.join("/") : roots[root] && join(roots[root], ...rest);
    try {
      const body = await readFile(path);
      response.writeHead(200, { "content-type": types[extname(path)] ?? "application/octet-stream" }).end(body);
    } catch {
      response.writeHead(root === "favicon.ico" ? 204 : 404).end();
    }
  });
  return new Promise((listening) => server.listen(0, "127.0.0.1", () => listening(server)));
}

export async function openStudio() {
  const server = await serve();
  const browser = await chromium.launch({
    executablePath: process.env.CHROMIUM ?? "/usr/bin/chromium",
    args: ["--no-sandbox", "--use-gl=angle", "--use-angle=swiftshader", "--enable-unsafe-swiftshader"],
  });
  const page = await browser.newPage();
  page.setDefaultTimeout(180_000); // software rendering on a busy machine
  page.on("pageerror", (error) => console.error(String(error)));
  page.on("console", (line) => { if (line.type() === "error") console.error(line.text()); });
  await page.goto(`http://127.0.0.1:${server.address().port}/studio/index.html`);
  await page.waitForFunction(() => window.studio);
  return {
    measure: () => page.evaluate(() => window.studio.measure()),
    load: (path) => page.evaluate((url) => window.studio.load(url), `/file${path}`),
    async picture(weights, view) {
      const url = await page.evaluate(([w, v]) => {
        window.studio.shape(w);
        return window.studio.picture(v);
      }, [weights, view]);
      return Buffer.from(url.split(",")[1], "base64");
    },
    async close() {
      await browser.close();
      server.close();
    },
  };
}
