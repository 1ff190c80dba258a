/**
 * Watches a connection: pings the server, and reports when it gives no sign of life.
 */
import { Heartbeat, TICK_MS } from './heartbeat.js';
import { encodePing } from './protocol.js';

/** The watch on one connection, from the agent's hello on. */
export class Pulse {
    /**
     * @param {import('./webrtc.js').Transport} transport
     * @param {(verdict: import('./heartbeat.js').Verdict) => void} onVerdict - called when it changes
     */
    constructor(transport, onVerdict) {
        this.transport = transport;
        this.onVerdict = onVerdict;
        this.heartbeat = new Heartbeat(Date.now());
        /** @type {import('./heartbeat.js').Verdict} */
        this.verdict = 'fine';
        this.sound = transport.soundMark();
        this.timer = setInterval(() => this.tick(), TICK_MS);
    }

    /** When something last arrived from the server, as Date.now() counts. */
    get heardAt() {
        return this.heartbeat.heardAt;
    }

    /** Something arrived from the server. */
    heard() {
        this.heartbeat.heard(Date.now());
        this.judge(this.heartbeat.verdict);
    }

    /** @param {import('./protocol.js').Message} message - the answer to a ping */
    answered({ type }) {
        if (type === 'error-response') {
            this.heartbeat.refused(Date.now());
        } else {
            this.heartbeat.answered(Date.now());
        }
    }

    stop() {
        clearInterval(this.timer);
        this.onVerdict = () => {};
    }

    tick() {
        const sound = this.transport.soundMark();
        if (sound !== this.sound) {
            this.sound = sound;
            this.heartbeat.heard(Date.now());
        }
        const { verdict, ping } = this.heartbeat.tick(Date.now());
        if (ping) {
            this.transport.send(encodePing());
        }
        this.judge(verdict);
    }

    /** @param {import('./heartbeat.js').Verdict} verdict */
    judge(verdict) {
        if (verdict !== this.verdict) {
            this.verdict = verdict;
            this.onVerdict(verdict);
        }
    }
}
