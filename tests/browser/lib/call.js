/**
 * A call in the page, as a test sees it.
 *
 * @typedef {import('playwright-core').Page} Page
 * @typedef {import('../../../static/transcript.js').Entry} Entry
 */

/** A cold model on a small machine may take this long for a response. */
export const ANSWER_MS = 90000;

/**
 * Opens the page, and keeps every event of its calls in `window.seen`.
 *
 * @param {Page} page
 * @param {string} url
 */
export async function openPage(page, url) {
    await page.goto(url);
    await page.waitForFunction(() => 'visavis' in window);
    await page.evaluate(() => {
        const types = ['notice', 'transport', 'turn', 'ended', 'problem', 'first-audio', 'state', 'error-response'];
        window.seen = [];
        for (const type of types) {
            window.visavis.events.addEventListener(type, (event) => {
                const { detail } = /** @type {CustomEvent} */ (event);
                window.seen.push({ type, at: performance.now(), detail: { ...detail } });
            });
        }
    });
}

/**
 * @param {Page} page
 * @param {string} type
 * @returns {Promise<any[]>} the details of all such events so far
 */
export function seen(page, type) {
    return page.evaluate((type) => window.seen.filter((event) => event.type === type).map(({ detail }) => detail), type);
}

/** @param {Page} page */
export async function startCall(page) {
    await page.getByRole('button', { name: 'Start call' }).click();
    await waitUntilLive(page);
}

/** @param {Page} page */
export async function waitUntilLive(page) {
    await page.waitForFunction(
        () => ['listening', 'thinking', 'speaking'].includes(window.visavis.state) || window.visavis.state === 'idle',
        undefined,
        { timeout: ANSWER_MS },
    );
    if ((await page.evaluate(() => window.visavis.state)) === 'idle') {
        throw new Error(`The call did not start: ${JSON.stringify(await seen(page, 'problem'))}`);
    }
}

/**
 * Waits until the agent's greeting, if it has one, is over.
 *
 * @param {Page} page
 */
export async function waitForQuiet(page) {
    await page.waitForTimeout(1500);
    await page.waitForFunction(() => window.visavis.state === 'listening', undefined, { timeout: ANSWER_MS });
}

/** @param {Page} page */
export function transcript(page) {
    return page.evaluate(() => window.visavis.transcript);
}

/**
 * Waits for the person's words and for the whole response to them.
 *
 * @param {Page} page
 * @param {number} [after] - number of entries to skip
 * @returns {Promise<{question: Entry, answer: Entry}>}
 */
export async function waitForTurn(page, after = 0) {
    const handle = await page.waitForFunction(
        (after) => {
            const entries = window.visavis.transcript.filter((entry) => entry.id >= after);
            const question = entries.find((entry) => entry.who === 'user' && entry.final);
            const answer = question && entries.find((entry) => entry.who === 'agent' && entry.id > question.id);
            const done = answer?.final && window.visavis.state === 'listening';
            return done && question ? { question, answer } : null;
        },
        after,
        { timeout: ANSWER_MS },
    );
    return /** @type {{question: Entry, answer: Entry}} */ (await handle.jsonValue());
}

/** @param {Page} page */
export function startRecording(page) {
    return page.evaluate(() => window.visavis.recorder.start());
}

/**
 * @param {Page} page
 * @returns {Promise<{mic: import('./wav.js').Sound, answer: import('./wav.js').Sound}>}
 */
export async function stopRecording(page) {
    const recording = await page.evaluate(async () => {
        const { sampleRate, mic, answer } = await window.visavis.recorder.stop();
        /** @param {Float32Array} samples */
        const pack = async (samples) => {
            const blob = new Blob([/** @type {Float32Array<ArrayBuffer>} */ (samples)]);
            /** @type {string} */
            const url = await new Promise((resolve) => {
                const reader = new FileReader();
                reader.onload = () => resolve(String(reader.result));
                reader.readAsDataURL(blob);
            });
            return url.slice(url.indexOf(',') + 1);
        };
        return { sampleRate, mic: await pack(mic), answer: await pack(answer) };
    });
    /** @param {string} text */
    const unpack = (text) => {
        const bytes = Buffer.from(text, 'base64');
        const samples = new Float32Array(bytes.length / 4);
        samples.forEach((_, i) => (samples[i] = bytes.readFloatLE(i * 4)));
        return { sampleRate: recording.sampleRate, samples };
    };
    return { mic: unpack(recording.mic), answer: unpack(recording.answer) };
}
