/**
 * Two calls at once: each page shows its own face.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { withPage } from './lib/browser.js';
import { openPage, startCall, waitForTurn } from './lib/call.js';
import { serverUrl } from './lib/env.js';

/** @typedef {import('playwright-core').Page} Page */

/** @param {Page} page */
function stats(page) {
    return page.evaluate(() => {
        const rows = window.visavis.avatar.log.stop();
        return {
            drawn: rows.length > 0,
            shown: rows.filter(([, timestamp]) => timestamp !== null).length,
            moved: rows.filter(([, timestamp, jawOpen]) => timestamp !== null && jawOpen > 0.05).length,
        };
    });
}

for (const mode of ['webrtc', 'websocket']) {
    test(`a face moves in the call that speaks, and in no other (${mode})`, async () => {
        await withPage({}, async (page) => {
            const other = await page.context().newPage();
            for (const each of [other, page]) {
                await openPage(each, `${serverUrl()}/call?mode=${mode}&language=en&avatar=lite`);
                await startCall(each);
                await each.evaluate(() => window.visavis.avatar.log.start());
            }
            // A long response, so that enough of it is drawn where two pages without a GPU share a slow processor.
            await page.evaluate(() => window.visavis.say('Count from one to ten.'));
            await waitForTurn(page);
            const [speaking, silent] = [await stats(page), await stats(other)];
            assert.ok(speaking.shown > 5 && speaking.moved > 3, JSON.stringify(speaking));
            assert.deepEqual(silent, { drawn: true, shown: 0, moved: 0 });
        });
    });
}
