/**
 * HTTP responses of a scripted server: JSON, and the page's files.
 */
import fs from 'node:fs';
import path from 'node:path';
import { fileURLToPath } from 'node:url';

const STATIC = path.resolve(path.dirname(fileURLToPath(import.meta.url)), '../../../static');
const KINDS = /** @type {Record<string, string>} */ ({
    html: 'text/html; charset=utf-8', css: 'text/css; charset=utf-8', js: 'text/javascript; charset=utf-8', svg: 'image/svg+xml', json: 'application/json',
    glb: 'model/gltf-binary', webp: 'image/webp',
});
/** The policy that suffices according to docs/page.md. */
const POLICY = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; media-src 'self' blob:; connect-src 'self'";

/** @typedef {import('node:http').ServerResponse} ServerResponse */

/**
 * @param {ServerResponse} response
 * @param {object} body
 * @param {number} [status]
 * @param {Record<string, string>} [headers]
 */
export function json(response, body, status = 200, headers = {}) {
    response.writeHead(status, { 'Content-Type': 'application/json', ...headers }).end(JSON.stringify(body));
}

/**
 * @param {ServerResponse} response
 * @param {string} name
 */
export function sendFile(response, name) {
    const file = path.join(STATIC, path.normalize(`/${name}`));
    if (!fs.statSync(file, { throwIfNoEntry: false })?.isFile()) {
        response.writeHead(404).end();
        return;
    }
    const type = KINDS[path.extname(name).slice(1)];
    const bytes = fs.readFileSync(file);
    response.writeHead(200, { 'Content-Type': type, 'Content-Length': bytes.length, 'Content-Security-Policy': POLICY }).end(bytes);
}
