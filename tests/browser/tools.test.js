/**
 * Tools of the page, without a browser.
 */
import assert from 'node:assert/strict';
import { test } from 'node:test';

import { PageTools } from '../../static/tools.js';

function page() {
    /** @type {{type: string, data: any}[]} */
    const sent = [];
    return { sent, tools: new PageTools((text) => sent.push(JSON.parse(text))) };
}

test('a tool is declared when it is registered and withdrawn when it is unregistered', () => {
    const { sent, tools } = page();
    tools.register('paint', { description: 'Paints.', timeoutMs: 2000 }, () => 'done');
    tools.unregister('paint');
    tools.unregister('paint');
    assert.deepEqual(sent.map(({ data }) => data), [
        { t: 'set-tools', d: { tools: [{ name: 'paint', description: 'Paints.', timeout_ms: 2000 }] } },
        { t: 'set-tools', d: { tools: [] } },
    ]);
    // @ts-expect-error a tool without a description
    assert.throws(() => tools.register('paint', {}, () => 'done'), TypeError);
});

test('the result or error of a handler is sent with the id of its call, and other tools are left to the server', async () => {
    const { sent, tools } = page();
    tools.register('paint', { description: 'Paints.' }, async ({ colour }) => {
        if (colour === 'red') {
            throw new Error('no red left');
        }
        return { colour };
    });
    sent.length = 0;
    await tools.call({ function_name: 'paint', tool_call_id: '1-1', arguments: { colour: 'blue' } });
    await tools.call({ function_name: 'paint', tool_call_id: '1-2', arguments: { colour: 'red' } });
    await tools.call({ function_name: 'other', tool_call_id: '1-3', arguments: {} });
    await tools.call({ function_name: 'paint', tool_call_id: '1-4' });
    assert.deepEqual(sent.map(({ type, data }) => [type, data.tool_call_id, data.result]), [
        ['llm-function-call-result', '1-1', { colour: 'blue' }],
        ['llm-function-call-result', '1-2', { error: 'no red left' }],
    ]);
});
