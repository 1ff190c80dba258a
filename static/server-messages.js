/**
 * What the server's messages mean for the call.
 */
import { firstAudioMs } from './first-audio.js';
import { encodeClientMessage } from './protocol.js';
import { isAccident } from './redial.js';

/**
 * The parts of the page that follow the messages.
 *
 * @typedef {Object} Followers
 * @property {import('./audio.js').AudioGraph} graph
 * @property {import('./answer-volume.js').AnswerVolume} volume
 * @property {import('./avatar/source.js').FaceSource} face
 * @property {import('./tools.js').PageTools} tools
 * @property {import('./dialogue.js').Dialogue} dialogue
 */

/**
 * What messages may query or change of the call.
 *
 * @typedef {Object} CallActions
 * @property {(type: string, detail: any) => void} emit - docs/page.md lists the events
 * @property {(text: string) => void} send
 * @property {() => boolean} isLive - a call is up
 * @property {() => boolean} isHeld - a call is up, or is being redialled
 * @property {(call: string, resumed: boolean) => void} onReady - the agent is ready; `resumed`: and goes on with the call, by its token
 * @property {(data: unknown) => void} onResumeToken - another resume token
 * @property {() => void} onResumed - what was said before in the call has come
 * @property {(state: import('./dialogue.js').AgentState) => void} onState - of the agent
 * @property {(response: number) => void} onInterrupted - nothing more of the response may sound
 * @property {() => void} onMoved - the call goes on in another window
 * @property {(reason: string, message: string) => void} onAccident - the server ended a call that was meant to go on
 * @property {(reason: string, message: string) => void} onEnded - the server ended the call, or refused it
 */

export class ServerMessages {
    /**
     * @param {Followers} followers
     * @param {CallActions} call
     */
    constructor({ graph, volume, face, tools, dialogue }, call) {
        this.graph = graph;
        this.volume = volume;
        this.face = face;
        this.tools = tools;
        this.dialogue = dialogue;
        this.call = call;
    }

    /** @param {import('./protocol.js').Message} message */
    receive(message) {
        const { type, data } = message;
        const response = Number(data.response);
        this.call.emit('message', message);
        this.call.emit(type, data);
        this.dialogue.apply(message);
        switch (type) {
            case 'bot-ready':
                this.call.onReady(String(data.call ?? ''), data.resumed === true);
                break;
            case 'llm-function-call-in-progress':
                this.call.emit('tool', { id: data.tool_call_id, name: data.function_name, running: true });
                void this.tools.call(data);
                break;
            case 'llm-function-call-stopped':
                this.call.emit('tool', { id: data.tool_call_id, name: data.function_name, running: false });
                break;
            case 'bot-started-speaking':
                this.volume.started(response);
                void this.measureFirstAudio(response);
                break;
            case 'bot-interrupted':
                this.volume.interrupted(response);
                this.call.onInterrupted(response);
                this.face.track.interrupted(response);
                break;
            case 'error':
                this.failed(String(data.message ?? ''), data.fatal === true);
                break;
            case 'server-message':
                this.serverMessage(data);
                break;
        }
    }

    /** @param {Record<string, any>} data */
    serverMessage(data) {
        if (data.type === 'state') {
            this.dialogue.agent = data.state;
            this.call.onState(data.state);
        } else if (data.type === 'notice') {
            this.call.emit('notice', { code: data.code, message: data.message });
        } else if (data.type === 'turn') {
            this.call.emit('turn', { response: data.response, marks: data.marks });
        } else if (data.type === 'resume') {
            this.call.onResumeToken(data);
        } else if (data.type === 'resumed') {
            this.call.onResumed();
        } else if (data.type === 'call-ended') {
            this.callEnded(String(data.reason), String(data.message ?? ''));
        }
    }

    /**
     * @param {string} reason
     * @param {string} message
     */
    callEnded(reason, message) {
        if (this.call.isHeld() && reason === 'moved') {
            this.call.onMoved();
        } else if (this.call.isHeld() && isAccident(reason)) {
            this.call.onAccident(reason, message);
        } else {
            this.call.onEnded(reason, message);
        }
    }

    /**
     * @param {string} message
     * @param {boolean} fatal
     */
    failed(message, fatal) {
        if (fatal) {
            this.call.onEnded('fault', message);
        } else {
            this.call.emit('notice', { code: 'error', message });
        }
    }

    /**
     * Tells the server when its response began to be heard, which it cannot know.
     *
     * @param {number} response
     */
    async measureFirstAudio(response) {
        // A greeting answers nothing, and typed words have no last sound.
        const isAsked = this.dialogue.turns.answersSpeech(response);
        const ms = isAsked ? await firstAudioMs(this.graph, this.call.isLive) : null;
        if (ms !== null) {
            this.call.send(encodeClientMessage('first-audio', { response, ms }));
            this.call.emit('first-audio', { response, ms });
            this.dialogue.heard(response, ms);
        }
    }
}
