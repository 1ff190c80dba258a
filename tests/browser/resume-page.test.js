/**
 * A call that goes on: after a reload, a lost connection and a stopping server, and in another window; against a scripted server.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { assertAccessible, assertNoSidewaysScroll, settle } from './lib/appearance.js';
import { withPage } from './lib/browser.js';
import { openPage, seen, transcript, waitUntilLive } from './lib/call.js';
import { PEER_FLAGS, answerWebRtc } from './lib/scripted-peer.js';
import { withScriptedServer } from './lib/scripted-server.js';

/** @typedef {import('playwright-core').Page} Page */
/** @typedef {import('./lib/scripted-server.js').ScriptedServer} ScriptedServer */
/** @typedef {import('./lib/scripted-call.js').ScriptedCall} ScriptedCall */

const PATIENCE = { timeout: 30000 };
/** @type {ScriptedServer['said']} */
const SAID = [{ role: 'user', text: 'How old is the universe?' }, { role: 'assistant', text: 'Fourteen billion years.' }];
const SPOKEN = ['user: How old is the universe?', 'agent: Fourteen billion years.'];

/**
 * A call over a WebSocket in which something was said, on a server whose calls can go on.
 *
 * @param {ScriptedServer} server
 * @param {Page} page
 * @returns {Promise<ScriptedCall>}
 */
async function begin(server, page) {
    server.resumes = true;
    server.said = SAID;
    await page.bringToFront();
    await openPage(page, `${server.url}/call?mode=websocket`);
    await page.getByRole('button', { name: 'Start call' }).press('Enter');
    const call = await server.call();
    await waitUntilLive(page);
    call.hear(SAID[0].text);
    call.send('bot-started-speaking', { response: 1 });
    call.send('bot-output', { text: SAID[1].text, spoken: true, aggregated_by: 'sentence', response: 1 });
    call.send('bot-stopped-speaking', { response: 1 });
    await page.locator('.line.agent').getByText(SAID[1].text).waitFor();
    await untilKept(page, 'token-1');
    return call;
}

/** @param {Page} page */
function kept(page) {
    return page.evaluate(() => JSON.parse(sessionStorage.getItem('visavis.resume') ?? 'null')?.token ?? null);
}

/**
 * @param {Page} page
 * @param {string | null} token - that the tab keeps
 */
function untilKept(page, token) {
    return page.waitForFunction(
        (token) => (JSON.parse(sessionStorage.getItem('visavis.resume') ?? 'null')?.token ?? null) === token,
        token,
        PATIENCE,
    );
}

/**
 * @param {Page} page
 * @param {import('../../static/session.js').State} state
 */
function untilState(page, state) {
    return page.waitForFunction((state) => window.visavis?.state === state, state, PATIENCE);
}

/** @param {Page} page */
async function texts(page) {
    return (await transcript(page)).map(({ who, text }) => `${who}: ${text}`);
}

/** @param {Page} page */
async function untilToldThatItGoesOn(page) {
    await page.locator('#notice').getByText('The call goes on.').waitFor(PATIENCE);
    assert.equal(await page.locator('#notice').getAttribute('role'), 'status', 'screen readers are told politely');
}

/** @param {Page} page */
function focused(page) {
    return page.evaluate(() => document.activeElement?.id ?? '');
}

test('a page that is loaded anew goes on with its call by itself, and shows what was said', async () => {
    await withScriptedServer((server) => withPage({}, async (page) => {
        const before = await begin(server, page);
        assert.equal(await page.evaluate(() => Object.values({ ...localStorage }).some((text) => text.includes('token-'))), false);
        await page.reload();
        const call = await server.call();
        assert.deepEqual([call.id, call.resumed], [before.id, true]);
        await untilState(page, 'listening');
        await untilToldThatItGoesOn(page);
        assert.deepEqual(await texts(page), SPOKEN);
        assert.deepEqual(await page.locator('.line .text').allTextContents(), SAID.map(({ text }) => text));
        assert.deepEqual(await page.evaluate(() => [window.visavis.resumed, window.visavis.call]), [true, before.id]);
        assert.equal(before.received.some(({ type }) => type === 'disconnect-bot'), false, 'a reload is no hang-up');
        await untilKept(page, 'token-2');

        call.hear('And the sun?');
        await page.locator('.line.user').getByText('And the sun?').waitFor();
        assert.deepEqual(await texts(page), [...SPOKEN, 'user: And the sun?']);
    }));
});

