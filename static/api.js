/**
 * `window.visavis`: the interface by which integrators and tests drive a call. docs/page.md describes it.
 */

/**
 * @typedef {Object} VisavisApi
 * @property {import('./session.js').State} state - read only
 * @property {'webrtc' | 'websocket' | null} transport - of the call, null without one; read only
 * @property {string | null} call - the server's id of the call, or of the last; null: not told; read only
 * @property {boolean} resumed - the call, or the last one, went on over another connection, perhaps on another page; read only
 * @property {import('./transcript.js').Entry[]} transcript - of the call, or of the last one; read only
 * @property {import('./turns.js').Turn[]} turns - where the time of the last ten turns went, oldest first; read only
 * @property {Partial<Record<import('./setup-times.js').SetupStage, number>> | null} setup - ms from the start of the call, or of the
 *     last, to each stage of its set-up; null before the first; read only
 * @property {boolean} muted - read only
 * @property {EventTarget} events - dispatches a CustomEvent for every state change and every message of the server
 * @property {(options?: import('./session.js').StartOptions) => Promise<void>} start - resolves when the agent is ready
 * @property {() => Promise<void>} hangUp
 * @property {() => void} tryNow - redials now, if the page waits to after a lost connection
 * @property {(text: string) => Promise<void>} say - typed words; starts a call without microphone if there is none
 * @property {() => void} interrupt - stops the agent's response
 * @property {(muted: boolean) => void} mute
 * @property {string | null} voice - the chosen one, null: the first of each language; read only
 * @property {() => Promise<import('./voices.js').Voice[]>} voices - those of the server
 * @property {(name: string | null) => Promise<void>} setVoice - chooses one, in a call too; rejects with the available ones
 * @property {(name: string) => Promise<void>} sample - plays how it sounds; the same one again stops it. Resolves at its end
 * @property {Pick<import('./tools.js').PageTools, 'register' | 'unregister'>} tools - what the agent may call on this page
 * @property {{mic: number, answer: number}} levels - RMS now, 0 to 1; read only
 * @property {{start: () => Promise<void>, stop: () => Promise<import('./audio.js').Recording>}} recorder
 * @property {import('./avatar/api.js').AvatarApi} avatar - the agent's face
 */

/**
 * @param {import('./session.js').CallSession} session
 * @param {import('./audio.js').AudioGraph} graph
 * @param {() => import('./settings.js').Settings} settings - the person's choices, used where a call names none
 * @param {import('./avatar/api.js').AvatarApi} avatar
 * @param {import('./voice-choice.js').VoiceChoice} voices
 * @returns {VisavisApi}
 */
export function createApi(session, graph, settings, avatar, voices) {
    /** @type {VisavisApi} */
    const api = {
        get state() {
            return session.state;
        },
        get transport() {
            return session.transport?.name ?? null;
        },
        get call() {
            return session.resumption.call || null;
        },
        get resumed() {
            return session.resumption.resumed;
        },
        get transcript() {
            return session.transcript.entries.map((entry) => ({ ...entry }));
        },
        get turns() {
            return structuredClone(session.turns.list);
        },
        get setup() {
            return session.setup === null ? null : { ...session.setup.reached };
        },
        get muted() {
            return session.input.muted;
        },
        get levels() {
            return { mic: graph.levels.mic, answer: graph.levels.answer };
        },
        events: session,
        start: (options = {}) => session.start({ ...settings(), ...options }),
        hangUp: () => session.hangUp(),
        tryNow: () => session.tryNow(),
        say: async (text) => {
            if (!session.live) {
                await api.start({ microphone: false });
            }
            session.orders.say(text);
        },
        interrupt: () => session.orders.interrupt(),
        mute: (muted) => session.input.setMuted(muted),
        get voice() {
            return settings().voice || null;
        },
        voices: () => voices.voices(),
        setVoice: (name) => voices.choose(name ?? ''),
        sample: (name) => voices.sample(name),
        tools: session.tools,
        recorder: graph.recorder,
        avatar,
    };
    return api;
}
