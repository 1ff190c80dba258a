/**
 * A call from the caller's namespace in a real browser, and by which way it went.
 */
import { withPage } from '../../browser/lib/browser.js';
import { openPage, seen, startCall, startRecording, stopRecording, waitForQuiet, waitForTurn } from '../../browser/lib/call.js';
import { report, runTest, states } from '../../browser/lib/network-page.js';
import { findSound } from '../../browser/lib/wav.js';
import { HOST } from './world.js';

/** @typedef {import('../../browser/lib/call.js').Page} Page */

/**
 * Who calls: a browser that trusts the servers' certificate.
 *
 * @typedef {Object} Caller
 * @property {string} program
 * @property {string[]} flags
 */

/**
 * By which way a call goes.
 *
 * - `direct`: UDP between the browser and the port of calls; `direct/tcp`: the same over TCP
 * - `relay/…`: through a relay that the browser reaches by that transport
 *
 * @typedef {'direct' | 'direct/tcp' | 'relay/udp' | 'relay/tcp' | 'relay/tls' | 'websocket' | 'none'} Way
 */

/**
 * @typedef {Object} Path
 * @property {Way} way
 * @property {string} from - our end: what it is, its address, and the relay's URL
 * @property {string} to - the server's end
 */

/**
 * What came of a call.
 *
 * @typedef {Object} Outcome
 * @property {Path} path - when the question had been answered: a better way than the first may have been found by then
 * @property {Path} first - when the call was up
 * @property {number} connected - ms from the press of the button until messages pass
 * @property {number} ready - ms until the agent has said hello
 * @property {string} answer - in words
 * @property {number} sound - seconds of sound heard in answer
 * @property {string[]} notices - what the page told the person of besides
 * @property {boolean} kept - at its end it was the call that had begun
 */

const SETTLES_MS = 5000;
/** RMS of sound, and not of silence that was encoded. */
const AUDIBLE = 0.003;

/**
 * Calls, types a question and listens to the answer.
 *
 * @param {Caller} caller
 * @param {Way[]} expected - waits a moment for one of these
 * @param {() => void} [midway] - what becomes of the network before the question
 * @returns {Promise<Outcome>}
 */
export async function call(caller, expected, midway = () => {}) {
    /** @type {Outcome | null} */
    let outcome = null;
    await withCaller(caller, async (page) => {
        // A face would cost a processor that the sound needs.
        await openPage(page, `https://${HOST.server}/call?language=en&avatar=off`);
        await startCall(page);
        const setup = await page.evaluate(() => window.visavis.setup);
        const first = await pathOf(page, []);
        await waitForQuiet(page);
        const [before, id] = await page.evaluate(() => /** @type {const} */ ([window.visavis.transcript.length, window.visavis.call]));
        midway();
        await startRecording(page);
        await page.evaluate(() => window.visavis.say('What is the capital of France?'));
        const { answer } = await waitForTurn(page, before);
        const recorded = await stopRecording(page);
        const heard = findSound(recorded.answer, AUDIBLE);
        outcome = {
            path: await pathOf(page, expected),
            first,
            connected: setup?.open ?? NaN,
            ready: setup?.ready ?? NaN,
            answer: answer.text,
            sound: heard === null ? 0 : (heard.last - heard.first) / recorded.answer.sampleRate,
            notices: (await seen(page, 'notice')).map(({ code }) => code),
            kept: id === (await page.evaluate(() => window.visavis.call)),
        };
        await page.evaluate(() => window.visavis.hangUp());
    });
    if (outcome === null) {
        throw new Error('the call came to nothing');
    }
    return outcome;
}

/**
 * Runs the tests of /call/network.
 *
 * @param {Caller} caller
 * @returns {Promise<{states: Record<string, string>, report: string}>}
 */
export async function testNetwork(caller) {
    let found = { states: /** @type {Record<string, string>} */ ({}), report: '' };
    await withCaller(caller, async (page) => {
        await page.goto(`https://${HOST.server}/call/network`);
        await runTest(page);
        found = { states: await states(page), report: await report(page) };
    });
    return found;
}

/**
 * @param {Caller} caller
 * @param {(page: Page) => Promise<void>} body
 */
function withCaller({ program, flags }, body) {
    return withPage({ program, flags, context: { ignoreHTTPSErrors: true } }, body);
}

/**
 * @param {Page} page
 * @param {Way[]} expected - empty: whatever it is
 * @returns {Promise<Path>}
 */
async function pathOf(page, expected) {
    const deadline = Date.now() + SETTLES_MS;
    for (;;) {
        const selected = await page.evaluate(selectedPair);
        const path = describe(selected);
        const settled = expected.length === 0 ? path.way !== 'none' : expected.includes(path.way);
        if (settled || Date.now() > deadline) {
            return path;
        }
        await page.waitForTimeout(100);
    }
}

/**
 * Runs in the page.
 *
 * @returns {Promise<{transport: string, local: any, remote: any}>}
 */
async function selectedPair() {
    // The events come from the session itself.
    const { transport } = /** @type {any} */ (window.visavis.events);
    const none = { transport: String(transport?.name ?? 'none'), local: null, remote: null };
    if (transport?.name !== 'webrtc') {
        return none;
    }
    /** @type {Map<string, any>} */
    const stats = await transport.peer.getStats();
    const carrier = [...stats.values()].find(({ type }) => type === 'transport');
    const pair = stats.get(carrier?.selectedCandidatePairId ?? '');
    const at = (/** @type {string} */ id) => {
        const { candidateType, protocol, relayProtocol = '', url = '', address = '', port = 0 } = stats.get(id) ?? {};
        return { candidateType, protocol, relayProtocol, url, address, port };
    };
    return pair === undefined ? none : { ...none, local: at(pair.localCandidateId), remote: at(pair.remoteCandidateId) };
}

/**
 * @param {{transport: string, local: any, remote: any}} selected
 * @returns {Path}
 */
function describe({ transport, local, remote }) {
    if (local === null) {
        return { way: transport === 'websocket' ? transport : 'none', from: transport, to: 'no pair of candidates' };
    }
    const end = (/** @type {any} */ { candidateType, protocol, address, port, url }) =>
        `${candidateType} ${protocol} ${address}:${port} ${url}`.trim();
    const ends = { from: end(local), to: end(remote) };
    if (local.candidateType === 'relay') {
        return { way: /** @type {Way} */ (`relay/${local.relayProtocol}`), ...ends };
    }
    return { way: local.protocol === 'tcp' ? 'direct/tcp' : 'direct', ...ends };
}