test('a muted call is still muted after a reload', async () => {
    await withScriptedServer((server) => withPage({}, async (page) => {
        await begin(server, page);
        await page.getByRole('button', { name: 'Mute', exact: true }).click();
        await page.reload();
        const call = await server.call();
        await untilState(page, 'listening');
        assert.equal(await page.evaluate(() => window.visavis.muted), true);
        await call.until(() => call.told('mute').some(({ muted }) => muted === true));
        assert.deepEqual(call.told('mute').filter(({ muted }) => !muted), []);
    }));
});

test('where the browser would ask for the microphone, the person is asked first', async () => {
    await withScriptedServer((server) => withPage({}, async (page) => {
        await begin(server, page);
        await page.context().clearPermissions();
        await page.reload();
        const button = page.getByRole('button', { name: 'Continue the call' });
        await button.waitFor(PATIENCE);
        assert.equal(await focused(page), 'go-on');
        assert.equal(await page.getByRole('button', { name: 'Start call' }).isVisible(), false);
        await settle(page);
        await assertAccessible(page, 'continue');
        await assertNoSidewaysScroll(page, 'continue');
        await page.context().grantPermissions(['microphone']);
        await page.keyboard.press('Enter');
        const call = await server.call();
        assert.equal(call.resumed, true);
        await untilState(page, 'listening');
        assert.deepEqual(await texts(page), SPOKEN);
        assert.equal(await button.isVisible(), false);
    }));
});

test('a lost connection is replaced by the token: the call goes on, and unanswered typed words are sent again', async () => {
    await withScriptedServer((server) => withPage({}, async (page) => {
        const before = await begin(server, page);
        await page.evaluate(() => window.visavis.say('And the sun?'));
        await before.until(() => before.received.some(({ type }) => type === 'send-text'));
        server.cut();
        const call = await server.call();
        assert.deepEqual([call.id, call.resumed], [before.id, true]);
        await untilState(page, 'listening');
        await untilToldThatItGoesOn(page);
        await call.until(() => call.received.some(({ type, data }) => type === 'send-text' && data.content === 'And the sun?'));
        assert.deepEqual(await texts(page), [...SPOKEN, 'user: And the sun?']);
        assert.equal(await page.evaluate(() => window.visavis.resumed), true);
        assert.deepEqual(await seen(page, 'ended'), []);
    }));
});

test('typed words that the server remembers are not asked twice', async () => {
    await withScriptedServer((server) => withPage({}, async (page) => {
        const before = await begin(server, page);
        await page.evaluate(() => window.visavis.say('And the sun?'));
        await before.until(() => before.received.some(({ type }) => type === 'send-text'));
        server.said = [...SAID, { role: 'user', text: 'And the sun?' }];
        server.cut();
        const call = await server.call();
        await untilState(page, 'listening');
        await page.evaluate(() => window.visavis.interrupt()); // what is sent again is sent before this
        await call.until(() => call.told('interrupt').length > 0);
        assert.deepEqual(call.received.filter(({ type }) => type === 'send-text'), []);
    }));
});

