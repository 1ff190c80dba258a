/**
 * When the stages of a call's set-up were reached, from the press of the button until the agent is there.
 */

/**
 * `audio`: the page may play sound; `microphone`: the browser has opened it; `server`: the server has said that it is ready;
 * `offered`: the offer is made; `answered`: the server has answered it; `iceConnected`: a way to the server is found; `connected`:
 * keys are exchanged; `open`: the data channel, or the WebSocket, is open; `ready`: the agent has said hello.
 *
 * @typedef {'audio' | 'microphone' | 'server' | 'offered' | 'answered' | 'iceConnected' | 'connected' | 'open' | 'ready'} SetupStage
 */

export class SetupTimes {
    /** @param {() => number} [now] - ms */
    constructor(now = () => performance.now()) {
        this.now = now;
        this.began = now();
        /** @type {Partial<Record<SetupStage, number>>} */
        this.reached = {};
    }

    /**
     * The first time counts, and none after the set-up: a lost connection passes some of the stages again.
     *
     * @param {SetupStage} stage
     */
    reach(stage) {
        if (this.reached.ready === undefined) {
            this.reached[stage] ??= Math.round(this.now() - this.began);
        }
    }
}
