/**
 * Tools of the page: functions that the agent may call while it responds.
 */
import { encodeClientMessage, encodeMessage } from './protocol.js';

/**
 * @typedef {Object} ToolOptions
 * @property {string} description - what it does and when to call it, for the model
 * @property {Record<string, any>} [parameters] - JSON schema of its arguments, an object; left out: none
 * @property {number} [timeoutMs] - how long the agent waits; 10,000 by default
 */

/**
 * Gets the arguments; the model is told what it returns or resolves to, and what it throws as an error.
 *
 * @typedef {(args: Record<string, any>) => unknown} ToolHandler
 */

export class PageTools {
    /** @param {(text: string) => void} send */
    constructor(send) {
        this.send = send;
        /** @type {Map<string, {options: ToolOptions, handler: ToolHandler}>} */
        this.registered = new Map();
    }

    /**
     * @param {string} name - letters, digits, `_` and `-`
     * @param {ToolOptions} options
     * @param {ToolHandler} handler
     */
    register(name, options, handler) {
        if (typeof handler !== 'function' || !options?.description) {
            throw new TypeError('tools.register: a name, {description, parameters?, timeoutMs?} and a function are needed.');
        }
        this.registered.set(name, { options, handler });
        this.declare();
    }

    /** @param {string} name */
    unregister(name) {
        if (this.registered.delete(name)) {
            this.declare();
        }
    }

    /** Declares all tools to the server. Without a call nothing is sent, and the next call begins with it. */
    declare() {
        const tools = [...this.registered].map(([name, { options }]) => ({
            name,
            description: options.description,
            parameters: options.parameters,
            timeout_ms: options.timeoutMs,
        }));
        this.send(encodeClientMessage('set-tools', { tools }));
    }

    /**
     * Runs the tool that the agent calls, if it is one of the page's.
     *
     * @param {Record<string, any>} data - of `llm-function-call-in-progress`
     */
    async call(data) {
        const { function_name: name, tool_call_id: id, arguments: args } = data;
        const tool = this.registered.get(name);
        if (tool === undefined || args === undefined) {
            return; // the server runs it
        }
        let result;
        try {
            result = (await tool.handler(args)) ?? 'done';
        } catch (error) {
            result = { error: error instanceof Error ? error.message : String(error) };
        }
        this.send(encodeMessage('llm-function-call-result', { function_name: name, tool_call_id: id, arguments: args, result }));
    }
}
