/**
 * Speaks texts with the server's voice, or with the browser's own where the server cannot (Web Speech API).
 *
 *     <script src="https://voice.example.org/static/tts.js"></script>
 *     <script>visavisTts.speak("Hello there.");</script>
 *
 * It needs nothing else. Settings are kept in localStorage.
 */
(() => {
    'use strict';

    /**
     * @typedef {object} Settings
     * @property {string} server where the server is; empty: where this script came from
     * @property {string} voice empty: the usual one
     * @property {string} language such as "en"; empty: the voice's
     * @property {number} speed 0.25 to 4
     * @property {number} volume 0 to 1
     * @property {boolean} fallback use the browser's own voice where the server cannot speak
     */

    /**
     * @typedef {object} Spoken what became of a text
     * @property {"server" | "browser"} by who spoke
     * @property {string} engine what spoke at the server
     * @property {string} model its version
     * @property {boolean} kept the server had it already
     * @property {string} source where the server had it from
     * @property {number} latency milliseconds that the server took
     */

    const KEY = 'visavis-tts';
    /** @type {Settings} */
    const USUAL = { server: '', voice: '', language: '', speed: 1, volume: 1, fallback: true };
    /** Longest wait for the server's first byte, in milliseconds. */
    const PATIENCE = 20_000;

    const script = document.currentScript;
    const home = script instanceof HTMLScriptElement && script.src ? new URL(script.src).origin : location.origin;

    /** @type {Settings} */
    let settings = load();
    /**
     * What is being said; a newer text, or `stop`, ends it.
     * @type {AbortController | null}
     */
    let saying = null;
    /** No request is made before, in milliseconds since 1970. */
    let closedUntil = 0;

    /** @returns {Settings} */
    function load() {
        try {
            const kept = JSON.parse(localStorage.getItem(KEY) ?? '{}');
            return checked({ ...USUAL, ...(typeof kept === 'object' ? kept : {}) });
        } catch {
            // Storage may be forbidden, or hold something else.
            return { ...USUAL };
        }
    }

    /**
     * Replaces what is of the wrong type or out of range.
     * @param {Record<string, unknown>} from
     * @returns {Settings}
     */
    function checked(from) {
        /** @type {(name: "server" | "voice" | "language") => string} */
        const text = (name) => (typeof from[name] === 'string' ? /** @type {string} */ (from[name]) : USUAL[name]);
        /** @type {(name: "speed" | "volume", low: number, high: number) => number} */
        const number = (name, low, high) => {
            const value = Number(from[name]);
            return Number.isFinite(value) ? Math.min(Math.max(value, low), high) : USUAL[name];
        };
        return {
            server: text('server').replace(/\/+$/, ''),
            voice: text('voice'),
            language: text('language'),
            speed: number('speed', 0.25, 4),
            volume: number('volume', 0, 1),
            fallback: from.fallback !== false,
        };
    }

    /**
     * Changes settings, and keeps them.
     * @param {Partial<Settings>} changes
     * @returns {Settings}
     */
    function set(changes) {
        settings = checked({ ...settings, ...changes });
        try {
            localStorage.setItem(KEY, JSON.stringify(settings));
        } catch {
            // They hold until the page is left.
        }
        return { ...settings };
    }

    /**
     * Speaks a text; resolves when it has been heard. What was being said before ends, with an AbortError.
     * @param {string} text
     * @param {Partial<Settings>} [once] settings of this text alone
     * @returns {Promise<Spoken>}
     */
    async function speak(text, once = {}) {
        stop();
        const own = checked({ ...settings, ...once });
        const mine = new AbortController();
        saying = mine;
        try {
            return await byServer(text, own, mine.signal);
        } catch (error) {
            if (mine.signal.aborted || !own.fallback || !isFallback(error)) {
                throw error;
            }
            return await byBrowser(text, own, mine.signal);
        } finally {
            if (saying === mine) {
                saying = null;
            }
        }
    }

    /** Ends what is being said. */
    function stop() {
        saying?.abort(new DOMException('another text is spoken, or none', 'AbortError'));
        saying = null;
    }

    /** An answer of the server that is no sound. */
    class Refused extends Error {
        /**
         * @param {string} message
         * @param {boolean} fallback the browser is to speak
         */
        constructor(message, fallback) {
            super(message);
            this.name = 'TtsRefused';
            this.fallback = fallback;
        }
    }

    /** @param {unknown} error */
    function isFallback(error) {
        // A server that cannot be reached throws a TypeError.
        return error instanceof Refused ? error.fallback : true;
    }

    /**
     * @param {string} text
     * @param {Settings} own
     * @param {AbortSignal} signal
     * @returns {Promise<Spoken>}
     */
    async function byServer(text, own, signal) {
        if (Date.now() < closedUntil) {
            throw new Refused('the server asked not to be asked again yet', true);
        }
        const body = { text, voice: own.voice, language: own.language, speed: own.speed };
        const late = new AbortController();
        const timer = setTimeout(() => late.abort(new DOMException('the server is too slow', 'TimeoutError')), PATIENCE);
        const give = () => late.abort(signal.reason);
        signal.addEventListener('abort', give);
        try {
            const response = await fetch(`${own.server || home}/speak`, {
                method: 'POST',
                headers: { 'Content-Type': 'application/json' },
                body: JSON.stringify(body),
                signal: late.signal,
            });
            clearTimeout(timer);
            if (!response.ok) {
                throw await refusal(response);
            }
            const spoken = about(response.headers);
            await play(await response.blob(), own, signal);
            return spoken;
        } finally {
            clearTimeout(timer);
            signal.removeEventListener('abort', give);
        }
    }

    /**
     * @param {Headers} heads
     * @returns {Spoken}
     */
    function about(heads) {
        return {
            by: 'server',
            engine: heads.get('X-TTS-Engine') ?? '',
            model: heads.get('X-TTS-Model-Version') ?? '',
            kept: heads.get('X-TTS-Cache') === 'hit',
            source: heads.get('X-TTS-Source') ?? '',
            latency: Number(heads.get('X-TTS-Latency') ?? 0),
        };
    }

    /** @param {Response} response */
    async function refusal(response) {
        const required = response.headers.get('X-TTS-Fallback') === 'required';
        const again = Number(response.headers.get('Retry-After'));
        if (again > 0 && (required || response.status === 429)) {
            closedUntil = Date.now() + Math.min(again, 60) * 1000;
        }
        let message = `the server answered ${response.status}`;
        try {
            message = (await response.json()).message ?? message;
        } catch {
            // A proxy may answer in its own form.
        }
        // A wrong request would be wrong in the browser's voice as well.
        return new Refused(message, required || response.status === 429 || response.status >= 500);
    }

    /**
     * @param {Blob} sound
     * @param {Settings} own
     * @param {AbortSignal} signal
     * @returns {Promise<void>}
     */
    async function play(sound, own, signal) {
        const address = URL.createObjectURL(sound);
        const audio = new Audio(address);
        audio.volume = own.volume;
        try {
            await new Promise((resolve, reject) => {
                if (signal.aborted) {
                    reject(signal.reason);
                }
                signal.addEventListener('abort', () => reject(signal.reason), { once: true });
                audio.onended = () => resolve(undefined);
                audio.onerror = () => reject(new Refused('the browser cannot play the sound', true));
                audio.play().catch(reject);
            });
        } finally {
            audio.pause();
            URL.revokeObjectURL(address);
        }
    }

    /**
     * @param {string} text
     * @param {Settings} own
     * @param {AbortSignal} signal
     * @returns {Promise<Spoken>}
     */
    async function byBrowser(text, own, signal) {
        if (!('speechSynthesis' in window)) {
            throw new Refused('neither the server nor the browser can speak', false);
        }
        const words = new SpeechSynthesisUtterance(text);
        words.lang = own.language;
        words.rate = own.speed;
        words.volume = own.volume;
        const end = () => speechSynthesis.cancel();
        signal.addEventListener('abort', end);
        try {
            await new Promise((resolve, reject) => {
                words.onend = () => (signal.aborted ? reject(signal.reason) : resolve(undefined));
                words.onerror = (event) => reject(signal.aborted ? signal.reason : new Refused(event.error, false));
                speechSynthesis.speak(words);
            });
        } finally {
            signal.removeEventListener('abort', end);
        }
        return { by: 'browser', engine: '', model: '', kept: false, source: 'browser', latency: 0 };
    }

    /**
     * The server's voices.
     * @returns {Promise<{ name: string, language: string }[]>}
     */
    async function voices() {
        const response = await fetch(`${settings.server || home}/api/voices`);
        if (!response.ok) {
            throw await refusal(response);
        }
        return (await response.json()).voices;
    }

    /** @type {any} */ (window).visavisTts = {
        speak,
        stop,
        set,
        voices,
        get settings() {
            return { ...settings };
        },
    };
})();
