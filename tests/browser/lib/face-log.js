/**
 * Logs in the page what is heard and which face is applied, both on the clock of performance.now().
 *
 * @typedef {import('playwright-core').Page} Page
 * @typedef {import('./skew.js').Point} Point
 */

/**
 * What was logged since it was last taken.
 *
 * @typedef {Object} FaceLog
 * @property {Point[]} heard - when a level was heard, output latency included, and the level
 * @property {import('../../../static/avatar/log.js').Row[]} seen - what was drawn
 * @property {number} bytes - of messages with frames
 * @property {import('../../../static/avatar/frames.js').FaceTrack['stats']} stats
 */

/**
 * Starts logging. The call must be up.
 *
 * @param {Page} page
 */
export function startFaceLog(page) {
    return page.evaluate(() => {
        const session = /** @type {any} */ (window.visavis.events);
        const { graph, face } = session;
        /** @type {any} */
        const log = { heard: [], bytes: 0, shift: 0, stats: face.track.stats };
        window.faceLog = log;
        const receive = graph.receive.bind(graph);
        graph.receive = (/** @type {any} */ message) => {
            if (message.type === 'levels') {
                log.heard.push([graph.heardAt(message.at), message.answer]);
            }
            receive(message);
        };
        const { track, clock } = face;
        const push = track.push.bind(track);
        track.push = (/** @type {ArrayBuffer} */ message) => {
            log.bytes += message.byteLength;
            push(message);
        };
        const now = clock.now.bind(clock);
        clock.now = (/** @type {number} */ at) => {
            const timestamp = now(at);
            return timestamp === null ? null : (timestamp + log.shift * 48) >>> 0;
        };
        window.visavis.avatar.log.start();
    });
}

/**
 * @param {Page} page
 * @returns {Promise<FaceLog>}
 */
export function takeFaceLog(page) {
    return page.evaluate(() => {
        const { heard, bytes, stats } = window.faceLog;
        const seen = window.visavis.avatar.log.stop();
        window.visavis.avatar.log.start();
        window.faceLog.heard = [];
        window.faceLog.bytes = 0;
        return { heard, seen, bytes, stats: { ...stats } };
    });
}

/**
 * Shifts the page's clock on purpose, to check that the measurement shows it.
 *
 * @param {Page} page
 * @param {number} ms - above 0: the face comes early
 */
export function shiftClock(page, ms) {
    return page.evaluate((ms) => {
        window.faceLog.shift = ms;
    }, ms);
}
