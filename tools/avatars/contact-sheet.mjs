// Contact sheets of mouths and moods, for docs/avatar.md.
// usage: node contact-sheet.mjs [PERSON…] [--visemes TABLE.json] [--moods TABLE.json] [--out FOLDER]
// A table is {"NAME": {"SHAPE": WEIGHT, …}, …}, or what static/avatars/expressions.json is: {"moods": {"NAME": {"weights": …}}}.
// Without --visemes the mouths are the server's own, read out of crates/core/src/avatar/lips/viseme.rs.
import { readFile } from "node:fs/promises";
import { fileURLToPath } from "node:url";
import { parseArgs } from "node:util";
import sharp from "sharp";
import { openStudio } from "./studio.mjs";

const root = fileURLToPath(new URL("../../", import.meta.url));
const { values, positionals } = parseArgs({
  allowPositionals: true,
  options: {
    visemes: { type: "string" },
    moods: { type: "string", default: `${root}static/avatars/expressions.json` },
    out: { type: "string", default: `${root}docs/avatars` },
  },
});
const people = positionals.length > 0 ? positionals : ["female", "male"];
const CAPTION = 26;

// The fields of the server's Pose and the shapes that they move.
const FIELDS = {
  jaw: ["jawOpen"], funnel: ["mouthFunnel"], pucker: ["mouthPucker"], stretch: both("mouthStretch"), smile: both("mouthSmile"),
  dimple: both("mouthDimple"), upper: both("mouthUpperUp"), lower: both("mouthLowerDown"), press: both("mouthPress"),
  roll_upper: ["mouthRollUpper"], roll_lower: ["mouthRollLower"], shrug_lower: ["mouthShrugLower"], tongue: ["tongueOut"],
};

function both(shape) {
  return [`${shape}Left`, `${shape}Right`];
}

async function serverVisemes() {
  const source = await readFile(`${root}crates/core/src/avatar/lips/viseme.rs`, "utf8");
  const table = { sil: {} };
  const spelled = { KK: "kk", NN: "nn", Aa: "aa" }; // as Oculus does
  for (const [, name, fields] of source.matchAll(/Self::(\w+) => \{?\s*Pose \{([^}]*)\.\.REST/g)) {
    const pose = Object.fromEntries([...fields.matchAll(/(\w+): ([\d.]+)/g)].map(([, field, weight]) => [field, Number(weight)]));
    const { closed = 0, ...moved } = pose;
    const weights = Object.entries(moved).flatMap(([field, weight]) => shapesOf(field).map((shape) => [shape, weight]));
    table[spelled[name] ?? name] = { ...Object.fromEntries(weights), mouthClose: (pose.jaw ?? 0) * closed };
  }
  const found = Object.keys(table).length;
  if (found !== 15) throw new Error(`crates/core/src/avatar/lips/viseme.rs: ${found} visemes found, 15 wanted; give --visemes TABLE.json`);
  return table;
}

function shapesOf(field) {
  if (!FIELDS[field]) throw new Error(`crates/core/src/avatar/lips/viseme.rs: the field ${field} is unknown here; add it to FIELDS`);
  return FIELDS[field];
}

async function table(path, key) {
  const json = JSON.parse(await readFile(path, "utf8"));
  return json[key] ?? json;
}

// Pictures of one head, `columns` in a row, each with its name below.
async function sheet(studio, entries, columns, view, path) {
  const { size } = view;
  const tiles = [];
  for (const [i, [name, { weights, pose }]] of entries.entries()) {
    const left = (i % columns) * size;
    const top = Math.floor(i / columns) * (size + CAPTION);
    tiles.push({ input: await sharp(await studio.picture(weights, { ...view, size: Math.round(size * 1.5), pose })).resize(size).toBuffer(), left, top });
    tiles.push({ input: caption(name, size), left, top: top + size });
  }
  const rows = Math.ceil(entries.length / columns);
  await sharp({ create: { width: columns * size, height: rows * (size + CAPTION), channels: 3, background: "#20242c" } })
    .composite(tiles).webp({ quality: 84, effort: 6 }).toFile(path);
  console.log(path);
}

function caption(name, size) {
  const text = `<text x="50%" y="18" fill="#e8e8ec" font-family="sans-serif" font-size="15" text-anchor="middle">${name}</text>`;
  return Buffer.from(`<svg xmlns="http://www.w3.org/2000/svg" width="${size}" height="${CAPTION}">${text}</svg>`);
}

const visemes = Object.entries(values.visemes ? await table(values.visemes, "visemes") : await serverVisemes())
  .map(([name, weights]) => [name, { weights }]);
const moods = Object.entries(await table(values.moods, "moods"))
  .map(([name, { weights, yaw, pitch, roll }]) => [name, { weights, pose: { yaw, pitch, roll } }]);
const studio = await openStudio();
for (const person of people) {
  await studio.load(`${root}static/avatars/${person}.glb`);
  const { eyes } = await studio.measure();
  await sheet(studio, visemes, 5, { size: 220, yaw: 14, at: [0, eyes - 0.052, 0.07], distance: 0.42 }, `${values.out}/${person}-visemes.webp`);
  await sheet(studio, moods, 4, { size: 280, yaw: 8, at: [0, eyes - 0.015, 0.03], distance: 0.8 }, `${values.out}/${person}-moods.webp`);
}
await studio.close();