test('over WebRTC the call that the server has goes on, and the token is there if it has it no more', async () => {
    await withScriptedServer((server) => withPage({ flags: PEER_FLAGS }, async (page) => {
        const peer = await answerWebRtc(server, page);
        await page.bringToFront();
        await openPage(page, `${server.url}/call?mode=webrtc`);
        await page.getByRole('button', { name: 'Start call' }).press('Enter');
        const call = await server.call();
        await waitUntilLive(page);
        call.server({ type: 'resume', call: 'scripted-1', token: 'first', seconds: 60 });
        call.server({ type: 'resume', call: 'scripted-1', token: 'second', seconds: 60 });
        await untilKept(page, 'second');
        await peer.cut();
        await server.call();
        await untilState(page, 'listening');
        const { pc_id, restart_pc, resume } = server.offers[1];
        assert.deepEqual({ pc_id, restart_pc, resume }, { pc_id: 'scripted-1', restart_pc: true, resume: { call: 'scripted-1', token: 'second' } });
        assert.equal(server.offers[0].resume, undefined);
        await untilToldThatItGoesOn(page);
    }));
});

test('the token of the answer to an offer counts, though the connection says nothing of it', async () => {
    await withScriptedServer((server) => withPage({ flags: PEER_FLAGS }, async (page) => {
        const peer = await answerWebRtc(server, page);
        await page.bringToFront();
        await openPage(page, `${server.url}/call?mode=webrtc`);
        await page.getByRole('button', { name: 'Start call' }).press('Enter');
        const call = await server.call();
        await waitUntilLive(page);
        call.server({ type: 'resume', call: 'scripted-1', token: 'first', seconds: 60 });
        await untilKept(page, 'first');
        server.next = 'answered';
        await peer.cut();
        await server.call();
        await untilKept(page, 'answered');
        await untilState(page, 'listening');
        await peer.cut();
        await server.call();
        assert.equal(server.offers[2].resume.token, 'answered');
    }));
});

test('a server that stops hands its call over: the page says so and goes on', async () => {
    await withScriptedServer((server) => withPage({}, async (page) => {
        const before = await begin(server, page);
        before.server({ type: 'call-ended', reason: 'server-stopping', message: 'The server stops.' });
        const call = await server.call();
        assert.deepEqual([call.id, call.resumed], [before.id, true]);
        await untilState(page, 'listening');
        await untilToldThatItGoesOn(page);
        assert.deepEqual(await texts(page), SPOKEN);
    }));
});

test('a server that dies and comes back with its store goes on with the call', async () => {
    await withScriptedServer((server) => withPage({}, async (page) => {
        const before = await begin(server, page);
        server.die();
        await untilState(page, 'reconnecting');
        assert.match((await page.locator('#state-text').textContent()) ?? '', /Reconnecting/);
        await server.listen();
        const call = await server.call();
        assert.deepEqual([call.id, call.resumed], [before.id, true]);
        await untilState(page, 'listening');
        assert.deepEqual(await texts(page), SPOKEN);
    }));
});

test('a token that is refused begins a new call, and the page says why', async () => {
    const told = /** @type {const} */ ([
        ['resume-unknown', /could not be found again, so a new call began/],
        ['resume-used', /taken up elsewhere/],
        ['resume-expired', /too much time has passed/],
        ['resume-not-yours', /belongs to somebody else/],
    ]);
    for (const [reason, text] of told) {
        await withScriptedServer((server) => withPage({}, async (page) => {
            await begin(server, page);
            server.tokens.clear();
            server.unknown = reason;
            server.cut();
            const call = await server.call();
            await untilState(page, 'listening');
            assert.equal(call.resumed, false);
            const [first, second, note] = await texts(page);
            assert.deepEqual([first, second], SPOKEN);
            assert.match(note, text);
            assert.equal(await page.evaluate(() => window.visavis.resumed), false);
        }));
    }
});

test('a reload whose token is refused begins a new call, and the page says why', async () => {
    await withScriptedServer((server) => withPage({}, async (page) => {
        await begin(server, page);
        server.tokens.clear();
        server.unknown = 'resume-expired';
        await page.reload();
        const call = await server.call();
        await untilState(page, 'listening');
        assert.equal(call.resumed, false);
        await page.locator('.line.page').getByText('too much time has passed').waitFor(PATIENCE);
        assert.equal(await page.evaluate(() => window.visavis.resumed), false);
        await untilKept(page, 'token-2');
    }));
});

