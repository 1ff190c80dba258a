/**
 * Setting a call up: from the person's wish to the agent's hello. Each try after a loss joins the call here as well.
 */
import { joinNewCall, waitUntilReady } from './connect.js';
import { CallProblem, newCallText } from './problems.js';
import { RTVI_VERSION, encodeClientMessage, encodeMessage } from './protocol.js';
import { Signalling } from './signalling.js';

export class Dialling {
    /** @param {import('./session.js').CallSession} session */
    constructor(session) {
        this.session = session;
    }

    /** @returns {import('./connect.js').Waits} */
    get waits() {
        const { session } = this;
        return {
            onLoading: (loading) => session.emit('loading', loading),
            onQueue: (queue) => session.emit('queue', queue),
            rest: session.rest,
        };
    }

    /**
     * Opens the microphone while the server is waited for, and calls it then.
     *
     * @param {import('./session.js').StartOptions} options
     * @param {AbortSignal} signal
     * @param {import('./setup-times.js').SetupTimes} setup
     * @returns {Promise<boolean>} whether the requested call was resumed
     */
    async call(options, signal, setup) {
        const signalling = new Signalling(options.backend ?? '');
        const wanted = options.microphone ?? true;
        const microphone = wanted === false ? null : this.session.input.open(wanted === true ? '' : wanted);
        const ready = waitUntilReady(signalling, signal, this.waits.onLoading);
        // Awaited below; if both fail, the microphone's problem is reported.
        ready.then(() => setup.reach('server'), () => {});
        if (microphone !== null) {
            await microphone;
            setup.reach('microphone');
        }
        await ready;
        const { resume, mode = 'auto' } = options;
        const resumed = await (resume === undefined
            ? this.dial({ mode, call: '', resume: false }, signalling, signal)
            : this.takeUp(mode, signalling, signal));
        setup.reach('ready');
        return resumed;
    }

    /**
     * Calls a server that is ready.
     *
     * @param {import('./redial.js').Way} way
     * @param {Signalling} signalling
     * @param {AbortSignal} signal
     * @returns {Promise<boolean>} whether the requested call was resumed
     */
    dial(way, signalling, signal) {
        return joinNewCall(() => this.join(way, signalling, signal), signalling, signal, this.waits);
    }

    /**
     * Goes on with the call whose token is there, if the server still knows it.
     *
     * @param {import('./settings.js').Mode} mode
     * @param {Signalling} signalling
     * @param {AbortSignal} signal
     * @returns {Promise<boolean>} false: a new call has begun in its place
     */
    async takeUp(mode, signalling, signal) {
        let reason = 'resume-unknown';
        try {
            if (await this.dial({ mode, call: '', resume: true }, signalling, signal)) {
                return true;
            }
        } catch (error) {
            if (!(error instanceof CallProblem) || error.code !== 'resume-refused') {
                throw error;
            }
            reason = error.detail;
            await this.dial({ mode, call: '', resume: false }, signalling, signal);
        }
        this.session.dialogue.newCall(newCallText(reason));
        this.session.emit('new-call', { reason });
        return false;
    }

    /**
     * Connects, and waits for the agent's hello.
     *
     * @param {import('./redial.js').Way} way
     * @param {Signalling} signalling
     * @param {AbortSignal} signal
     * @returns {Promise<boolean>} whether the requested call was resumed
     */
    async join({ mode, call, resume }, signalling, signal) {
        const { session } = this;
        const { line, resumption, face, input } = session;
        const { tokens } = resumption;
        if (!resume) {
            tokens.clear();
        }
        const used = tokens.newest;
        resumption.helloed = false;
        const opened = await line.open(mode, this.lineOptions(call, signalling, signal));
        if (line.transport !== null) {
            face.clock = line.transport.clock;
            session.emit('transport', { transport: line.transport.name });
        }
        const greeting = line.greet(() => this.hello(opened, resume), signal);
        // Another microphone may have been chosen meanwhile.
        await Promise.all([greeting, line.transport?.setTrack(input.track)]);
        const resumed = opened || resumption.helloed;
        if (!resumed && tokens.newest === used) {
            tokens.clear(); // the server does not know what it is
        }
        return resumed;
    }

    /**
     * @param {string} call - to be resumed; empty: a new one, or by a token
     * @param {Signalling} signalling
     * @param {AbortSignal} signal
     * @returns {import('./line.js').LineOptions}
     */
    lineOptions(call, signalling, signal) {
        const { session } = this;
        const { setup, resumption, graph, input, options, face } = session;
        return {
            signalling,
            call,
            resumeToken: () => resumption.tokens.newest,
            onResumeToken: (data) => session.keeping.keepToken(data),
            graph,
            track: input.track,
            held: session.state === 'reconnecting',
            language: options.language ?? '',
            signal,
            onStage: (stage) => setup?.reach(stage),
            onFace: options.face === 'off' ? null : (frames) => face.track.push(frames),
            onPlayout: (stats) => session.emit('playout', stats),
            onCapture: (stats) => session.emit('capture', stats),
            onNotice: (code, message) => session.emit('notice', { code, message }),
        };
    }

    /**
     * Sends the first messages to the agent.
     *
     * @param {boolean} resumed - the call goes on over another connection
     * @param {boolean} byToken - or may do so, and the server may not know everything of this page
     */
    hello(resumed, byToken) {
        const { session } = this;
        session.orders.renewVoice(resumed); // before the greeting
        const { muted } = session.input;
        const about = { library: 'visavis-page', platform: 'web' };
        const language = session.options.language || undefined;
        session.send(encodeMessage('client-ready', { version: RTVI_VERSION, about, language }));
        if (session.tools.registered.size > 0) {
            session.tools.declare();
        }
        if (muted || byToken || session.state === 'reconnecting') {
            session.send(encodeClientMessage('mute', { muted }));
        }
    }
}
