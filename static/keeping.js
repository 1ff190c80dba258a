/**
 * Keeping a call that loses its connection: its resume tokens, the calls that are made again, and how it goes on or ends.
 */
import { CallProblem, END_TEXT } from './problems.js';
import { Reconnect } from './reconnect.js';

export class Keeping {
    /** @param {import('./session.js').CallSession} session */
    constructor(session) {
        this.session = session;
    }

    /** @param {unknown} data - of the server: perhaps another resume token */
    keepToken(data) {
        if (this.session.current !== null) {
            this.session.resumption.keep(data);
        }
    }

    /** The call goes on over another connection. */
    wentOn() {
        const { resumption } = this.session;
        resumption.resumed = true;
        this.session.emit('resumed', { call: resumption.call });
    }

    /**
     * @param {string} reason - why the call ends, unless it can be resumed
     * @param {string} cause - a key of REDIAL_TEXT
     * @param {string} detail
     */
    lost(reason, cause, detail) {
        const { session } = this;
        session.line.greeted(new CallProblem('connection-lost', detail));
        if (session.live && session.current !== null) {
            void this.callAgain(reason, cause, session.current.signal);
        }
    }

    /**
     * @param {string} reason
     * @param {string} cause
     * @param {AbortSignal} signal
     */
    async callAgain(reason, cause, signal) {
        const { session } = this;
        const lost = this.lostCall(cause, signal);
        let replaced = false;
        const agentSpoke = session.state === 'speaking';
        session.disconnected();
        session.handOver.lost(lost.line.heardAt, agentSpoke);
        const reconnect = new Reconnect(lost, {
            join: (way, signalling) => session.dialling.join(way, signalling, signal),
            onStep: (step) => session.emit('redial', { ...step, cause }),
            onLoading: (loading) => session.emit('loading', loading),
            onNewCall: (why) => {
                replaced = true;
                session.resumption.resumed = false;
                session.emit('new-call', { reason: why });
            },
        });
        const reconnected = await reconnect.run();
        if (signal.aborted) {
            return; // the person gave up
        }
        if (reconnected) {
            session.connected(!replaced, lost.dialogue.agent);
            session.handOver.goOn(!replaced);
        } else {
            const why = reconnect.redial.over || reason;
            session.end(why, END_TEXT[why] ?? END_TEXT[reason]);
        }
    }

    /**
     * @param {string} cause
     * @param {AbortSignal} signal
     * @returns {import('./reconnect.js').LostCall}
     */
    lostCall(cause, signal) {
        const { line, dialogue, rest, resumption, options } = this.session;
        const { mode = 'auto', backend = '' } = options;
        const resumable = resumption.tokens.newest?.seconds ?? 0;
        return { line, dialogue, mode, backend, signal, rest, resumable, handedOver: cause === 'server-stopping' };
    }
}