test('a call that was hung up, or that is over, leaves no token', async () => {
    await withScriptedServer((server) => withPage({}, async (page) => {
        await begin(server, page);
        await page.getByRole('button', { name: 'Hang up' }).press('Enter');
        await page.getByRole('button', { name: 'Call again' }).waitFor();
        assert.equal(await kept(page), null);
        await page.getByRole('button', { name: 'Call again' }).click();
        const call = await server.call();
        await untilKept(page, 'token-2');
        call.server({ type: 'call-ended', reason: 'agent-ended', message: '' });
        await page.getByText('The agent ended the call.').waitFor();
        assert.equal(await kept(page), null);
        await page.reload();
        await page.getByRole('button', { name: 'Start call' }).waitFor();
        assert.equal(await page.evaluate(() => window.visavis.state), 'idle');
    }));
});

test('of two windows one has the call: the other says so, does not fight, and can take it back', async () => {
    await withScriptedServer((server) => withPage({}, async (first) => {
        const before = await begin(server, first);
        const [second] = await Promise.all([
            first.context().waitForEvent('page'),
            first.evaluate(() => void window.open(location.href)), // a copy of what the tab keeps goes with it
        ]);
        await second.getByRole('button', { name: 'Continue the call' }).click(PATIENCE);
        const moved = await server.call();
        assert.deepEqual([moved.id, moved.resumed], [before.id, true]);
        await untilState(second, 'listening');

        await first.bringToFront();
        await first.getByRole('heading', { name: 'This call goes on in another window.' }).waitFor(PATIENCE);
        assert.equal(await focused(first), 'go-on');
        assert.deepEqual((await seen(first, 'ended')).map(({ reason }) => reason), ['moved']);
        await settle(first);
        await assertAccessible(first, 'moved');
        assert.equal(await kept(first), null);
        await first.waitForTimeout(2000);
        assert.equal(server.calls.length, 0, 'it is not called again');
        assert.equal(await second.evaluate(() => window.visavis.state), 'listening');

        await first.getByRole('button', { name: 'Take it back' }).click();
        const back = await server.call();
        assert.deepEqual([back.id, back.resumed], [before.id, true]);
        await untilState(first, 'listening');
        await untilState(second, 'ended');
        assert.deepEqual(await texts(first), SPOKEN);
        await second.close();
    }));
});

test('a call whose other window is closed cannot be taken back, and a new one can begin', async () => {
    await withScriptedServer((server) => withPage({}, async (page) => {
        const call = await begin(server, page);
        call.server({ type: 'call-ended', reason: 'moved', message: '' });
        await page.getByRole('button', { name: 'Take it back' }).click(PATIENCE);
        await page.getByRole('heading', { name: 'This call cannot come back' }).waitFor(PATIENCE);
        await page.getByRole('button', { name: 'Start a new call' }).click();
        const next = await server.call();
        assert.equal(next.resumed, false);
        await untilState(page, 'listening');
    }));
});

test('a store that cannot be reached is waited for, and the wait is counted down', async () => {
    await withScriptedServer((server) => withPage({}, async (page) => {
        const before = await begin(server, page);
        server.refusal = { status: 503, reason: 'store-unreachable', retryAfter: 60 };
        server.cut();
        await page.locator('#countdown').getByText(/Next try in [1-5]\d s/).waitFor(PATIENCE);
        await page.getByText('The server looks for your conversation.').waitFor(PATIENCE);
        server.refusal = null;
        await page.getByRole('button', { name: 'Try now' }).click();
        const call = await server.call();
        assert.deepEqual([call.id, call.resumed], [before.id, true]);
        await untilState(page, 'listening');
    }));
});
