/**
 * How long a call takes to begin for a person in a real Chromium, by stage: the medians of calls from fresh pages, in ms after the
 * press of the button, as JSON.
 *
 *     node bench/setup.js --server http://127.0.0.1:8080 [--times 10]
 */
import { parseArgs } from 'node:util';

import { withPage } from '../lib/browser.js';
import { openPage, startCall } from '../lib/call.js';
import { PEER_FLAGS } from '../lib/scripted-peer.js';

const { values: options } = parseArgs({
    options: {
        server: { type: 'string', default: 'http://127.0.0.1:8080' },
        times: { type: 'string', default: '10' },
    },
});

/**
 * @param {string} mode
 * @returns {Promise<Record<string, number>>} one call's stages
 */
async function begin(mode) {
    /** @type {Record<string, number>} */
    const stages = {};
    await withPage({ flags: PEER_FLAGS }, async (page) => {
        // Without a face: drawing it in software takes more than all the rest.
        await openPage(page, `${options.server}/call?mode=${mode}&avatar=off`);
        await startCall(page);
        Object.assign(stages, await page.evaluate(() => window.visavis.setup));
        await page.evaluate(() => window.visavis.hangUp());
    });
    return stages;
}

/** @type {Record<string, Record<string, number>>} */
const medians = {};
for (const mode of ['webrtc', 'websocket']) {
    /** @type {Record<string, number[]>} */
    const all = {};
    for (let time = 0; time < Number(options.times); time++) {
        for (const [stage, at] of Object.entries(await begin(mode))) {
            (all[stage] ??= []).push(at);
        }
    }
    const middle = (/** @type {number[]} */ times) => times.sort((a, b) => a - b)[Math.floor(times.length / 2)];
    medians[mode] = Object.fromEntries(Object.entries(all).map(([stage, times]) => [stage, middle(times)]));
}
console.log(JSON.stringify(medians, null, 2));
