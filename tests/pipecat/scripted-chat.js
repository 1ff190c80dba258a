/**
 * A chat endpoint that says what the test wants, as `llm.api = "openai"` asks for it: what a call does then depends on no model.
 */
import { once } from 'node:events';
import http from 'node:http';

/**
 * @typedef {Object} Message
 * @property {'system' | 'user' | 'assistant' | 'tool'} role
 * @property {string} content
 */

/**
 * @typedef {Object} Request
 * @property {Message[]} messages
 * @property {{function: {name: string}}[]} [tools]
 */

/**
 * What the model says, or the tool that it calls.
 *
 * @typedef {string | {name: string, arguments: object}} Reply
 */

const MODEL = 'scripted';

export class ScriptedChat {
    /** @param {(request: Request) => Reply} reply */
    constructor(reply) {
        this.reply = reply;
        this.http = http.createServer((request, response) => void this.serve(request, response));
    }

    async listen() {
        this.http.listen(0, '127.0.0.1');
        await once(this.http, 'listening');
    }

    /** @returns {string[]} what a server is set to that uses it */
    settings() {
        const { port } = /** @type {import('node:net').AddressInfo} */ (this.http.address());
        return ['llm.api=openai', `llm.url=http://127.0.0.1:${port}/v1`, `llm.model=${MODEL}`];
    }

    close() {
        this.http.close();
        this.http.closeAllConnections();
    }

    /**
     * @param {http.IncomingMessage} request
     * @param {http.ServerResponse} response
     */
    async serve(request, response) {
        if (request.method !== 'POST') {
            response.writeHead(200, { 'Content-Type': 'application/json' });
            response.end(JSON.stringify({ object: 'list', data: [{ id: MODEL, object: 'model' }] }));
            return;
        }
        const chunks = [];
        for await (const chunk of request) {
            chunks.push(chunk);
        }
        response.writeHead(200, { 'Content-Type': 'text/event-stream' });
        response.end(events(this.reply(JSON.parse(String(Buffer.concat(chunks))))));
    }
}

/**
 * @param {Reply} reply
 * @returns {string} a whole stream
 */
function events(reply) {
    const called = typeof reply !== 'string';
    const delta = called
        ? { tool_calls: [{ index: 0, id: 'call', function: { name: reply.name, arguments: JSON.stringify(reply.arguments) } }] }
        : { content: reply };
    const choices = [
        { index: 0, delta, finish_reason: null },
        { index: 0, delta: {}, finish_reason: called ? 'tool_calls' : 'stop' },
    ];
    const data = choices.map((choice) => JSON.stringify({ object: 'chat.completion.chunk', choices: [choice] }));
    return [...data, '[DONE]'].map((text) => `data: ${text}\n\n`).join('');
}
