/**
 * static/tts.js without a browser: what it asks the server, when the browser's own voice speaks, and what it keeps.
 */
import assert from 'node:assert/strict';
import fs from 'node:fs';
import { test } from 'node:test';
import vm from 'node:vm';

const SCRIPT = fs.readFileSync(new URL('../../static/tts.js', import.meta.url), 'utf8');

/**
 * @typedef {object} Answer
 * @property {number} status
 * @property {Record<string, string>} [heads]
 * @property {any} [body]
 */

/**
 * A page with the script, whose server gives these answers; none: it is not reached.
 *
 * @param {(Answer | null)[]} answers
 * @param {Map<string, string>} [kept]
 */
function page(answers, kept = new Map()) {
    /** @type {{url: string, body: any}[]} */
    const asked = [];
    /** @type {string[]} */
    const heard = [];
    class Audio {
        volume = 1;
        /** @type {() => void} */
        onended = () => {};
        async play() {
            heard.push(`server at ${this.volume}`);
            setTimeout(() => this.onended(), 0);
        }
        pause() {}
    }
    class SpeechSynthesisUtterance {
        /** @type {() => void} */
        onend = () => {};
        /** @param {string} text */
        constructor(text) {
            this.text = text;
        }
    }
    /** @type {Record<string, any>} */
    const world = {
        AbortController,
        Audio,
        DOMException,
        HTMLScriptElement: class {},
        SpeechSynthesisUtterance,
        URL: { createObjectURL: () => 'blob:1', revokeObjectURL: () => {} },
        clearTimeout,
        document: { currentScript: null },
        /**
         * @param {string} url
         * @param {{body: string}} init
         */
        fetch: async (url, init) => {
            asked.push({ url, body: JSON.parse(init.body) });
            const answer = answers.shift();
            if (!answer) {
                throw new TypeError('the network is gone');
            }
            const { status, heads, body } = answer;
            return new Response(typeof body === 'string' ? body : JSON.stringify(body ?? {}), { status, headers: heads });
        },
        localStorage: {
            getItem: (/** @type {string} */ key) => kept.get(key) ?? null,
            setItem: (/** @type {string} */ key, /** @type {string} */ value) => kept.set(key, value),
        },
        location: { origin: 'http://here' },
        setTimeout,
        speechSynthesis: {
            cancel: () => {},
            /** @param {SpeechSynthesisUtterance} words */
            speak: (words) => {
                heard.push(`browser: ${words.text}`);
                setTimeout(() => words.onend(), 0);
            },
        },
    };
    world.window = world;
    vm.runInNewContext(SCRIPT, world);
    return { tts: world.visavisTts, asked, heard, kept };
}

const SPOKEN = {
    status: 200,
    heads: { 'X-TTS-Engine': 'piper', 'X-TTS-Cache': 'hit', 'X-TTS-Source': 'memory', 'X-TTS-Latency': '3' },
    body: 'sound',
};

test('the server speaks, as set, and says what spoke', async () => {
    const { tts, asked, heard } = page([SPOKEN]);
    tts.set({ voice: 'joe', volume: 0.5 });
    const spoken = await tts.speak('Hello there.', { speed: 9 });
    assert.deepEqual(asked, [{ url: 'http://here/speak', body: { text: 'Hello there.', voice: 'joe', language: '', speed: 4 } }]);
    assert.deepEqual([spoken.by, spoken.engine, spoken.kept, spoken.source, spoken.latency], ['server', 'piper', true, 'memory', 3]);
    assert.deepEqual(heard, ['server at 0.5']);
});

test('the browser speaks where the server cannot, and the server is left alone for as long as it asks', async () => {
    const busy = { status: 503, heads: { 'X-TTS-Fallback': 'required', 'Retry-After': '5' }, body: { message: 'busy', fallback: true } };
    const { tts, asked, heard } = page([busy]);
    assert.equal((await tts.speak('One.')).by, 'browser');
    assert.equal((await tts.speak('Two.')).by, 'browser');
    assert.deepEqual([asked.length, heard], [1, ['browser: One.', 'browser: Two.']]);
    const gone = page([null]);
    assert.equal((await gone.tts.speak('Three.')).by, 'browser');
});

test('a wrong request is told, and not spoken by anybody', async () => {
    const { tts, heard } = page([{ status: 400, body: { error: 'invalid_request', message: 'voice: there is no voice "bob"' } }, null]);
    await assert.rejects(tts.speak('Hello.', { voice: 'bob' }), /no voice "bob"/);
    await assert.rejects(tts.speak('Hello.', { fallback: false }), /network is gone/);
    assert.deepEqual(heard, []);
});

test('settings outlive the page, and what is no setting does not', () => {
    const first = page([]);
    first.tts.set({ voice: 'joe', speed: 1.5, server: 'https://voice.example.org/' });
    const again = page([], first.kept);
    const { voice, speed, server, volume } = again.tts.settings;
    assert.deepEqual([voice, speed, server, volume], ['joe', 1.5, 'https://voice.example.org', 1]);
    const broken = page([], new Map([['visavis-tts', '{"speed":"fast","voice":7}']]));
    assert.deepEqual([broken.tts.settings.speed, broken.tts.settings.voice], [1, '']);
});
